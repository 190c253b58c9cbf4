/*
 * Removing from the store the files that no image has any more: those whose note in image_leftovers is overdue. Every
 * gateway worker looks now and then; the rows that one takes the others pass over.
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

/* NULL only without memory. `store` and `pool` stay the caller's. */
MUST_CHECK struct image_sweep *image_sweep_new(const struct image_sweep_options *options);
/* Begins no other sweep. */
void image_sweep_drain(struct image_sweep *sweep);
/* After the pool: nothing of it is at work any more. */
void image_sweep_free(struct image_sweep *sweep);

#endif
