/*
 * Applies the rules of flash sales to a batch whose rows are loaded and locked. No I/O: the time is that of the batch.
 * Called by ledger.c.
 */
#ifndef ROSTRUM_SALEWORKER_DECIDE_H
#define ROSTRUM_SALEWORKER_DECIDE_H

#include "saleworker/batch.h"

/* What the commands of a sale need of its line (common/rules/sale_command.h), as parameters of statements. */
struct decide_needs {
    size_t others; /* commands that may take places out of the line or units back; 0: turns are bounded by free units */
    int64_t latest_ms; /* of their receipts; the end of time if an update may move the start */
    size_t due;        /* due turns, and due reservations; 0: none are needed */
    int64_t due_ms;
};
struct decide_needs decide_needs_of(const struct sale_batch *batch, const struct sale_batch_sale *sale);

/*
 * Every entry gets its outcome, but those behind the turns that the next transaction grants: they stay WORK_UNDECIDED.
 * The changed rows are in the sets. False: no memory.
 */
MUST_CHECK bool decide_batch(struct sale_batch *batch);
/* Whether turns are left for the next transaction. */
bool decide_unfinished(const struct sale_batch *batch);
/* The rows of the sale are inconsistent: its commands wait until they are repaired. `reason` goes into the log. */
void decide_set_aside(struct sale_batch_sale *sale, const char *reason);

#endif
