/*
 * Who waits for the decision on a bid (Prefer: wait, and commands). Decisions come over Redis, on this worker's own
 * channel; that may lose some, so that each waiter's bid is also looked for in the ledger now and then.
 */
#ifndef ROSTRUM_GATEWAY_BID_WAITERS_H
#define ROSTRUM_GATEWAY_BID_WAITERS_H

#include <sys/queue.h>

#include "common/protocol/message.h"

struct event_base;
struct pg;
struct waiter;
struct waiters;
/* The decision, or NULL when the time is up. The waiter is no longer entered. */
typedef void (*waiter_done)(struct waiter *waiter, const struct decision *decision);

/* Owned by the caller. */
struct waiter {
    struct uuid auction_id;
    struct uuid bid_id;
    int64_t until_ms; /* monotonic */
    waiter_done done;
    void *arg;

    /* The rest belongs to waiters.c. */
    int64_t look_ms; /* when to look into the ledger next */
    bool entered;
    TAILQ_ENTRY(waiter) list;
};

MUST_CHECK struct waiters *waiters_new(struct event_base *base, struct pg *pg);
void waiters_free(struct waiters *waiters);
void waiters_add(struct waiters *waiters, struct waiter *waiter);
/* Harmless if it is not entered. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);
/* For redis_options of the listener. */
void waiters_message(struct waiters *waiters, const char *bytes, size_t length);

#endif
