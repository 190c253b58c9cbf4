/*
 * See notifyworker_metrics.h.
 */
#include "notifyworker/notifyworker_metrics.h"

#include <assert.h>

#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/service/service_loop.h"

static struct metrics_family notifications = {
    .name = "rostrum_notifications_total",
    .help = "Notifications written, by kind; repeated events are not counted again.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"kind", notification_kinds, NOTIFICATION_KIND_COUNT}},
};

/* Names of channels, and states of a delivery after an attempt. */
static const char *const channels[] = {"email", "webhook"};
#define STATE_LABEL(name, text) (text),
static const char *const states[] = {DELIVERY_STATES(STATE_LABEL)};
static_assert(ARRAY_LEN(states) == DELIVERY_STATE_COUNT - 1, "a label for each state but DELIVERY_STATE_UNKNOWN");

static struct metrics_family deliveries = {
    .name = "rostrum_deliveries_total",
    .help = "Attempts to deliver by email or webhook, by the resulting state of the delivery.",
    .type = METRICS_COUNTER,
    .label_count = 2,
    .labels = {{"channel", channels, ARRAY_LEN(channels)}, {"state", states, ARRAY_LEN(states)}},
};

struct metrics_family *const notifyworker_metrics_families[] = {
    &notifications, &deliveries, &log_metrics, &broker_metrics, &pg_metrics, &service_loop_metrics, NULL,
};

size_t notifyworker_metrics_kind(const char *text)
{
    enum notification_kind kind = NOTIFICATION_KIND_COUNT;
    return notification_kind_parse(text, &kind) ? (size_t)kind : NOTIFYWORKER_METRICS_OTHER;
}

void notifyworker_metrics_notified(size_t kind, int64_t count)
{
    if (count > 0) {
        metrics_add(&notifications, kind, 0, 0, count);
    }
}

void notifyworker_metrics_delivered(const char *channel, enum delivery_state state)
{
    assert(state > DELIVERY_STATE_UNKNOWN && state < DELIVERY_STATE_COUNT);
    metrics_add(&deliveries, metrics_value(&deliveries, 0, channel), state - 1, 0, 1);
}
