/*
 * Applies the rules to a batch whose auctions are loaded and locked, and turns what they say into ledger rows, new
 * states and events. No I/O: the clock's reading is handed in.
 */
#ifndef ROSTRUM_BIDWORKER_DECIDE_H
#define ROSTRUM_BIDWORKER_DECIDE_H

#include "bidworker/batch.h"

/*
 * Needs a prepared batch, with known commands marked BATCH_KNOWN, bidders' bans and every auction that was found
 * filled in, the bids of those whose `voiding` is true with it, and room for as many more as the batch has commands of
 * it; for one that was not found `seq` is that of its newest ledger row, 0 if there is none. Afterwards every
 * entry has an outcome, and rows, events and the auctions' states are what is to be committed.
 */
void decide_batch(struct batch *batch, int64_t now_ms);

#endif
