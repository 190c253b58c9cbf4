/*
 * See metering.h.
 */
#include "gateway/http/gateway_metrics.h"

#include <assert.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/broker.h"
#include "common/io/pg.h"

enum { PATTERNS_MAX = 96 }; /* of paths; the contract has some 60 */

#define METHOD_LABEL(name) #name,
static const char *const methods[METHOD_COUNT] = {METHODS(METHOD_LABEL)};

/* Labels, and the numbers that they stand for. */
/* clang-format off */
#define STATUSES(X) \
    X(101) X(200) X(201) X(202) X(204) X(304) X(400) X(401) X(403) \
    X(404) X(405) X(408) X(409) X(410) X(413) X(415) X(416) X(417) \
    X(422) X(426) X(429) X(431) X(500) X(501) X(503)
/* clang-format on */
#define NUMBER_TEXT(number)  #number,
#define NUMBER_VALUE(number) (number),
static const char *const statuses[] = {STATUSES(NUMBER_TEXT)};
static const int status_numbers[ARRAY_LEN(statuses)] = {STATUSES(NUMBER_VALUE)};
static const char *const results[] = {"kept", "refused"};
static const char *const caches[] = {[GATEWAY_METRICS_SNAPSHOT] = "snapshot", [GATEWAY_METRICS_DOCUMENT] = "auction"};
static_assert(ARRAY_LEN(caches) == GATEWAY_METRICS_CACHE_COUNT, "a label for each cache");
static const char *const hits[] = {"miss", "hit"};

static const char *const live_kinds[] = {
    [GATEWAY_METRICS_WEBSOCKET] = "websocket", [GATEWAY_METRICS_EVENT_STREAM] = "sse"};
static_assert(ARRAY_LEN(live_kinds) == GATEWAY_METRICS_LIVE_COUNT, "a label for each kind of connection");
#define CLOSE_CODES(X) X(1000) X(1001) X(1002) X(1003) X(1005) X(1007) X(1008) X(1009) X(1011) X(1013)
static const char *const live_codes[] = {"none", CLOSE_CODES(NUMBER_TEXT) "other"};
static const unsigned live_code_numbers[ARRAY_LEN(live_codes)] = {0, CLOSE_CODES(NUMBER_VALUE) 1};

enum { REPAIR_RESUBSCRIBED, REPAIR_MISSED, REPAIR_MERGED, REPAIR_COUNT };
static const char *const live_repair_kinds[] = {
    [REPAIR_RESUBSCRIBED] = "resubscribed", [REPAIR_MISSED] = "missed", [REPAIR_MERGED] = "merged"};
static_assert(ARRAY_LEN(live_repair_kinds) == REPAIR_COUNT, "each value has its entry");

