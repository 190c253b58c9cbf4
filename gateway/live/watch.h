/*
 * Auctions and flash sales that clients watch through this worker. A watch holds the present state of one of them and
 * its watchers. It subscribes to the Redis channel of its id while it has watchers, applies the updates, and encodes
 * each message once for all of them. What the state is, and how it is read and written, is in a kind (auction_watch.h,
 * sale_watch.h).
 *
 * Missed updates are read from PostgreSQL and sent as a new snapshot. That happens after a lost connection to Redis, a
 * gap in the versions, or an update that does not hold the change. In addition all watched versions are compared with
 * PostgreSQL every live_check_ms. This finds updates that Redis lost, and replaces Redis while it is unavailable.
 *
 * The fan-out runs in chunks, so that bids are processed in between. After a rest it may use a burst of CPU, then a
 * share of one processor (cpu_budget.h). If messages arrive faster than that, all but the present state are skipped.
 *
 * Callers: subscriptions.c, eventstream.c (watchers); auction_watch.c, sale_watch.c (kinds); components.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_WATCH_H
#define ROSTRUM_GATEWAY_LIVE_WATCH_H

#include <sys/queue.h>

#include "common/base/json.h"
#include "common/io/pg.h"
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

struct watches_options {
    struct event_base *base;
    const struct config *config;
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *listener; /* subscribes to the channels of what is watched */
};

/* The statements of a kind. Both have the parameter $1, an array of ids. */
enum {
    WATCH_LOOK,  /* the rows: columns id, version, and others for read_row. What has no row does not exist. */
    WATCH_CHECK, /* columns id, version */
    WATCH_STATEMENT_COUNT
};

/* A kind of watched thing. Its state is zeroed at first, and not used by `write` before read_row has filled it. */
struct watch_kind {
    const char *noun; /* in log lines */
    const struct statements *statements;
    size_t state_size;
    /* Replaces the state by that of a row. False: the row is invalid, and the state is unchanged. */
    bool (*read_row)(void *state, const struct uuid *id, const PGresult *result, int row);
    /* After read_row: the update for those who watch already, else NULL: the present state. NULL: always that. */
    const void *(*row_update)(const void *state);
    /* Applies an update of the next version. */
    void (*apply)(void *state, const void *update);
    /* Writes the present state. */
    void (*write)(struct jsonw *json, const struct watches_options *options, const void *state);
    /* Writes an update, after it was applied. */
    void (*write_update)(struct jsonw *json, const struct watches_options *options, const void *state,
                         const void *update);
    /* Frees what the state owns. */
    void (*release)(void *state);
};

/* One watcher of one auction or sale; owned by the caller. */
struct watcher {
    /* Called with the first snapshot and everything after it. The text is borrowed. It may remove any watcher. */
    void (*update)(struct watcher *watcher, struct text *text);
    /* Called if there is none, or its state is unavailable. The watcher was removed before. */
    void (*refused)(struct watcher *watcher, enum error_code reason);
    void *owner;

    /* Private to watch.c. */
    struct watch *watch; /* NULL: removed */
    int64_t seq;         /* version sent last */
    TAILQ_ENTRY(watcher) list;
};

/* The kind must outlive the watches. */
MUST_CHECK struct watches *watches_new(const struct watches_options *options, const struct watch_kind *kind);
/* All watchers must be removed before. */
void watches_free(struct watches *watches);
/* May call `update` before it returns. False without memory. */
MUST_CHECK bool watch_add(struct watches *watches, struct watcher *watcher, const struct uuid *id);
/* No effect if it was removed. */
void watch_remove(struct watcher *watcher);
/* The state of what is watched, borrowed until the watcher is removed. It may not be known yet: see watch_known. */
void *watch_state(const struct watcher *watcher);
/* Whether the state was read. */
bool watch_known(const struct watcher *watcher);
/* Whether rows were restored, and the state is still that before. The watcher gets an update when it was read. */
bool watch_renewing(const struct watcher *watcher);
/* The present state for a watcher that missed updates. The caller owns the reference. NULL without memory. */
MUST_CHECK struct text *watch_snapshot(struct watcher *watcher);
/* Number of watchers of this worker, over all that is watched. */
size_t watches_count(const struct watches *watches);

/* --- for the kinds: a message of a channel has arrived. No effect if nobody watches. --- */

bool watches_has(struct watches *watches, const struct uuid *id);
/* The state, or NULL if it is not watched or not known yet. */
void *watches_state(struct watches *watches, const struct uuid *id);
/* The update of a version. NULL: it does not hold the change, which must be read. */
void watches_update(struct watches *watches, const struct uuid *id, int64_t version, const void *update);
/* A message of the present version, sent to all watchers. Only while the state is known. */
void watches_send(struct watches *watches, const struct uuid *id, const void *update);
/* An undecodable message: reads the state. */
void watches_reload(struct watches *watches, const struct uuid *id);

/* The listener's connection to Redis came up or was lost. */
void watches_set_connected(struct watches *watches, bool up);
/* Rows were restored: reads all again, and sends watchers the result even if it is older. */
void watches_renew(struct watches *watches);

#endif
