/*
 * The decisions that gateways wait for, from the working set of a sale after its commands. Pure. Callers: decide.c,
 * user_updates.c.
 */
#ifndef ROSTRUM_SALEWORKER_OUTCOME_H
#define ROSTRUM_SALEWORKER_OUTCOME_H

#include "saleworker/batch.h"

/* Begins the decision of an entry with what the rules said. */
void outcome_begin(const struct sale_batch_sale *sale, struct sale_batch_entry *entry,
                   const struct sale_decision *decided);
/*
 * After all commands of the sale: raises its version if it has new rows, moves head_seq, and completes the decisions
 * with the entries, positions and orders as they are committed. False: no memory.
 */
MUST_CHECK bool outcome_end(struct sale_batch *batch, struct sale_batch_sale *sale);
/* The id of the JOIN that took the place of an entry of the set. */
struct uuid outcome_entry_id(const struct sale_batch_sale *sale, const struct sale_entry *entry);

#endif
