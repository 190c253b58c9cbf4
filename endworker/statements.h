/*
 * Every SQL statement of the end worker's pool, by index. The leader's lock has its own connection and table.
 */
#ifndef ROSTRUM_ENDWORKER_STATEMENTS_H
#define ROSTRUM_ENDWORKER_STATEMENTS_H

#include "common/io/pg.h"
#include "common/service/outbox.h"

enum statement {
    STATEMENT_SHARDS,      /* -> shards */
    STATEMENT_CLOCK,       /* -> the database's time in ms */
    STATEMENT_DUE_STARTS,  /* (until, after_ms, after_id, limit) -> id, start ms; ascending */
    STATEMENT_DUE_FENCES,  /* (until, after_ms, after_id, limit) -> id, end ms; ascending */
    STATEMENT_ENDING_SOON, /* (from, until, seconds, limit) -> id, end ms, version, price */
    STATEMENT_SETTLE,      /* (ids, now) -> see settlement.c */
    STATEMENT_UNSETTLED,   /* (limit) -> number of processed batches */
    STATEMENT_PRICES,      /* (limit) -> batches paid for */
    STATEMENT_OUTBOX,
    STATEMENT_COUNT = STATEMENT_OUTBOX + OUTBOX_STATEMENTS,
};

extern const struct pg_statement statements_table[STATEMENT_COUNT];

#endif
