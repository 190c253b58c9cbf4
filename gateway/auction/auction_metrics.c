/*
 * See auction_metrics.h.
 */
#include "gateway/auction/auction_metrics.h"

struct metrics_family auction_metrics_created = {
    .name = "rostrum_auctions_created_total",
    .help = "Auctions created.",
    .type = METRICS_COUNTER,
};

void auction_metrics_add_created(void)
{
    metrics_add(&auction_metrics_created, 0, 0, 0, 1);
}
