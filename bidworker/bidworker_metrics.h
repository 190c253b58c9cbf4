/*
 * The bid worker's metrics: decisions, batches, and the depth of its queues. cycle.c and worker.c update them; main.c
 * serves them.
 */
#ifndef ROSTRUM_BIDWORKER_BIDWORKER_METRICS_H
#define ROSTRUM_BIDWORKER_BIDWORKER_METRICS_H

#include "bidworker/batch.h"
#include "bidworker/shard_reader.h"
#include "common/base/metrics.h"

extern struct metrics_family *const bidworker_metrics_families[]; /* NULL-ended */

/* Records a committed batch; `took_us` is the time since its transaction began. */
void bidworker_metrics_batch(const struct batch *batch, int64_t took_us);
/* Sets the gauges of the shards. Shards of other workers are left out of the output. */
void bidworker_metrics_shards(const struct shard_reader *shard_reader, unsigned shards);
void bidworker_metrics_outbox(size_t depth);

#endif
