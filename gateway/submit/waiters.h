/*
 * Requests that wait for the decision on a command of one family. Decisions arrive on this worker's Redis channel,
 * which may lose messages. So the ledger is queried too: by one statement a second at most for WAITERS_LOOK_MAX of
 * them, those first that have been due for the longest time. A waiter is due a second after it was added, then after 2,
 * 4 and 8 s more, and then every 8 s (docs/bounds.md). What an incomplete message lacks is read from the ledger at
 * once, by a statement for each.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_WAITERS_H
#define ROSTRUM_GATEWAY_SUBMIT_WAITERS_H

#include <sys/queue.h>

#include "gateway/submit/family.h"

struct event_base;
struct pg;
struct waiter;
struct waiters;
enum { WAITERS_LOOK_MAX = 500, WAITERS_LOOK_LEVELS = 4 };

/* The decision, or NULL at the timeout. The waiter was removed before the call. */
typedef void (*waiter_done)(struct waiter *waiter, const union submit_decision *decision);

/* Owned by the caller. */
struct waiter {
    struct submit_ids ids;
    int64_t until_ms; /* monotonic */
    waiter_done done;
    void *arg;

    /* Private to waiters.c. */
    int64_t look_ms; /* when to query the ledger next */
    unsigned level;  /* of its back-off */
    bool entered;
    TAILQ_ENTRY(waiter) list;
    TAILQ_ENTRY(waiter) due;
};

MUST_CHECK struct waiters *waiters_new(struct event_base *base, struct pg *pg, const struct submit_family *family);
void waiters_free(struct waiters *waiters);
void waiters_add(struct waiters *waiters, struct waiter *waiter);
/* No effect if it is not entered. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);
/* A message on the worker's channel. False if it is no decision of this family. */
bool waiters_message(struct waiters *waiters, const char *bytes, size_t length);

#endif
