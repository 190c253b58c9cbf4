/*
 * See notifyworker_metrics.h.
 */
#include "notifyworker/notifyworker_metrics.h"

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"

static const char *const kinds[NOTIFYWORKER_METRICS_KINDS] = {
    "OUTBID",       "PROXY_EXHAUSTED", "WATCHED_BID",    "AUCTION_EXTENDED",  "AUCTION_ENDING_SOON", "AUCTION_WON",
    "AUCTION_LOST", "AUCTION_SOLD",    "AUCTION_UNSOLD", "AUCTION_CANCELLED", "BID_VOIDED",
};

static struct metrics_family notifications = {
    .name = "rostrum_notifications_total",
    .help = "Notifications written, by kind; repeated events are not counted again.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"kind", kinds, ARRAY_LEN(kinds)}},
};

/* Names of channels, and states of a delivery after an attempt. */
static const char *const channels[] = {"email", "webhook"};
static const char *const states[] = {"delivered", "retrying", "failed", "dropped"};

static struct metrics_family deliveries = {
    .name = "rostrum_deliveries_total",
    .help = "Attempts to deliver by email or webhook, by the resulting state of the delivery.",
    .type = METRICS_COUNTER,
    .label_count = 2,
    .labels = {{"channel", channels, ARRAY_LEN(channels)}, {"state", states, ARRAY_LEN(states)}},
};

struct metrics_family *const notifyworker_metrics_families[] = {
    &notifications, &deliveries, &log_metrics, &broker_metrics, &pg_metrics, NULL,
};

size_t notifyworker_metrics_kind(const char *text)
{
    return metrics_value(&notifications, 0, text);
}

void notifyworker_metrics_notified(size_t kind, int64_t count)
{
    if (count > 0) {
        metrics_add(&notifications, kind, 0, 0, count);
    }
}

void notifyworker_metrics_delivered(const char *channel, const char *state)
{
    metrics_add(&deliveries, metrics_value(&deliveries, 0, channel), metrics_value(&deliveries, 1, state), 0, 1);
}
