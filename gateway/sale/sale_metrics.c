/*
 * See sale_metrics.h.
 */
#include "gateway/sale/sale_metrics.h"

#include "common/service/shards.h"

struct metrics_family sale_metrics_taken = {
    .name = "rostrum_sale_accept_seconds",
    .help = "Time from a command to a flash sale to the broker's confirm, which is its 202.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
struct metrics_family sale_metrics_undecided = {
    .name = "rostrum_sale_shard_undecided_seconds",
    .help = "Time that the oldest undecided command of a shard of sales has waited since its receipt; 0: none waits.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
    .is_time = true,
};
struct metrics_family sale_metrics_ready = {
    .name = "rostrum_sale_shard_depth_messages",
    .help = "Messages in the queue of a shard of sales that are not delivered, as an end worker sees it.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};
struct metrics_family sale_metrics_deciding = {
    .name = "rostrum_sale_shard_deciding",
    .help = "0 for a shard of sales that is known to have stopped deciding, else 1.",
    .type = METRICS_GAUGE,
    .label_count = 1,
    .labels = {{"shard", shards_labels, ARRAY_LEN(shards_labels)}},
};

static const char *const callback_labels[] = {
    [SALE_CALLBACK_QUEUED] = "queued",
    [SALE_CALLBACK_UNKNOWN_ORDER] = "unknown_order",
    [SALE_CALLBACK_UNDECIDED] = "undecided",
    [SALE_CALLBACK_FORGED] = "forged",
};
struct metrics_family sale_metrics_callbacks = {
    .name = "rostrum_payment_callbacks_total",
    .help = "Callbacks of payments by what became of them: queued, of an unknown order, of one that may be undecided,"
            " without a valid signature.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"result", callback_labels, SALE_CALLBACK_COUNT}},
};

void sale_metrics_add_callback(enum sale_callback result)
{
    metrics_add(&sale_metrics_callbacks, (size_t)result, 0, 0, 1);
}

void sale_metrics_add_taken(int64_t took_us)
{
    metrics_observe(&sale_metrics_taken, 0, 0, took_us);
}

void sale_metrics_set_shard(unsigned shard, int64_t age_ms, int64_t ready, bool decides)
{
    metrics_set(&sale_metrics_undecided, shard, age_ms < 0 ? age_ms : age_ms * 1000);
    metrics_set(&sale_metrics_ready, shard, ready);
    metrics_set(&sale_metrics_deciding, shard, decides);
}
