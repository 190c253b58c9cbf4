/*
 * Chains the ledger rows of a decided batch: each gets the hash of its columns and of the row before
 * (common/protocol/ledger_hash.h). The newest hash is carried in the row of the auction, so that no row is read for it.
 * Pure. Called by ledger.c.
 */
#ifndef ROSTRUM_BIDWORKER_LEDGER_CHAIN_H
#define ROSTRUM_BIDWORKER_LEDGER_CHAIN_H

#include "bidworker/batch.h"

/* Fills in the hash of every row, and the newest hash of each auction that got a row. */
void ledger_chain(struct batch *batch);

#endif
