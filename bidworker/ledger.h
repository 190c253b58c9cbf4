/*
 * What the transaction of a batch does for bids: locks the auctions, loads known decisions, decides (decide.c), writes
 * ledger rows and states. It needs two round trips, or three if a command names an auction that does not exist or is
 * locked. No row of an auction is waited for: the commands of a locked one are not decided. common/worker/ledger_tx has
 * the transaction itself. Called by bidworker.c.
 */
#ifndef ROSTRUM_BIDWORKER_LEDGER_H
#define ROSTRUM_BIDWORKER_LEDGER_H

#include "bidworker/batch.h"
#include "common/worker/ledger_load.h"

/* Both have a struct ledger_load as argument, whose batch is a struct batch. */
extern const struct ledger_load_kind ledger_load_kind;
extern const struct ledger_program ledger_program;

#endif
