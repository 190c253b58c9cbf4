/*
 * Chains the ledger rows of a decided batch: each gets the hash of its columns and of the row before
 * (common/protocol/sale_hash.h). The newest hash is carried in the row of the sale. Pure. Called by ledger.c.
 */
#ifndef ROSTRUM_SALEWORKER_CHAIN_H
#define ROSTRUM_SALEWORKER_CHAIN_H

#include "saleworker/batch.h"

/* Fills in the hash of every row, and the newest hash of each sale that got a row. False: no memory. */
MUST_CHECK bool chain_batch(struct sale_batch *batch);

#endif
