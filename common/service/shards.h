/*
 * The assignment of shards to bid workers. A worker is alive while its session of PostgreSQL holds the advisory lock of
 * its number (a lease, see lease.h). It owns a shard while the same session also holds the lock of the shard. So there
 * is one record of who owns what, it vanishes with the worker, and no two workers own a shard.
 *
 * Every worker reads all these locks at each poll and computes the same plan from them: each worker gets as many shards
 * as any other, or one more. Those that own most keep the one more, so as few shards move as possible. A worker gives
 * up what it owns beyond its share, and takes its part of the shards that nobody owns. `rostrumctl shards` shows it
 * all.
 *
 * With the setting active_workers_max, that many workers share the shards, and the others stand by: those that own most
 * are active. A worker's number contains its setting, so that all agree while settings differ: the highest one holds.
 *
 * While a shard is handed over, its old owner still reads it until the batch in hand is finished. RabbitMQ's single
 * active consumer keeps that safe.
 */
#ifndef ROSTRUM_COMMON_SERVICE_SHARDS_H
#define ROSTRUM_COMMON_SERVICE_SHARDS_H

#include <libpq-fe.h>

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/protocol/topology.h"

/* The classes of the advisory locks, "Rosw" and "Rosh". Their objects: a worker's number from 1, a shard from 0. */
#define SHARDS_WORKER_CLASS_TEXT "1383035767" /* 0x526f7377 */
#define SHARDS_CLASS_TEXT        "1383035752" /* 0x526f7368 */
/* The same of sale workers and the shards of flash sales, "Rosv" and "Ross". */
#define SHARDS_SALES_WORKER_CLASS_TEXT "1383035766" /* 0x526f7376 */
#define SHARDS_SALES_CLASS_TEXT        "1383035763" /* 0x526f7373 */
#define SHARDS_WORKER_MAX              INT32_MAX
/* A worker's number: its active_workers_max (0: no limit) times this, and a random part from 1. */
#define SHARDS_NUMBERS_EACH 0x1000000
enum {
    SHARDS_WORKERS_MAX = 128, /* that are alive and get shards; more than TOPOLOGY_SHARDS_MAX, so none is missing */
};

/* The statements of a family, by its two classes. $1: this worker's number. One row; false: it is in use. */
#define SHARDS_SQL_LOCK_OF(workers) "SELECT pg_try_advisory_lock(" workers ", $1::integer)"
/* $1: shards. Returns those that this session now owns. */
#define SHARDS_SQL_TAKE_OF(class)                                                                                      \
    "SELECT shard FROM unnest($1::integer[]) AS shard WHERE pg_try_advisory_lock(" class ", shard)"
/* $1: shards that this session owns. */
#define SHARDS_SQL_GIVE_OF(class) "SELECT pg_advisory_unlock(" class ", shard) FROM unnest($1::integer[]) AS shard"
/* Whether the lock is a worker's (else a shard's), its object, the holding session. Workers come first, ascending. */
#define SHARDS_SQL_VIEW_OF(workers, class)                                                                             \
    "SELECT classid = " workers ", objid::bigint, pid FROM pg_locks WHERE locktype = 'advisory'"                       \
    " AND classid IN (" workers                                                                                        \
    ", " class ") AND objsubid = 2 AND granted AND database"                                                           \
               " = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1 DESC, 2"

#define SHARDS_SQL_LOCK SHARDS_SQL_LOCK_OF(SHARDS_WORKER_CLASS_TEXT)
#define SHARDS_SQL_TAKE SHARDS_SQL_TAKE_OF(SHARDS_CLASS_TEXT)
#define SHARDS_SQL_GIVE SHARDS_SQL_GIVE_OF(SHARDS_CLASS_TEXT)
#define SHARDS_SQL_VIEW SHARDS_SQL_VIEW_OF(SHARDS_WORKER_CLASS_TEXT, SHARDS_CLASS_TEXT)

