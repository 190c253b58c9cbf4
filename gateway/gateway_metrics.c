/*
 * See gateway_metrics.h.
 */
#include "gateway/gateway_metrics.h"

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "gateway/auction/auction_metrics.h"
#include "gateway/bid/bid_metrics.h"
#include "gateway/http/http_metrics.h"
#include "gateway/live/live_metrics.h"
#include "gateway/query/cache_metrics.h"
#include "gateway/sale/sale_metrics.h"

static struct metrics_family workers = {
    .name = "rostrum_gateway_workers",
    .help = "Workers that accept connections.",
    .type = METRICS_GAUGE,
};

struct metrics_family *const gateway_metrics_families[] = {
    /* clang-format off */
    &http_metrics_requests, &http_metrics_durations, &http_metrics_refusals, &http_metrics_accepted,
    &http_metrics_connections, &workers, &bid_metrics_taken, &bid_metrics_undecided,
    &bid_metrics_ready, &bid_metrics_deciding,
    &live_metrics_open, &live_metrics_watching, &live_metrics_sent, &live_metrics_slow, &live_metrics_closed,
    &live_metrics_repairs, &bid_metrics_decided, &auction_metrics_created, &cache_metrics_lookups,
    &sale_metrics_taken, &sale_metrics_undecided, &sale_metrics_ready, &sale_metrics_deciding, &sale_metrics_callbacks,
    &log_metrics, &broker_metrics, &pg_metrics,
    NULL,
    /* clang-format on */
};

void gateway_metrics_workers(size_t serving)
{
    metrics_set(&workers, 0, (int64_t)serving);
}
