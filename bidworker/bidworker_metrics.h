/*
 * What the bid worker counts: decisions, batches, and what waits for it. Caller: worker.c; main.c shows it.
 */
#ifndef ROSTRUM_BIDWORKER_BIDWORKER_METRICS_H
#define ROSTRUM_BIDWORKER_BIDWORKER_METRICS_H

#include "bidworker/batch.h"
#include "bidworker/shard_reader.h"
#include "common/base/metrics.h"

extern struct metrics_family *const bidworker_metrics_families[]; /* NULL-ended */

/* A batch was committed, `took_us` after it was begun. */
void bidworker_metrics_batch(const struct batch *batch, int64_t took_us);
/* Gauges of the shards, those of others left out. */
void bidworker_metrics_shards(const struct shard_reader *shard_reader, unsigned shards);
void bidworker_metrics_outbox(size_t depth);

#endif
