/*
 * A program that decides commands: what worker.c and cycle.c call of it. The bid worker and the sale worker each have
 * one constant of it. Its functions are called from the loop with `arg`.
 */
#ifndef ROSTRUM_COMMON_WORKER_WORKER_PROGRAM_H
#define ROSTRUM_COMMON_WORKER_WORKER_PROGRAM_H

#include <event2/event.h>

#include "common/base/metrics.h"
#include "common/service/config.h"
#include "common/service/shards.h"
#include "common/worker/ledger_tx.h"

struct worker_program {
    const char *name; /* "rostrum-bidworker": of its connections */
    enum login login;
    const struct work_family *family;
    const struct ledger_program *ledger;
    const char *session; /* settings of the sessions that run the statements */
    const struct pg_statement *statements;
    size_t statement_count;
    size_t first_statement;            /* index of LEDGER_TX_STATEMENT_ROWS */
    struct metrics_family *locked;     /* gauge: locked rows */
    struct metrics_family *locked_age; /* gauge: seconds since the first of them is locked */
    /* Creates the batch, for batch_max_bids commands, and what needs no other part. NULL: no memory. */
    struct work *(*open)(struct event_base *base, const struct config *config, void *arg);
    /* Once: the number of shards is known. False: no memory. */
    bool (*start)(struct pg *pg, unsigned shards, void *arg);
    /* The connections to PostgreSQL and RabbitMQ are freed. Also after `open` failed. */
    void (*close)(void *arg);
    /* The epoch of the rows that follow (common/protocol/epoch.h). */
    void (*epoch)(int64_t number, void *arg);
    /* The worker begins or continues to serve the shard, or does not serve it. */
    void (*serve)(unsigned shard, bool mine, void *arg);
    /* Stores the report about a shard that is served. */
    void (*report)(unsigned shard, const struct shards_report *report, void *arg);
    /*
     * After a COMMIT: whether the transaction stopped at its bound. The same commands then go on in the next
     * transaction, before any other; none of them is acked yet. May be NULL: never.
     */
    bool (*unfinished)(void *arg);
    /* The batch is committed, and acked if it is finished: publishes its results. */
    void (*committed)(int64_t took_us, void *arg);
    void *arg;
};

#endif
