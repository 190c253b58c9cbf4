/*
 * See bid_metrics.h.
 */
#include "gateway/bid/bid_metrics.h"

#include "common/service/shards.h"

struct metrics_family bid_metrics_taken = {
    .name = "rostrum_bid_accept_seconds",
    .help = "Time from a bid's receipt to the broker's confirm, which is its 202.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
struct metrics_family bid_metrics_decided = {
    .name = "rostrum_bid_wait_seconds",
    .help = "Time from the broker's confirm to the decision, of bids whose senders wait for it.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
struct metrics_family bid_metrics_undecided = {
    .name = "rostrum_shard_undecided_seconds",
    .help = "Time that the oldest undecided bid of a shard has waited since its receipt; 0: none waits.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
    .is_time = true,
};
struct metrics_family bid_metrics_ready = {
    .name = "rostrum_shard_depth_messages",
    .help = "Messages in a shard's queue that are not delivered to a bid worker, as an end worker sees it.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};
struct metrics_family bid_metrics_deciding = {
    .name = "rostrum_shard_deciding",
    .help = "0 for a shard that is known to have stopped deciding, else 1.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};

void bid_metrics_add_taken(int64_t took_us)
{
    metrics_observe(&bid_metrics_taken, 0, 0, took_us);
}

void bid_metrics_add_decided(int64_t took_us)
{
    metrics_observe(&bid_metrics_decided, 0, 0, took_us);
}

void bid_metrics_set_shard(unsigned shard, int64_t age_ms, int64_t ready, bool decides)
{
    metrics_set(&bid_metrics_undecided, shard, age_ms < 0 ? age_ms : age_ms * 1000);
    metrics_set(&bid_metrics_ready, shard, ready);
    metrics_set(&bid_metrics_deciding, shard, decides);
}
