/*
 * The events of a batch: what other programs do about a decision, from the new ledger rows. Called by decide.c while it
 * decides, and by ledger.c for the outbox.
 */
#ifndef ROSTRUM_SALEWORKER_EVENTS_H
#define ROSTRUM_SALEWORKER_EVENTS_H

#include "common/worker/outbox_batch.h"
#include "saleworker/batch.h"

/* They return false without memory. */

/* Before an EXPIRE: notes which entries and orders hold units. */
MUST_CHECK bool events_before_expire(struct sale_batch *batch, const struct sale_set *set);
/* Those of a command that was decided, and of the turns that it caused. `first_row`: number of rows before it. */
MUST_CHECK bool events_of_command(struct sale_batch *batch, struct sale_batch_sale *sale,
                                  const struct sale_batch_entry *entry, const struct sale_decision *decided,
                                  size_t first_row);
/* Those of the turns among the rows from `first_row` on. */
MUST_CHECK bool events_of_turns(struct sale_batch *batch, struct sale_batch_sale *sale, size_t first_row);
/* Adds all events to the outbox rows. */
MUST_CHECK bool events_add(struct outbox_batch *outbox_batch, const struct sale_batch *batch);

#endif
