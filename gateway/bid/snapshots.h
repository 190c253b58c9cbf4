/*
 * Snapshots of auctions, used to check a bid before it is published. They are read from Redis. A missing one is loaded
 * from PostgreSQL, by one query for all bids that wait for it.
 *
 * A snapshot from Redis may be old, so it refuses a bid only after snapshots_confirm. That uses a fresh snapshot in
 * Redis, else one query for all bids that wait for it. The query makes the snapshot in Redis fresh for all gateways, so
 * there is about one per auction and SNAPSHOT_FRESH_MS.
 */
#ifndef ROSTRUM_GATEWAY_BID_SNAPSHOTS_H
#define ROSTRUM_GATEWAY_BID_SNAPSHOTS_H

#include "common/protocol/snapshot.h"
#include "gateway/core/deployment.h"
#include "gateway/query/statements.h"

enum snapshots_outcome {
    SNAPSHOTS_FOUND,
    SNAPSHOTS_NO_AUCTION,
    SNAPSHOTS_UNKNOWN, /* PostgreSQL is unavailable: the bid worker decides */
};

struct snapshots;

extern struct statements snapshots_statements;

MUST_CHECK struct snapshots *snapshots_new(const struct deployment *deployment, struct pg *pg, struct redis *redis);
void snapshots_free(struct snapshots *snapshots);

/* Queries Redis. False: Redis is unavailable, or the epoch is not known yet. */
MUST_CHECK bool snapshots_ask(struct snapshots *snapshots, const struct uuid *auction, redis_callback answered,
                              void *arg);
/* Reads the reply; false if there is no snapshot. */
MUST_CHECK bool snapshots_read(const redisReply *reply, const struct uuid *auction, struct snapshot *snapshot);

/* `snapshot` is borrowed, and NULL unless the outcome is SNAPSHOTS_FOUND. */
typedef void (*snapshots_loaded)(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg);
/* Loads a snapshot from PostgreSQL and writes it to Redis. Calls `loaded` exactly once, possibly before returning. */
void snapshots_load(struct snapshots *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg);
/* The same, but a fresh snapshot in Redis is used instead. */
void snapshots_confirm(struct snapshots *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg);
/*
 * Redis was connected: for SNAPSHOT_FRESH_MS none of its snapshots is fresh. It may have been started from a dump that
 * is younger than that, but older than the last write.
 */
void snapshots_reconnected(struct snapshots *snapshots);

#endif
