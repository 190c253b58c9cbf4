/*
 * Auctions that clients watch through this worker. A watch holds the present state of an auction and its watchers. It
 * subscribes to the auction's Redis channel while it has watchers, applies the updates, and encodes each message once
 * for all of them.
 *
 * Missed updates are read from PostgreSQL and sent as a new snapshot: after a lost connection to Redis, a gap in the
 * versions, or a LIVE_LOOK. In addition all watched versions are compared with PostgreSQL every live_check_ms. This
 * finds updates that Redis lost, and replaces Redis while it is unavailable.
 *
 * The fan-out runs in chunks, so that bids are processed in between. After a rest it may use a burst of CPU, then a
 * share of one processor (cpu_budget.h). If messages arrive faster than that, all but the present state are skipped.
 *
 * Callers: commands.c, eventstream.c (watchers); components.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_WATCH_H
#define ROSTRUM_GATEWAY_LIVE_WATCH_H

#include <sys/queue.h>

#include "common/protocol/live_update.h"
#include "gateway/http/errors.h"
#include "gateway/live/frame.h"
#include "gateway/query/statements.h"

struct config;
struct deployment;
struct event_base;
struct pg;
struct redis;
struct watch;
struct watches;
struct watcher;

extern struct statements watch_statements;

/* One watcher of one auction; owned by the caller. */
struct watcher {
    /* Called with the first snapshot and everything after it. The text is borrowed. It may remove any watcher. */
    void (*update)(struct watcher *watcher, struct text *text);
    /* Called if there is no such auction, or its state is unavailable. The watcher was removed before. */
    void (*refused)(struct watcher *watcher, enum error_code reason);
    void *owner;

    /* Private to watch.c. */
    struct watch *watch; /* NULL: removed */
    int64_t seq;         /* version sent last */
    TAILQ_ENTRY(watcher) list;
};

struct watches_options {
    struct event_base *base;
    const struct config *config;
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *listener; /* subscribes to the channels of watched auctions */
};

MUST_CHECK struct watches *watches_new(const struct watches_options *options);
/* All watchers must be removed before. */
void watches_free(struct watches *watches);
/* May call `update` before it returns. False without memory. */
MUST_CHECK bool watch_add(struct watches *watches, struct watcher *watcher, const struct uuid *auction);
/* No effect if it was removed. */
void watch_remove(struct watcher *watcher);
const struct uuid *watch_auction(const struct watcher *watcher);
/* The present state for a watcher that missed updates. The caller owns the reference. NULL without memory. */
MUST_CHECK struct text *watch_snapshot(struct watcher *watcher);
/* Number of watchers of this worker, over all auctions. */
size_t watches_count(const struct watches *watches);

/* Handles a message of an auction's channel. */
void watches_message(struct watches *watches, const struct uuid *auction, const char *bytes, size_t length);
/* The listener's connection to Redis came up or was lost. */
void watches_set_connected(struct watches *watches, bool up);

#endif
