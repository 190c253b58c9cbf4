/*
 * See worker_metrics.h.
 */
#include "common/worker/worker_metrics.h"

#include "common/base/clock.h"
#include "common/service/shards.h"

enum { MS_PER_S = 1000 };

static const int64_t batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

struct metrics_family worker_metrics_sizes = {
    .name = "rostrum_batch_commands",
    .help = "Commands decided in one transaction.",
    .type = METRICS_HISTOGRAM,
    .bounds = batch_bounds,
    .bound_count = ARRAY_LEN(batch_bounds),
};
struct metrics_family worker_metrics_times = {
    .name = "rostrum_batch_seconds",
    .help = "Time from the beginning of a batch's transaction to its commit.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
struct metrics_family worker_metrics_ready = {
    .name = "rostrum_shard_ready_messages",
    .help =
        "Messages in a shard's queue that are not delivered to a worker yet; for the shards that this worker serves.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};
struct metrics_family worker_metrics_unacked = {
    .name = "rostrum_shard_unacked_messages",
    .help = "Messages of a shard that this worker holds and has not acknowledged.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};
struct metrics_family worker_metrics_rows = {
    .name = "rostrum_outbox_rows",
    .help = "Rows of the outbox that this program has committed and not yet published and removed.",
    .type = METRICS_GAUGE,
};

void worker_metrics_batch(const struct work *work, int64_t took_us)
{
    metrics_observe(&worker_metrics_sizes, 0, 0, (int64_t)(work->count - work->locked));
    metrics_observe(&worker_metrics_times, 0, 0, took_us);
}

void worker_metrics_shards(const struct worker_program *program, const struct shard_reader *shard_reader,
                           unsigned shards)
{
    for (unsigned shard = 0; shard < shards; shard++) {
        size_t count = 0;
        bool served = shard_reader_unacked(shard_reader, shard, &count);
        metrics_set(&worker_metrics_unacked, shard, served ? (int64_t)count : -1);
        metrics_set(&worker_metrics_ready, shard, shard_reader_ready(shard_reader, shard));
    }
    int64_t since_ms = 0;
    size_t waiting = shard_reader_locked(shard_reader, &since_ms);
    metrics_set(program->locked, 0, (int64_t)waiting);
    metrics_set(program->locked_age, 0, waiting == 0 ? 0 : (clock_mono_ms() - since_ms) / MS_PER_S);
}

void worker_metrics_outbox(size_t depth)
{
    metrics_set(&worker_metrics_rows, 0, (int64_t)depth);
}
