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

/* The functions `open` and `close` of struct worker_program: with a batch for that many commands. NULL without memory.
 */
MUST_CHECK void *ledger_open(size_t commands, struct work **work);
void ledger_close(void *arg);
/* Has what ledger_open returned as argument. */
extern const struct ledger_program ledger_program;
struct sale_batch *ledger_batch(const void *arg);

#endif
