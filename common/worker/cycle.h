/*
 * Decides one batch after another: takes it from the shard reader, has it decided and committed by ledger_tx, acks it,
 * has its results published, and takes the next. It owns the batch in hand and says what happens when it fails. Called
 * by worker.c.
 */
#ifndef ROSTRUM_COMMON_WORKER_CYCLE_H
#define ROSTRUM_COMMON_WORKER_CYCLE_H

#include <event2/event.h>

#include "common/io/pg.h"
#include "common/service/config.h"
#include "common/service/outbox.h"
#include "common/worker/ledger_tx.h"
#include "common/worker/shard_reader.h"
#include "common/worker/worker_program.h"

struct cycle;

/* All pointers are borrowed. */
struct cycle_options {
    struct event_base *base;
    const struct config *config;
    const struct worker_program *program;
    struct pg *pg; /* with the program's statements */
    struct ledger_load *load;
    struct redis_results *results;
    struct shard_reader *shard_reader;
    struct outbox *outbox;
    /* Whether the worker holds its lease. Without it no batch is taken, and no COMMIT sent unless the cycle drains. */
    bool (*holds)(void *arg);
    /* Whether the lease was lost because the loop hung, as lease_hung says. */
    bool (*hung)(void *arg);
    void (*drained)(void *arg); /* once, after cycle_drain: the cycle has ended, and no command is in hand */
    void *arg;
};

struct cycle_totals {
    uint64_t commands;
    uint64_t batches;
};

/* NULL without memory. */
MUST_CHECK struct cycle *cycle_new(const struct cycle_options *options);
/* Ends the cycle at once, without `drained`. The batch in hand returns to the shard reader. No effect on NULL. */
void cycle_end(struct cycle *cycle);
/* To be called after cycle_end, once the connections to PostgreSQL are freed: their last callbacks use it. */
void cycle_free(struct cycle *cycle);
/* To be called when a command may be available: the loop then tries to take one. */
void cycle_wake(struct cycle *cycle);
/* PostgreSQL is up again: tries a waiting batch at once. */
void cycle_resume(struct cycle *cycle);
/* The lease is gone: rolls the batch in hand back and keeps it for a retry, unless its COMMIT was sent. */
void cycle_abandon(struct cycle *cycle);
/* Takes no more batches, and calls `drained` as soon as the batch in hand has ended: perhaps before it returns. */
void cycle_drain(struct cycle *cycle);
/* Milliseconds since the batch in hand was taken. 0: there is none. */
int64_t cycle_age_ms(const struct cycle *cycle);
/* Milliseconds since PostgreSQL last answered about the batch in hand, or since it was taken. 0: there is none. */
int64_t cycle_unanswered_ms(const struct cycle *cycle);
/* What was committed since the start. */
struct cycle_totals cycle_totals(const struct cycle *cycle);

#endif
