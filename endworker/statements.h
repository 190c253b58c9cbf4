/*
 * Every SQL statement of the end worker's pool, by index. The leader's lock has a connection and a table of its own.
 */
#ifndef ROSTRUM_ENDWORKER_STATEMENTS_H
#define ROSTRUM_ENDWORKER_STATEMENTS_H

#include "common/io/pg.h"
#include "common/service/outbox.h"

enum statement {
    STATEMENT_SHARDS,      /* -> shards */
    STATEMENT_CLOCK,       /* -> the database's time, ms */
    STATEMENT_DUE_STARTS,  /* (until, after_ms, after_id, limit) -> id, start ms; rising */
    STATEMENT_DUE_FENCES,  /* (until, after_ms, after_id, limit) -> id, end ms; rising */
    STATEMENT_ENDING_SOON, /* (from, until, seconds, limit) -> id, end ms, version, price */
    STATEMENT_SETTLE,      /* (ids, now) -> see settlement.c */
    STATEMENT_UNSETTLED,   /* (until, limit) -> id */
    STATEMENT_PRICES,      /* (limit) -> batches paid for */
    STATEMENT_OUTBOX,
    STATEMENT_COUNT = STATEMENT_OUTBOX + OUTBOX_STATEMENTS,
};

extern const struct pg_statement statements_table[STATEMENT_COUNT];

#endif
