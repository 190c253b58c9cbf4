/*
 * Adds the user's own view, `you` (gateway/auction/you.h), to the snapshot that answers a user. It reads PostgreSQL
 * after the snapshot was taken, so `you` is never older than the snapshot's version. Without PostgreSQL it is null.
 *
 * Callers: subscriptions.c, eventstream.c. Each has at most one read at a time for a subscription or stream.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_OWN_VIEW_H
#define ROSTRUM_GATEWAY_LIVE_OWN_VIEW_H

#include "common/io/pg.h"
#include "gateway/core/deployment.h"
#include "gateway/live/frame.h"
#include "gateway/query/statements.h"

extern struct statements own_view_statements;

struct own_view;

/* `text` is the snapshot with `you`, borrowed; NULL without memory. */
typedef void (*own_view_done)(struct text *text, void *arg);

/* Whose view of which auction, and the snapshot that it is added to. */
struct own_view_of {
    struct uuid user_id;
    struct uuid auction_id;
    struct text *snapshot;
};

struct own_view_options {
    const struct deployment *deployment;
    struct pg *pg;
    struct jsonw *json; /* the writer of answers */
};

/*
 * Calls `done` once, from the loop or before it returns. Until then *running is the read. Keeps a reference to
 * `snapshot`.
 */
void own_view_read(const struct own_view_options *options, const struct own_view_of *of, struct own_view **running,
                   own_view_done done, void *arg);
/* `done` is not called any more. NULL is allowed. */
void own_view_leave(struct own_view *view);

#endif
