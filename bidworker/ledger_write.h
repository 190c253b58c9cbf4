/*
 * The SQL side of ledger.c: reads auctions, terms and ledger entries from PostgreSQL; writes ledger rows and states.
 */
#ifndef ROSTRUM_BIDWORKER_LEDGER_WRITE_H
#define ROSTRUM_BIDWORKER_LEDGER_WRITE_H

#include "bidworker/batch.h"
#include "common/worker/row_arrays.h"

/* Reads one row of STATEMENT_LOCK. An invalid row marks the auction `broken`. */
void ledger_read_auction(struct batch_auction *auction, const PGresult *result, int row);

/* Reads one row of STATEMENT_TERMS; false if it is invalid. */
MUST_CHECK bool ledger_read_terms(struct rules_terms *terms, const PGresult *result, int row);

/*
 * Reads one row of STATEMENT_ENTRIES. Rows must come in their order: each is the next bid of its auction, or the
 * automatic answer to the previous one. False: no memory.
 */
MUST_CHECK bool ledger_read_entry(struct batch_auction *auction, const PGresult *result, int row);

/* Sends the ledger rows and states of a decided batch in `tx`. False: no memory, or the connection is lost. */
MUST_CHECK bool ledger_write(struct pg_tx *tx, struct row_arrays *arrays, const struct batch *batch);

#endif
