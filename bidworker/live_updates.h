/*
 * What those who watch an auction are told of a batch: one message for each auction and version
 * (common/protocol/live_update.h). Pure.
 *
 * Caller: emit.c.
 */
#ifndef ROSTRUM_BIDWORKER_LIVE_UPDATES_H
#define ROSTRUM_BIDWORKER_LIVE_UPDATES_H

#include "bidworker/batch.h"
#include "common/protocol/live_update.h"
#include "common/rules/ledger_entry.h"

/* Where the rows and events of the next auction stand in the batch: all three are in the order of the auctions' ids. */
struct live_updates_cursor {
    size_t first_row; /* of the auction that live_updates_next was called for last, */
    size_t row;       /* and behind its last one */
    size_t event;
};

/* The auctions of a batch one after the other; none that was found may be left out, but for those that are broken. */
void live_updates_next(const struct batch *batch, const struct batch_auction *auction,
                       struct live_updates_cursor *cursor, struct live_update *update);
/* The row as a ledger entry; false if it is not public (common/rules/ledger_entry.h). */
MUST_CHECK bool live_updates_entry(const struct batch_row *row, struct ledger_entry *entry);

#endif
