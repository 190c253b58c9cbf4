/*
 * The metrics that all programs with shards have: batches, queues and outbox. cycle.c and worker.c update them.
 */
#ifndef ROSTRUM_COMMON_WORKER_WORKER_METRICS_H
#define ROSTRUM_COMMON_WORKER_WORKER_METRICS_H

#include "common/base/metrics.h"
#include "common/worker/shard_reader.h"
#include "common/worker/worker_program.h"

extern struct metrics_family worker_metrics_sizes;
extern struct metrics_family worker_metrics_times;
extern struct metrics_family worker_metrics_ready;
extern struct metrics_family worker_metrics_unacked;
extern struct metrics_family worker_metrics_rows;

/* For the program's list of families, with those of the layers below. */
#define WORKER_METRICS                                                                                                 \
    &worker_metrics_sizes, &worker_metrics_times, &worker_metrics_ready, &worker_metrics_unacked,                      \
        &worker_metrics_rows, &log_metrics, &broker_metrics, &pg_metrics, &lease_metrics, &service_loop_metrics

/* Records a committed batch; `took_us` is the time since its transaction began. */
void worker_metrics_batch(const struct work *work, int64_t took_us);
/* Sets the gauges of the shards. Shards of other workers are left out of the output. */
void worker_metrics_shards(const struct worker_program *program, const struct shard_reader *shard_reader,
                           unsigned shards);
void worker_metrics_outbox(size_t depth);

#endif
