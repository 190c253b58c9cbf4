/*
 * What the transaction of a batch does for flash sales: locks the sales, loads the rows that their commands need
 * (common/rules/sale_command.h), decides (decide.c) and writes (write.c). It needs two round trips, or three if a
 * command names a sale that does not exist or is locked. No row of a sale is waited for: the commands of a locked one
 * are not decided. common/worker/ledger_tx has the transaction itself. Called by saleworker.c.
 */
#ifndef ROSTRUM_SALEWORKER_LEDGER_H
#define ROSTRUM_SALEWORKER_LEDGER_H

#include "common/worker/ledger_load.h"
#include "saleworker/batch.h"

/* Both have a struct ledger_load as argument, whose batch is a struct sale_batch. */
extern const struct ledger_load_kind ledger_load_kind;
extern const struct ledger_program ledger_program;

#endif
