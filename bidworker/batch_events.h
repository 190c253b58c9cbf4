/*
 * The events of a decided batch as outbox rows: one message with all of them, and one with the ended auctions for
 * settlement. Pure. Called by ledger.c.
 */
#ifndef ROSTRUM_BIDWORKER_BATCH_EVENTS_H
#define ROSTRUM_BIDWORKER_BATCH_EVENTS_H

#include "bidworker/batch.h"
#include "common/worker/outbox_batch.h"

/* Adds them. False without memory; the caller frees the list in both cases. */
MUST_CHECK bool batch_events_add(struct outbox_batch *outbox_batch, const struct batch *batch);

#endif
