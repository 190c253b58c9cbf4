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

struct ledger;

/* `batch` is borrowed. NULL without memory. */
MUST_CHECK struct ledger *ledger_new(struct batch *batch);
void ledger_free(struct ledger *ledger);

/* The functions of struct ledger_program. */
MUST_CHECK bool ledger_load(struct ledger *ledger, struct ledger_tx *ledger_tx, struct pg_tx *tx);
MUST_CHECK bool ledger_decide(struct ledger *ledger, struct outbox_batch *events);
MUST_CHECK bool ledger_write_batch(struct ledger *ledger, struct pg_tx *tx);
void ledger_written(const struct ledger *ledger);

#endif
