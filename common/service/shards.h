/*
 * The assignment of shards to bid workers. Every bid worker has a random number. It holds a PostgreSQL advisory lock
 * under that number for the life of its session. A worker is alive while it holds this lock. A rendezvous hash assigns
 * each shard to one of the workers that are alive: all programs compute the same owner. When a worker starts or ends,
 * only its own shards move. Bid workers subscribe accordingly; `rostrumctl shards` shows it.
 *
 * Two workers may see different sets of workers for a short time. The broker's single active consumer keeps that safe.
 */
#ifndef ROSTRUM_COMMON_SERVICE_SHARDS_H
#define ROSTRUM_COMMON_SERVICE_SHARDS_H

#include "common/base/base.h"

/* The class of the advisory locks, "Rost". The worker number, 1..SHARDS_WORKER_MAX, is the object. */
#define SHARDS_LOCK_CLASS_TEXT "1383035764" /* 0x526f7374 */
#define SHARDS_WORKER_MAX      INT32_MAX
enum { SHARDS_WORKERS_MAX = 64 }; /* of workers that are alive; a deployment never has more shards to distribute */

/* $1: this worker's number. Returns one row; false: the number is in use, choose another one. */
#define SHARDS_SQL_LOCK "SELECT pg_try_advisory_lock(" SHARDS_LOCK_CLASS_TEXT ", $1::integer)"
/* $1: this worker's number. The worker stops being alive although its session continues. */
#define SHARDS_SQL_UNLOCK "SELECT pg_advisory_unlock(" SHARDS_LOCK_CLASS_TEXT ", $1::integer)"
/* Returns the number (integer) of each worker that is alive, ascending. */
#define SHARDS_SQL_LIVING                                                                                              \
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = " SHARDS_LOCK_CLASS_TEXT             \
    " AND objsubid = 2 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"    \
    " ORDER BY objid LIMIT 64"

/* Returns the worker of `worker_ids` (any order, no duplicates) that owns `shard`; 0 if there is no worker. */
uint32_t shards_owner(unsigned shard, const uint32_t *worker_ids, size_t count);

/*
 * A bid worker's report about a shard that it serves, for operators. The broker does not show clients the number of
 * unacked messages. It is in the Redis hash KEYS_SHARDS, field "NN" (decimal), and is written at every ownership poll.
 * A report older than SHARDS_REPORT_LIFE_MS is ignored.
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