#define SHARDS_SALES_SQL_LOCK SHARDS_SQL_LOCK_OF(SHARDS_SALES_WORKER_CLASS_TEXT)
#define SHARDS_SALES_SQL_TAKE SHARDS_SQL_TAKE_OF(SHARDS_SALES_CLASS_TEXT)
#define SHARDS_SALES_SQL_GIVE SHARDS_SQL_GIVE_OF(SHARDS_SALES_CLASS_TEXT)
#define SHARDS_SALES_SQL_VIEW SHARDS_SQL_VIEW_OF(SHARDS_SALES_WORKER_CLASS_TEXT, SHARDS_SALES_CLASS_TEXT)

enum { SHARDS_NOBODY = 0 /* no worker has this number */ };

/* Who is alive and who owns what. */
struct shards_view {
    unsigned shards;
    size_t workers;
    uint32_t numbers[SHARDS_WORKERS_MAX]; /* of the workers, ascending */
    int64_t sessions[SHARDS_WORKERS_MAX]; /* their backends */
    uint32_t owners[TOPOLOGY_SHARDS_MAX]; /* number of the owner, SHARDS_NOBODY, or SHARDS_UNKNOWN_OWNER */
};

/* The owner's lock of its number is gone; its shards follow at the next look. */
#define SHARDS_UNKNOWN_OWNER UINT32_MAX

/* What a worker does about a shard. */
enum shards_act { SHARDS_NOTHING, SHARDS_KEEP, SHARDS_TAKE, SHARDS_LEAVE };

/* Reads the rows of SHARDS_SQL_VIEW. */
void shards_view_read(struct shards_view *view, unsigned shards, const PGresult *rows);
/* Writes the plan of worker `me`, by shard. A worker that is not in the view leaves what it owns. */
void shards_plan(const struct shards_view *view, uint32_t me, enum shards_act plan[static TOPOLOGY_SHARDS_MAX]);

enum { SHARDS_LOCKED_MAX = 8 /* in one report */ };

/* An auction that is set aside. It does not count in `oldest_ms` of the report. */
struct shards_locked {
    struct uuid auction_id;
    int64_t oldest_ms; /* receivedAt of its oldest undecided command */
};

/*
 * A bid worker's report about a shard that it serves, for operators and for the gateways, which judge by it whether the
 * shard decides (gateway/submit/backlog). The broker does not show clients what is unacked. It is in the Redis hash
 * KEYS_SHARDS, under the shard's number, and is written at every ownership poll. rostrumctl ignores a report older than
 * SHARDS_REPORT_LIFE_MS.
 */
struct shards_report {
    uint32_t worker;
    uint32_t unacked;   /* messages delivered and not acked */
    int64_t at_ms;      /* server time */
    int64_t oldest_ms;  /* receivedAt of the oldest undecided command that was delivered; 0: there is none */
    int64_t stalled_ms; /* for so long the worker has tried to decide its present batch; 0: it has none in hand */
    /* Auctions that are set aside because other sessions have locked their rows: those that wait longest. */
    size_t locked_count;
    struct shards_locked locked[SHARDS_LOCKED_MAX];
};

/* The depth of a shard's queue, from an end worker. In the Redis hash KEYS_DEPTHS, written every second. */
struct shards_depth {
    int64_t ready;     /* messages that are not delivered */
    int64_t consumers; /* of the queue; only one of them is active */
    int64_t at_ms;     /* server time */
};

enum {
    SHARDS_REPORT_SIZE = 96 + SHARDS_LOCKED_MAX * (UUID_TEXT_SIZE + 24), /* of a report; more than that of a depth */
    SHARDS_FIELD_SIZE = 12,
    SHARDS_REPORT_LIFE_MS = 10000,
};

/* The numbers of all shards, as values of a label. */
extern const char *const shards_labels[TOPOLOGY_SHARDS_MAX];

void shards_report_write(const struct shards_report *report, char out[static SHARDS_REPORT_SIZE]);
MUST_CHECK bool shards_report_read(const char *text, struct shards_report *report);
void shards_depth_write(const struct shards_depth *depth, char out[static SHARDS_REPORT_SIZE]);
MUST_CHECK bool shards_depth_read(const char *text, struct shards_depth *depth);
/* The field of a shard in both hashes. */
void shards_field_write(unsigned shard, char out[static SHARDS_FIELD_SIZE]);
MUST_CHECK bool shards_field_read(const char *text, unsigned *shard);

#endif
