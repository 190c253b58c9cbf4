/*
 * What the gateway knows of an auction when a bid comes: the snapshot in Redis, or, where it is missing, the auction in
 * PostgreSQL, asked for once however many bids wait for it.
 */
#ifndef ROSTRUM_GATEWAY_BID_SNAPSHOTS_H
#define ROSTRUM_GATEWAY_BID_SNAPSHOTS_H

#include "common/protocol/snapshot.h"
#include "gateway/query/statements.h"

enum snapshots_outcome {
    SNAPSHOTS_FOUND,
    SNAPSHOTS_NO_AUCTION,
    SNAPSHOTS_UNKNOWN, /* PostgreSQL is not there: the bid worker will know */
};

struct snapshots;

extern struct statements snapshots_statements;

MUST_CHECK struct snapshots *snapshots_new(struct pg *pg, struct redis *redis);
void snapshots_free(struct snapshots *snapshots);

/* Asks Redis. False: it is not there. */
MUST_CHECK bool snapshots_ask(struct redis *redis, const struct uuid *auction, redis_callback answered, void *arg);
/* Its reply; false if there is none. */
MUST_CHECK bool snapshots_read(const redisReply *reply, const struct uuid *auction, struct snapshot *snapshot);

/* `snapshot` is borrowed, and NULL unless SNAPSHOTS_FOUND. */
typedef void (*snapshots_loaded)(enum snapshots_outcome outcome, const struct snapshot *snapshot, void *arg);
/* Loads it from PostgreSQL, and notes it in Redis. `loaded` comes exactly once, perhaps at once. */
void snapshots_load(struct snapshots *snapshots, const struct uuid *auction, snapshots_loaded loaded, void *arg);

#endif
