/*
 * See live_metrics.h.
 */
#include "gateway/live/live_metrics.h"

static const char *const kinds[] = {[LIVE_METRICS_WEBSOCKET] = "websocket", [LIVE_METRICS_EVENT_STREAM] = "sse"};
#define CODES(X)             X(1000) X(1001) X(1002) X(1003) X(1005) X(1007) X(1008) X(1009) X(1011) X(1012) X(1013) X(1014) X(4001)
#define NUMBER_TEXT(number)  #number,
#define NUMBER_VALUE(number) number,
static const char *const codes[] = {"none", CODES(NUMBER_TEXT) "other"};
static const unsigned code_numbers[ARRAY_LEN(codes)] = {0, CODES(NUMBER_VALUE) 1};
enum { REPAIR_RESUBSCRIBED, REPAIR_MISSED, REPAIR_MERGED };
static const char *const repair_kinds[] = {
    [REPAIR_RESUBSCRIBED] = "resubscribed", [REPAIR_MISSED] = "missed", [REPAIR_MERGED] = "merged"};

struct metrics_family live_metrics_open = {
    .name = "rostrum_live_connections",
    .help = "Open WebSockets and event streams.",
    .type = METRICS_GAUGE,
};
struct metrics_family live_metrics_watching = {
    .name = "rostrum_live_subscriptions",
    .help = "Subscriptions to auctions, summed over all watchers.",
    .type = METRICS_GAUGE,
};
struct metrics_family live_metrics_sent = {
    .name = "rostrum_live_messages_total",
    .help = "Live messages sent to clients.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"kind", kinds, ARRAY_LEN(kinds)}},
};
struct metrics_family live_metrics_slow = {
    .name = "rostrum_live_slow_snapshots_total",
    .help = "Snapshots sent instead of updates to clients that read too slowly.",
    .type = METRICS_COUNTER,
};
struct metrics_family live_metrics_closed = {
    .name = "rostrum_live_closed_total",
    .help = "WebSockets closed, by code; \"none\": the connection was lost.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"code", codes, ARRAY_LEN(codes)}},
};
struct metrics_family live_metrics_repairs = {
    .name = "rostrum_live_repairs_total",
    .help = "Renewed subscriptions in Redis (resubscribed), lost updates found in PostgreSQL (missed), and messages "
            "skipped because they arrived faster than the fan-out (merged).",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"what", repair_kinds, ARRAY_LEN(repair_kinds)}},
};

void live_metrics_set_open(int64_t connections_open, int64_t subscriptions)
{
    metrics_set(&live_metrics_open, 0, connections_open);
    metrics_set(&live_metrics_watching, 0, subscriptions);
}

void live_metrics_add_sent(enum live_metrics_kind kind)
{
    metrics_add(&live_metrics_sent, kind, 0, 0, 1);
}

void live_metrics_add_slow(void)
{
    metrics_add(&live_metrics_slow, 0, 0, 0, 1);
}

void live_metrics_add_closed(unsigned code)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(code_numbers) && code_numbers[i] != code) {
        i++;
    }
    metrics_add(&live_metrics_closed, i, 0, 0, 1);
}

void live_metrics_add_resubscribed(void)
{
    metrics_add(&live_metrics_repairs, REPAIR_RESUBSCRIBED, 0, 0, 1);
}

void live_metrics_add_missed(void)
{
    metrics_add(&live_metrics_repairs, REPAIR_MISSED, 0, 0, 1);
}

void live_metrics_add_merged(void)
{
    metrics_add(&live_metrics_repairs, REPAIR_MERGED, 0, 0, 1);
}
