/*
 * Applies the rules of bidding to a batch whose auctions are loaded and locked. It fills in the ledger rows, new states
 * and events. No I/O: the caller passes the time. Called by ledger.c.
 */
#ifndef ROSTRUM_BIDWORKER_DECIDE_H
#define ROSTRUM_BIDWORKER_DECIDE_H

#include "bidworker/batch.h"

/*
 * Requires a prepared batch with
 *   - known commands marked WORK_KNOWN,
 *   - the bidders' bans and every auction that was found filled in,
 *   - if `voiding`: the auction's bids in `voids`, with room for one more per command of the auction,
 *   - for an auction that was not found: `seq` of its newest ledger row, 0 if there is none; or `locked`.
 * Afterwards every entry has an outcome. Rows, events and the auctions' states are to be committed.
 */
void decide_batch(struct batch *batch, int64_t now_ms);

#endif