static struct metrics_family requests = {
    .name = "rostrum_http_requests_total",
    .help = "Requests answered, by method, route and status; route \"other\" is one that is not known.",
    .type = METRICS_COUNTER,
    .label_count = 3,
    .labels = {{"method", methods, ARRAY_LEN(methods)},
               {"route", NULL, PATTERNS_MAX},
               {"status", statuses, ARRAY_LEN(statuses)}},
};
static struct metrics_family durations = {
    .name = "rostrum_http_request_seconds",
    .help = "Time from a request's last byte to its answer, by method and route.",
    .type = METRICS_HISTOGRAM,
    .label_count = 2,
    .labels = {{"method", methods, ARRAY_LEN(methods)}, {"route", NULL, PATTERNS_MAX}},
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
static struct metrics_family refusals = {
    .name = "rostrum_refusals_total",
    .help = "Requests refused, by the error's code.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"reason", NULL, ERROR_COUNT}},
};
static struct metrics_family accepted = {
    .name = "rostrum_connections_total",
    .help = "Connections accepted, and whether they were kept or told that there are too many.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"result", results, ARRAY_LEN(results)}},
};
static struct metrics_family connections = {
    .name = "rostrum_connections",
    .help = "Open connections.",
    .type = METRICS_GAUGE,
};
static struct metrics_family workers = {
    .name = "rostrum_gateway_workers",
    .help = "Workers that accept connections.",
    .type = METRICS_GAUGE,
};
static struct metrics_family taken = {
    .name = "rostrum_bid_accept_seconds",
    .help = "Time from a bid's receipt to the broker's confirm, which is its 202.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
static struct metrics_family decided = {
    .name = "rostrum_bid_wait_seconds",
    .help = "Time from the broker's confirm to the decision, of bids whose senders wait for it.",
    .type = METRICS_HISTOGRAM,
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
static struct metrics_family created = {
    .name = "rostrum_auctions_created_total",
    .help = "Auctions created.",
    .type = METRICS_COUNTER,
};
static struct metrics_family lookups = {
    .name = "rostrum_cache_lookups_total",
    .help = "Looks into Redis for an auction's snapshot (for bids) and public document (for reads), and their result.",
    .type = METRICS_COUNTER,
    .label_count = 2,
    .labels = {{"cache", caches, ARRAY_LEN(caches)}, {"result", hits, ARRAY_LEN(hits)}},
};

static struct metrics_family live_open = {
    .name = "rostrum_live_connections",
    .help = "Open WebSockets and event streams.",
    .type = METRICS_GAUGE,
};
static struct metrics_family live_watching = {
    .name = "rostrum_live_subscriptions",
    .help = "Auctions watched, counted for each who watches.",
    .type = METRICS_GAUGE,
};
static struct metrics_family live_sent = {
    .name = "rostrum_live_messages_total",
    .help = "Messages for clients that watch.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"kind", live_kinds, ARRAY_LEN(live_kinds)}},
};
static struct metrics_family live_slow = {
    .name = "rostrum_live_slow_snapshots_total",
    .help = "Snapshots instead of steps, for clients that read too slowly.",
    .type = METRICS_COUNTER,
};
static struct metrics_family live_closed = {
    .name = "rostrum_live_closed_total",
    .help = "WebSockets closed, by code; \"none\": the connection was lost.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"code", live_codes, ARRAY_LEN(live_codes)}},
};
static struct metrics_family live_repairs = {
    .name = "rostrum_live_repairs_total",
    .help = "Channels of Redis subscribed to anew, messages that never came and were found by looking, messages left "
            "out because they came faster than they could be told.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"what", live_repair_kinds, ARRAY_LEN(live_repair_kinds)}},
};

struct metrics_family *const gateway_metrics_families[] = {
    &requests,  &durations,     &refusals,    &accepted,       &connections, &workers,      &taken,
    &live_open, &live_watching, &live_sent,   &live_slow,      &live_closed, &live_repairs, &decided,
    &created,   &lookups,       &log_metrics, &broker_metrics, &pg_metrics,  NULL,
};

static size_t status_index(int status)
{
    size_t i = 0;
    while (i < ARRAY_LEN(status_numbers) && status_numbers[i] != status) {
        i++;
    }
    return i;
}

void gateway_metrics_answered(const struct request *request)
{
    const char *pattern = request->route == NULL ? NULL : request->route->pattern;
    /* Both families learn the same patterns in the same order, but not in the same moment: each has its own numbers. */
    size_t counted = pattern == NULL ? PATTERNS_MAX : metrics_value(&requests, 1, pattern);
    size_t timed = pattern == NULL ? PATTERNS_MAX : metrics_value(&durations, 1, pattern);
    metrics_add(&requests, request->method, counted, status_index(request->status), 1);
    metrics_observe(&durations, request->method, timed, clock_mono_us() - request->start_us);
}

void gateway_metrics_refused(enum error_code code)
{
    metrics_add(&refusals, metrics_value(&refusals, 0, errors_entry(code)->code), 0, 0, 1);
}

void gateway_metrics_connected(bool kept)
{
    metrics_add(&accepted, kept ? 0 : 1, 0, 0, 1);
}

void gateway_metrics_workers(size_t serving, int64_t open)
{
    metrics_set(&workers, 0, (int64_t)serving);
    metrics_set(&connections, 0, open);
}

void gateway_metrics_bid_taken(int64_t took_us)
{
    metrics_observe(&taken, 0, 0, took_us);
}

void gateway_metrics_bid_decided(int64_t took_us)
{
    metrics_observe(&decided, 0, 0, took_us);
}

void gateway_metrics_auction_created(void)
{
    metrics_add(&created, 0, 0, 0, 1);
}

void gateway_metrics_cache(enum gateway_metrics_cache cache, bool hit)
{
    metrics_add(&lookups, cache, hit ? 1 : 0, 0, 1);
}

void gateway_metrics_live(int64_t connections_open, int64_t subscriptions)
{
    metrics_set(&live_open, 0, connections_open);
    metrics_set(&live_watching, 0, subscriptions);
}

void gateway_metrics_live_sent(enum gateway_metrics_live kind)
{
    metrics_add(&live_sent, kind, 0, 0, 1);
}

void gateway_metrics_live_slow(void)
{
    metrics_add(&live_slow, 0, 0, 0, 1);
}

void gateway_metrics_live_closed(unsigned code)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(live_code_numbers) && live_code_numbers[i] != code) {
        i++;
    }
    metrics_add(&live_closed, i, 0, 0, 1);
}

void gateway_metrics_live_resubscribed(void)
{
    metrics_add(&live_repairs, REPAIR_RESUBSCRIBED, 0, 0, 1);
}

void gateway_metrics_live_missed(void)
{
    metrics_add(&live_repairs, REPAIR_MISSED, 0, 0, 1);
}

void gateway_metrics_live_merged(void)
{
    metrics_add(&live_repairs, REPAIR_MERGED, 0, 0, 1);
}
