/*
 * See bid_metrics.h.
 */
#include "gateway/bid/bid_metrics.h"

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

void bid_metrics_add_taken(int64_t took_us)
{
    metrics_observe(&bid_metrics_taken, 0, 0, took_us);
}

void bid_metrics_add_decided(int64_t took_us)
{
    metrics_observe(&bid_metrics_decided, 0, 0, took_us);
}
