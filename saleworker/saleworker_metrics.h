/*
 * The sale worker's metrics: decisions, rejections, turns and sales whose commands wait. saleworker.c updates them.
 */
#ifndef ROSTRUM_SALEWORKER_SALEWORKER_METRICS_H
#define ROSTRUM_SALEWORKER_SALEWORKER_METRICS_H

#include "common/base/metrics.h"
#include "saleworker/batch.h"

extern struct metrics_family saleworker_metrics_locked;
extern struct metrics_family saleworker_metrics_locked_age;
extern struct metrics_family *const saleworker_metrics_families[]; /* NULL-ended */

/* Records the decisions of a committed transaction. */
void saleworker_metrics_batch(const struct sale_batch *batch);

#endif
