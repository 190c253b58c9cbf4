/*
 * How auctions are read from PostgreSQL, and ledger rows, states and outbox written to it: the SQL side of ledger.c.
 */
#ifndef ROSTRUM_BIDWORKER_LEDGER_WRITE_H
#define ROSTRUM_BIDWORKER_LEDGER_WRITE_H

#include "bidworker/batch.h"
#include "bidworker/outbox_batch.h"
#include "common/io/pg.h"

enum { LEDGER_COLUMNS_MAX = 14 }; /* array parameters of the widest statement */

/* Buffers of array parameters, kept from batch to batch. */
struct ledger_arrays {
    struct pg_array columns[LEDGER_COLUMNS_MAX];
};

/* One row of STATEMENT_LOCK. A row that makes no sense marks the auction `broken`. */
void ledger_read_auction(struct batch_auction *auction, const PGresult *result, int row);

/* One row of STATEMENT_TERMS; false if it makes no sense. */
MUST_CHECK bool ledger_read_terms(struct rules_terms *terms, const PGresult *result, int row);

/*
 * One row of STATEMENT_ENTRIES, in their order: the next bid of its auction, or the automatic answer to the last one.
 * False: no memory.
 */
MUST_CHECK bool ledger_read_entry(struct batch_auction *auction, const PGresult *result, int row);

/* Queues the ledger rows and states of a decided batch into `tx`. False: no memory, or the connection is lost. */
MUST_CHECK bool ledger_write(struct pg_tx *tx, struct ledger_arrays *arrays, const struct batch *batch);
/* Likewise the outbox rows; the server's answers fill in their ids. */
MUST_CHECK bool ledger_write_outbox(struct pg_tx *tx, const struct outbox *outbox, struct outbox_batch *outbox_batch);

#endif
