/*
 * What the transaction of a batch does for bids: locks the auctions, loads known decisions, decides (decide.c), writes
 * ledger rows and states. It needs two round trips, or three if a command names an auction that does not exist or is
 * locked. No row of an auction is waited for: the commands of a locked one are not decided. common/worker/ledger_tx has
 * the transaction itself. Called by bidworker.c.
 */
#ifndef ROSTRUM_BIDWORKER_LEDGER_H
#define ROSTRUM_BIDWORKER_LEDGER_H

#include "bidworker/batch.h"
#include "common/worker/ledger_tx.h"

/* The functions `open` and `close` of struct worker_program: with a batch for that many commands. NULL without memory.
 */
MUST_CHECK void *ledger_open(size_t commands, struct work **work);
void ledger_close(void *arg);
/* Has what ledger_open returned as argument. */
extern const struct ledger_program ledger_program;
struct batch *ledger_batch(const void *arg);

#endif
