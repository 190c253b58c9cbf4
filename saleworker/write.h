/*
 * Sends the changed rows of a decided batch. Called by ledger.c.
 */
#ifndef ROSTRUM_SALEWORKER_WRITE_H
#define ROSTRUM_SALEWORKER_WRITE_H

#include "common/io/pg.h"
#include "saleworker/batch.h"

enum { WRITE_COLUMNS_MAX = 20 }; /* array parameters of the widest statement */

/* Buffers of array parameters, reused for every batch. */
struct write_arrays {
    struct pg_array columns[WRITE_COLUMNS_MAX];
};
void write_arrays_free(struct write_arrays *arrays);

/* False: no memory, or the connection is lost. */
MUST_CHECK bool write_batch(struct pg_tx *tx, struct write_arrays *arrays, const struct sale_batch *batch);

#endif
