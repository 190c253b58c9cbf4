/*
 * Who serves which shard. Every bid worker has a random number and holds a PostgreSQL advisory lock under it for as
 * long as its session lives; the holders of such locks are the living. Each shard belongs to one of them by rendezvous
 * hash: everybody who knows the living computes the same owner, and when one comes or goes only its own shards move.
 * Bid workers subscribe by it, `rostrumctl shards` shows it.
 *
 * Single active consumer in the broker guards the moment in which two workers see different sets of the living.
 */
#ifndef ROSTRUM_COMMON_SHARDS_H
#define ROSTRUM_COMMON_SHARDS_H

#include "common/base.h"

/* The class of the advisory locks, "Rost". Worker numbers are the objects, 1..SHARDS_WORKER_MAX. */
#define SHARDS_LOCK_CLASS_TEXT "1383035764" /* 0x526f7374 */
#define SHARDS_WORKER_MAX      INT32_MAX
enum { SHARDS_WORKERS_MAX = 64 }; /* living workers that are looked at: more than a house ever has shards to share */

/* $1: this worker's number. One row, true: taken. False: somebody has that number, draw another. */
#define SHARDS_SQL_LOCK "SELECT pg_try_advisory_lock(" SHARDS_LOCK_CLASS_TEXT ", $1::integer)"
/* One row with the worker's number (integer) for each of the living, rising. */
#define SHARDS_SQL_LIVING                                                                                              \
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = " SHARDS_LOCK_CLASS_TEXT             \
    " AND objsubid = 2 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"    \
    " ORDER BY objid LIMIT 64"

/* The worker of `worker_ids` (in any order, each once) that owns `shard`; 0 when nobody lives. */
uint32_t shards_owner(unsigned shard, const uint32_t *worker_ids, size_t count);

#endif
