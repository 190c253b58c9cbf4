/*
 * Who serves which shard. Every bid worker has a random number and holds a PostgreSQL advisory lock under it for as
 * long as its session lives; the holders of such locks are the living. Each shard belongs to one of them by rendezvous
 * hash: everybody who knows the living computes the same owner, and when one comes or goes only its own shards move.
 * Bid workers subscribe by it, `rostrumctl shards` shows it.
 *
 * Single active consumer in the broker guards the moment in which two workers see different sets of the living.
 */
#ifndef ROSTRUM_COMMON_SERVICE_SHARDS_H
#define ROSTRUM_COMMON_SERVICE_SHARDS_H

#include "common/base/base.h"

/* The class of the advisory locks, "Rost". Worker numbers are the objects, 1..SHARDS_WORKER_MAX. */
#define SHARDS_LOCK_CLASS_TEXT "1383035764" /* 0x526f7374 */
#define SHARDS_WORKER_MAX      INT32_MAX
enum {
    SHARDS_WORKERS_MAX = 64
}; /* living workers that are looked at: more than a deployment ever has shards to share */

/* $1: this worker's number. One row, true: taken. False: somebody has that number, draw another. */
#define SHARDS_SQL_LOCK "SELECT pg_try_advisory_lock(" SHARDS_LOCK_CLASS_TEXT ", $1::integer)"
/* $1: this worker's number. It lives no more, though its session does. */
#define SHARDS_SQL_UNLOCK "SELECT pg_advisory_unlock(" SHARDS_LOCK_CLASS_TEXT ", $1::integer)"
/* One row with the worker's number (integer) for each of the living, rising. */
#define SHARDS_SQL_LIVING                                                                                              \
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = " SHARDS_LOCK_CLASS_TEXT             \
    " AND objsubid = 2 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"    \
    " ORDER BY objid LIMIT 64"

/* The worker of `worker_ids` (in any order, each once) that owns `shard`; 0 when nobody lives. */
uint32_t shards_owner(unsigned shard, const uint32_t *worker_ids, size_t count);

/*
 * What a bid worker says about a shard that it serves, for whoever operates the deployment: the broker itself tells no
 * client how many messages are handed out and unacknowledged. In the Redis hash KEYS_SHARDS, field "NN" (decimal),
 * written at every look; one older than SHARDS_REPORT_LIFE_MS says nothing any more.
 */
struct shards_report {
    uint32_t worker;
    uint32_t unacked; /* messages delivered and not acked */
    int64_t at_ms;    /* server time */
};

enum { SHARDS_REPORT_SIZE = 48, SHARDS_REPORT_LIFE_MS = 10000 };

void shards_report_write(const struct shards_report *report, char out[static SHARDS_REPORT_SIZE]);
MUST_CHECK bool shards_report_read(const char *text, struct shards_report *report);

#endif
