/*
 * Publishes snapshots of auctions again, of a shard that this worker begins to serve, and of all its shards when its
 * connection to Redis comes back. Meanwhile a void, an update or an earlier start may have been committed without a
 * snapshot, or Redis may have been started from an older dump. Then its snapshots refuse valid bids, until the next
 * batch or the end of their lifetime.
 *
 * It reads the open auctions and those that ended recently, in pages, and publishes what has changed within the
 * lifetime of a snapshot. An older change needs no publication: a snapshot from before it has expired.
 *
 * Caller: bidworker.c.
 */
#ifndef ROSTRUM_BIDWORKER_REPUBLISH_H
#define ROSTRUM_BIDWORKER_REPUBLISH_H

#include <event2/event.h>

#include "bidworker/results.h"
#include "common/io/pg.h"

struct republish;

struct republish_options {
    struct event_base *base;
    struct pg *pg; /* with statements_all */
    struct results *results;
    unsigned shards;
};

/* NULL without memory. */
MUST_CHECK struct republish *republish_new(const struct republish_options *options);
/* Free `pg` first. NULL is allowed. */
void republish_free(struct republish *republish);
/* The worker begins or continues to serve the shard, or does not serve it. */
void republish_serve(struct republish *republish, unsigned shard, bool mine);
/* The connection to Redis came up. */
void republish_all(struct republish *republish);

#endif
