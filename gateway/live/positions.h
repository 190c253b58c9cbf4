/*
 * The places of connected users in the waiting lines of flash sales, and the messages to the user alone:
 * queue:position-update and order:update. A follower is one connection of a user who watches one sale.
 *
 * Where a position comes from: the decision on the user's JOIN, or one read from PostgreSQL when the connection begins
 * to follow. From then on it is computed from the updates of the sale (sale_line.h), without SQL. A place is read
 * again when it does not wait any more, after a gap, and when its turn or its reservation should be over.
 *
 * A position is sent at most once in POSITIONS_REST_MS to a follower; a change of the status is sent at once. Places
 * are read by one query at a time, many in each; the same place at most once in POSITIONS_REST_MS. Followers are
 * visited in chunks, the longest unvisited first, within a share of one processor (cpu_budget.h).
 *
 * Callers: subscriptions.c, eventstream.c (followers); presence.c (orders); components.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_POSITIONS_H
#define ROSTRUM_GATEWAY_LIVE_POSITIONS_H

#include <sys/queue.h>

#include "common/protocol/sale_message.h"
#include "gateway/live/frame.h"
#include "gateway/live/sale_watch.h"

enum { POSITIONS_REST_MS = 1000 };

struct event_base;
struct pg;
struct positions;

extern struct statements positions_statements;

/* Owned by the caller, who must keep `watcher` until positions_leave. */
struct follower {
    /* Called with a message to the user. The text is borrowed. */
    void (*notified)(struct follower *follower, struct text *text);
    void *owner;

    /* Private to positions.c. */
    struct positions *positions; /* NULL: it does not follow */
    struct watcher *watcher;
    struct uuid sale_id;
    struct uuid user_id;
    bool renewing;                 /* rows were restored: nothing is known before the sale's state was read again */
    bool placed;                   /* the user has, or had, a place: the members below are set */
    enum sale_entry_status status; /* effective */
    struct sale_place place;       /* its position if it waits; its version is that of all members */
    int64_t expires_ms;            /* of the turn; 0: none */
    struct {
        bool any;
        int64_t seq;
        int64_t position;
        enum sale_entry_status status;
        int64_t expires_ms;
    } sent;
    struct uuid order_id;  /* the newest order that is known; nil: none */
    int64_t order_version; /* of the sale, for which it is known */
    enum sale_order_status order_status;
    int64_t order_expires_ms; /* 0: it holds no units */
    bool order_known;         /* an order was read before: a change of it is sent */
    int64_t due_ms;           /* monotonic; no position is sent before */
    int64_t asked_ms;         /* monotonic; when it was read last */
    int64_t sweep_ms;         /* monotonic; when it is visited by the sweep */
    bool resting;             /* in the list `resting` */
    bool asking;              /* in the list `asking` */
    size_t reading;           /* 1 + its index in the running query; 0: not in it */
    TAILQ_ENTRY(follower) all;
    TAILQ_ENTRY(follower) rests;
    TAILQ_ENTRY(follower) asks;
};

MUST_CHECK struct positions *positions_new(struct event_base *base, struct pg *pg);
/* All followers must have left before. */
void positions_free(struct positions *positions);
/* The follower's `notified` and `owner` must be set. `watcher` watches a sale. */
void positions_follow(struct positions *positions, struct follower *follower, struct watcher *watcher,
                      const struct uuid *sale, const struct uuid *user);
/* No effect if it does not follow. */
void positions_leave(struct follower *follower);
/* The watcher got an update. No effect if it does not follow. */
void positions_changed(struct follower *follower);
/* A decision on a command of the user in this sale. */
void positions_decided(struct follower *follower, const struct sale_message_decision *decision);
/* Messages were lost, or may have been: reads all places again. */
void positions_ask_all(struct positions *positions);
/* Rows were restored, after watches_renew: forgets all places, and reads each when the state of its sale was read. */
void positions_renew(struct positions *positions);

/* Appends an order:update as a finished object. */
void positions_write_order(struct jsonw *json, const struct sale_message_decision *decision);

#endif
