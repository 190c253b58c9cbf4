/*
 * A program that decides commands: what worker.c and cycle.c call of it. The bid worker and the sale worker each have
 * one constant of it. Its functions are called from the loop.
 */
#ifndef ROSTRUM_COMMON_WORKER_WORKER_PROGRAM_H
#define ROSTRUM_COMMON_WORKER_WORKER_PROGRAM_H

#include "common/base/metrics.h"
#include "common/protocol/logins.h"
#include "common/worker/ledger_load.h"
#include "common/worker/redis_results.h"

struct worker_program {
    const char *name; /* "rostrum-bidworker": of its connections */
    enum login login;
    const struct work_family *family;
    const struct ledger_load_kind *load;
    const struct ledger_program *ledger; /* its functions have a struct ledger_load as argument */
    const struct republish_pages *pages;
    const char *session; /* settings of the sessions that run the statements */
    const struct pg_statement *statements;
    size_t statement_count;
    size_t first_statement;            /* index of LEDGER_TX_STATEMENT_ROWS */
    struct metrics_family *locked;     /* gauge: locked rows */
    struct metrics_family *locked_age; /* gauge: seconds since the first of them is locked */
    /* The batch is committed, and acked if it is finished: publishes its results. */
    void (*committed)(struct redis_results *results, int64_t took_us, void *batch);
};

#endif
