/*
 * Sends the changed rows of a decided batch. Called by ledger.c.
 */
#ifndef ROSTRUM_SALEWORKER_WRITE_H
#define ROSTRUM_SALEWORKER_WRITE_H

#include "common/worker/row_arrays.h"
#include "saleworker/batch.h"

/* False: no memory, or the connection is lost. */
MUST_CHECK bool write_batch(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch);

#endif
