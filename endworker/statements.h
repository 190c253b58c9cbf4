/*
 * Every SQL statement of the end worker's pool, by index. The leader's lock has its own connection and table.
 */
#ifndef ROSTRUM_ENDWORKER_STATEMENTS_H
#define ROSTRUM_ENDWORKER_STATEMENTS_H

#include "common/io/pg.h"
#include "common/service/outbox.h"
#include "common/service/timing_guard.h"

enum statement {
    STATEMENT_SHARDS,     /* -> shards */
    STATEMENT_DUE_STARTS, /* (until, after_ms, after_id, limit) -> id, start ms; ascending */
    STATEMENT_DUE_FENCES, /* (until, after_ms, after_id, limit) -> id, end ms; ascending */
    /* (now, until, after id, after kind, limit) -> see due.c; by id and kind */
    STATEMENT_DUE_SALES,
    STATEMENT_ENDING_SOON,   /* (from, until, seconds, limit) -> id, end ms, version, price */
    STATEMENT_STARTING_SOON, /* (from, until, limit) -> id and body of an outbox row for each sale */
    STATEMENT_LOCK_WAIT,     /* in a transaction: how long it waits for locks; see settlement.c */
    STATEMENT_SETTLE,        /* (ids) -> see settlement.c */
    STATEMENT_SETTLE_FREE,   /* as STATEMENT_SETTLE, without the rows that other sessions have locked */
    STATEMENT_UNSETTLED,     /* (least age in ms, limit) -> id */
    STATEMENT_PRICES,        /* (limit) -> number of processed batches */
    STATEMENT_SEAL,          /* (limit, number, hash) -> see audit_seal in schema/0024-audit-chain.sql */
    STATEMENT_OUTBOX,
    STATEMENT_TIMING = STATEMENT_OUTBOX + OUTBOX_STATEMENTS,
    STATEMENT_COUNT = STATEMENT_TIMING + TIMING_GUARD_STATEMENTS,
};

extern const struct pg_statement statements_table[STATEMENT_COUNT];

#endif
