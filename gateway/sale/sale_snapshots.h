/*
 * Snapshots of flash sales, used to refuse a command before it is published, and to show a sale to guests. They are
 * read from Redis. A missing one is loaded from PostgreSQL, by one query for all requests that wait for it.
 *
 * A snapshot from Redis may be old, so it refuses only after sale_snapshots_confirm: see gateway/bid/snapshots.h.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_SNAPSHOTS_H
#define ROSTRUM_GATEWAY_SALE_SALE_SNAPSHOTS_H

#include "common/protocol/sale_snapshot.h"
#include "gateway/query/snapshot_loads.h"

extern struct statements sale_snapshots_statements;

/* The caller calls snapshot_loads_free. snapshot_loads_ask queries Redis. */
MUST_CHECK struct snapshot_loads *sale_snapshots_new(const struct deployment *deployment, struct pg *pg,
                                                     struct redis *redis);

/* Reads the reply of snapshot_loads_ask; false if there is no snapshot. */
MUST_CHECK bool sale_snapshots_read(const redisReply *reply, const struct uuid *sale, struct sale_snapshot *snapshot);

/* `snapshot` is borrowed, and NULL unless the outcome is SNAPSHOTS_FOUND. */
typedef void (*sale_snapshots_loaded)(enum snapshots_outcome outcome, const struct sale_snapshot *snapshot, void *arg);
/* Loads a snapshot from PostgreSQL and writes it to Redis. Calls `loaded` exactly once, possibly before returning. */
void sale_snapshots_load(struct snapshot_loads *snapshots, const struct uuid *sale, sale_snapshots_loaded loaded,
                         void *arg);
/*
 * The same, but a fresh snapshot in Redis is used instead, unless the sale has not opened by `snapshot`: then an UPDATE
 * may be queued, which only PostgreSQL shows.
 */
void sale_snapshots_confirm(struct snapshot_loads *snapshots, const struct sale_snapshot *snapshot,
                            sale_snapshots_loaded loaded, void *arg);

#endif
