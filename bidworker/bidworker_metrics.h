/*
 * The bid worker's metrics: decisions, rejections and locked auctions. bidworker.c updates them.
 */
#ifndef ROSTRUM_BIDWORKER_BIDWORKER_METRICS_H
#define ROSTRUM_BIDWORKER_BIDWORKER_METRICS_H

#include "bidworker/batch.h"
#include "common/base/metrics.h"

extern struct metrics_family bidworker_metrics_locked;
extern struct metrics_family bidworker_metrics_locked_age;
extern struct metrics_family *const bidworker_metrics_families[]; /* NULL-ended */

/* Records the decisions of a committed batch. */
void bidworker_metrics_batch(const struct batch *batch);

#endif
