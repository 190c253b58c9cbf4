/*
 * Builds the live update of a sale after a batch (common/protocol/sale_live.h). Pure. Called by results.c.
 */
#ifndef ROSTRUM_SALEWORKER_LIVE_UPDATES_H
#define ROSTRUM_SALEWORKER_LIVE_UPDATES_H

#include "common/protocol/sale_live.h"
#include "saleworker/batch.h"

void live_updates_of(const struct sale_batch_sale *sale, struct sale_live *update);

#endif
