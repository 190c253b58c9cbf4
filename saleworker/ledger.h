/*
 * What the transaction of a batch does for flash sales: locks the sales, loads the rows that their commands need
 * (common/rules/sale_command.h), decides (decide.c) and writes (write.c). It needs two round trips, or three if a
 * command names a sale that does not exist or is locked. No row of a sale is waited for: the commands of a locked one
 * are not decided. common/worker/ledger_tx has the transaction itself. Called by saleworker.c.
 */
#ifndef ROSTRUM_SALEWORKER_LEDGER_H
#define ROSTRUM_SALEWORKER_LEDGER_H

#include "common/worker/ledger_tx.h"
#include "saleworker/batch.h"

struct ledger;

/* `batch` is borrowed. NULL without memory. */
MUST_CHECK struct ledger *ledger_new(struct sale_batch *batch);
void ledger_free(struct ledger *ledger);

/* The functions of struct ledger_program. */
MUST_CHECK bool ledger_load(struct ledger *ledger, struct ledger_tx *ledger_tx, struct pg_tx *tx);
MUST_CHECK bool ledger_decide(struct ledger *ledger, struct outbox_batch *events);
MUST_CHECK bool ledger_write(struct ledger *ledger, struct pg_tx *tx);

#endif
