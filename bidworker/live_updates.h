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

/* Where the rows and events of the next auction stand in the batch: all three are in the order of the auctions' ids. */
struct live_updates_cursor {
    size_t first_row; /* of the auction that live_updates_next was called for last, */
    size_t row;       /* and behind its last one */
    size_t event;
};

/* The auctions of a batch one after the other; none that was found may be left out, but for those that are broken. */
void live_updates_next(const struct batch *batch, const struct batch_auction *auction,
                       struct live_updates_cursor *cursor, struct live_update *update);
/* A bid that the public history shows (rule 9), or a leader's own raise that made the price. */
bool live_updates_shows(const struct batch_row *row);

#endif
