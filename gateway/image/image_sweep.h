/*
 * Removing from the store the files that no image has any more: those whose note in image_leftovers is overdue. Every
 * gateway worker looks now and then; the rows that one takes the others pass over.
 */
#ifndef ROSTRUM_GATEWAY_IMAGE_IMAGE_SWEEP_H
#define ROSTRUM_GATEWAY_IMAGE_IMAGE_SWEEP_H

#include "gateway/query/statements.h"

struct gateway;
struct image_sweep;
struct imagestore;
struct workpool;

extern struct statements image_sweep_statements;

/* NULL only without memory. `store` and `pool` stay the caller's. */
MUST_CHECK struct image_sweep *image_sweep_new(struct gateway *gateway, struct imagestore *store,
                                               struct workpool *pool);
/* After the pool: nothing of it is at work any more. */
void image_sweep_free(struct image_sweep *sweep);

#endif
