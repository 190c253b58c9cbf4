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

#include "gateway/query/snapshot_loads.h"

extern struct statements snapshots_statements;

/* The caller calls snapshot_loads_free. */
MUST_CHECK struct snapshot_loads *snapshots_new(const struct deployment *deployment, struct pg *pg,
                                                struct redis *redis);

/* Reads the reply; false if there is no snapshot. */
MUST_CHECK bool snapshots_read(const redisReply *reply, const struct uuid *auction, struct snapshot *snapshot);

/* `snapshot` is borrowed, and NULL unless the outcome is SNAPSHOTS_FOUND. */
typedef void (*snapshots_loaded)(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg);
/* Loads a snapshot from PostgreSQL and writes it to Redis. Calls `loaded` exactly once, possibly before returning. */
void snapshots_load(struct snapshot_loads *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg);
/* The same, but a fresh snapshot in Redis is used instead. */
void snapshots_confirm(struct snapshot_loads *snapshots, const struct uuid *auction, snapshots_loaded loaded,
                       void *arg);
#endif
