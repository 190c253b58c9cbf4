/*
 * See metering.h.
 */
#include "notifyworker/metering.h"

#include "common/broker.h"
#include "common/log.h"
#include "common/pg.h"

static const char *const kinds[METERING_KINDS] = {
    "OUTBID",       "PROXY_EXHAUSTED", "WATCHED_BID",    "AUCTION_EXTENDED",  "AUCTION_ENDING_SOON", "AUCTION_WON",
    "AUCTION_LOST", "AUCTION_SOLD",    "AUCTION_UNSOLD", "AUCTION_CANCELLED", "BID_VOIDED",
};

static struct metrics_family notifications = {
    .name = "rostrum_notifications_total",
    .help = "Notifications written, by kind; what was told before is not counted again.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"kind", kinds, ARRAY_LEN(kinds)}},
};

struct metrics_family *const metering_families[] = {
    &notifications, &log_metrics, &broker_metrics, &pg_metrics, NULL,
};

size_t metering_kind(const char *text)
{
    return metrics_value(&notifications, 0, text);
}

void metering_notified(size_t kind, int64_t count)
{
    if (count > 0) {
        metrics_add(&notifications, kind, 0, 0, count);
    }
}
