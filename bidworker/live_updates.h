/*
 * Builds the live updates of a batch (common/protocol/live_update.h): one for each auction and version. Pure.
 *
 * Caller: results.c.
 */
#ifndef ROSTRUM_BIDWORKER_LIVE_UPDATES_H
#define ROSTRUM_BIDWORKER_LIVE_UPDATES_H

#include "bidworker/batch.h"
#include "common/protocol/live_update.h"
#include "common/rules/ledger_entry.h"

/* Position in the rows and events of the batch, which are both in the order of the auctions' ids. */
struct live_updates_cursor {
    size_t first_row; /* first row of the last auction */
    size_t row;       /* one past its last row */
    size_t event;
};

/*
 * Fills `update` for the next auction. Must be called for the batch's auctions in their order. No auction that was
 * found may be skipped, unless it is broken.
 */
void live_updates_next(const struct batch *batch, const struct batch_auction *auction,
                       struct live_updates_cursor *cursor, struct live_update *update);
/* Converts a row to a ledger entry; false if it is not public (common/rules/ledger_entry.h). */
MUST_CHECK bool live_updates_entry(const struct batch_row *row, struct ledger_entry *entry);

#endif
