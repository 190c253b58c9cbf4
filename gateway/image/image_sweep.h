/*
 * Removes files from the store that no image uses: those with an overdue row in image_leftovers. Every gateway worker
 * sweeps periodically. Rows that another worker holds are skipped (SKIP LOCKED).
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGE_SWEEP_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGE_SWEEP_H

#include "gateway/query/statements.h"

struct event_base;
struct pg;
struct image_sweep;
struct imagestore;
struct workpool;

struct image_sweep_options {
    struct event_base *base;
    int every_s;
    struct pg *pg;
    struct imagestore *store;
    struct workpool *pool;
};

extern struct statements image_sweep_statements;

/* NULL only without memory. The caller keeps ownership of `store` and `pool`. */
MUST_CHECK struct image_sweep *image_sweep_new(const struct image_sweep_options *options);
/* Starts no further sweep. */
void image_sweep_drain(struct image_sweep *sweep);
/* Call after the pool was stopped: none of its jobs may run any more. */
void image_sweep_free(struct image_sweep *sweep);

#endif
