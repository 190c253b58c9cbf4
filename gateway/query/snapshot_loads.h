/*
 * Loads snapshots from PostgreSQL, by one query for all requests that wait for the same one, and writes them to Redis.
 * What all kinds of snapshots share: those of auctions (gateway/bid/snapshots) and of flash sales
 * (gateway/sale/sale_snapshots) differ in their row, their text and their key.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_SNAPSHOT_LOADS_H
#define ROSTRUM_GATEWAY_QUERY_SNAPSHOT_LOADS_H

#include "common/protocol/keys.h"
#include "common/protocol/snapshot.h"
#include "gateway/core/deployment.h"
#include "gateway/query/statements.h"

enum snapshots_outcome {
    SNAPSHOTS_FOUND,
    SNAPSHOTS_NONE,    /* there is no such row */
    SNAPSHOTS_UNKNOWN, /* PostgreSQL is unavailable: the worker of the queue decides */
};

/* A callback of some kind, which the kind's `deliver` converts back to its type. */
typedef void (*snapshot_loads_callback)(void);

enum { SNAPSHOT_LOADS_VALUE_SIZE = 256 /* bytes of the largest snapshot of any kind */ };

struct snapshot_loads_kind {
    const struct statements *statements;
    size_t statement; /* $1 is the id */
    /* Parses a row; `value` has SNAPSHOT_LOADS_VALUE_SIZE bytes. False: it is invalid. */
    bool (*read_row)(const PGresult *result, int row, void *value);
    /* Parses a text of Redis. False: it is invalid. */
    bool (*read_text)(const struct uuid *id, const char *text, size_t length, void *value);
    /* Writes it to Redis, unless it is one that is not stored there. False: Redis is unavailable. */
    bool (*write)(const struct snapshot_writer *writer, const void *value);
    void (*key)(int64_t epoch, const struct uuid *id, char out[static KEYS_SIZE]);
    /* Calls `loaded`, which is of the kind's own type. `value` is NULL unless the outcome is SNAPSHOTS_FOUND. */
    void (*deliver)(snapshot_loads_callback loaded, enum snapshots_outcome outcome, const void *value, void *arg);
};

struct snapshot_loads;

/* The kind must outlive the loads. NULL without memory. */
MUST_CHECK struct snapshot_loads *snapshot_loads_new(const struct snapshot_loads_kind *kind,
                                                     const struct deployment *deployment, struct pg *pg,
                                                     struct redis *redis);
void snapshot_loads_free(struct snapshot_loads *loads);
/* Queries Redis. False: Redis is unavailable, or the epoch is not known yet. */
MUST_CHECK bool snapshot_loads_ask(struct snapshot_loads *loads, const struct uuid *id, redis_callback answered,
                                   void *arg);
/* Reads the reply; false if there is no snapshot. */
MUST_CHECK bool snapshot_loads_read(const struct snapshot_loads_kind *kind, const redisReply *reply,
                                    const struct uuid *id, void *value);
/*
 * Loads a snapshot and writes it to Redis. `fresh`: a fresh one in Redis is used instead. Delivers exactly once,
 * possibly before it returns.
 */
void snapshot_loads_load(struct snapshot_loads *loads, const struct uuid *id, bool fresh,
                         snapshot_loads_callback loaded, void *arg);
/*
 * Redis was connected: for SNAPSHOT_FRESH_MS none of its snapshots is fresh. It may have been started from a dump that
 * is younger than that, but older than the last write.
 */
void snapshot_loads_reconnected(struct snapshot_loads *loads);

#endif
