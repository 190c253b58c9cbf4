/*
 * See http_metrics.h.
 */
#include "gateway/http/http_metrics.h"

#include "common/base/clock.h"

enum { PATTERNS_MAX = 128 }; /* path patterns; the API and the pages have about 100 */

#define METHOD_LABEL(name) #name,
static const char *const methods[METHOD_COUNT] = {METHODS(METHOD_LABEL)};

/* Labels of the statuses, and their numbers. */
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

struct metrics_family http_metrics_requests = {
    .name = "rostrum_http_requests_total",
    .help = "Requests answered, by method, route and status; route \"other\" stands for unknown routes.",
    .type = METRICS_COUNTER,
    .label_count = 3,
    .labels = {{"method", methods, ARRAY_LEN(methods)},
               {"route", NULL, PATTERNS_MAX},
               {"status", statuses, ARRAY_LEN(statuses)}},
};
struct metrics_family http_metrics_durations = {
    .name = "rostrum_http_request_seconds",
    .help = "Time from a request's last byte to its answer, by method and route.",
    .type = METRICS_HISTOGRAM,
    .label_count = 2,
    .labels = {{"method", methods, ARRAY_LEN(methods)}, {"route", NULL, PATTERNS_MAX}},
    .bounds = metrics_time_bounds,
    .bound_count = METRICS_TIME_BOUNDS,
    .is_time = true,
};
struct metrics_family http_metrics_refusals = {
    .name = "rostrum_refusals_total",
    .help = "Requests refused, by error code.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"reason", NULL, ERROR_COUNT}},
};
struct metrics_family http_metrics_accepted = {
    .name = "rostrum_connections_total",
    .help = "Connections accepted, by result: kept, or refused because there were too many.",
    .type = METRICS_COUNTER,
    .label_count = 1,
    .labels = {{"result", results, ARRAY_LEN(results)}},
};
struct metrics_family http_metrics_connections = {
    .name = "rostrum_connections",
    .help = "Open connections.",
    .type = METRICS_GAUGE,
};

static size_t status_index(int status)
{
    size_t i = 0;
    while (i < ARRAY_LEN(status_numbers) && status_numbers[i] != status) {
        i++;
    }
    return i;
}

void http_metrics_answered(const struct request *request)
{
    const char *pattern = request->route == NULL ? NULL : request->route->pattern;
    /* Each family assigns its own indexes to the patterns: two workers may add a pattern in between. */
    size_t counted = pattern == NULL ? PATTERNS_MAX : metrics_value(&http_metrics_requests, 1, pattern);
    size_t timed = pattern == NULL ? PATTERNS_MAX : metrics_value(&http_metrics_durations, 1, pattern);
    metrics_add(&http_metrics_requests, request->method, counted, status_index(request->status), 1);
    metrics_observe(&http_metrics_durations, request->method, timed, clock_boot_us() - request->start_us);
}

void http_metrics_refused(enum error_code code)
{
    metrics_add(&http_metrics_refusals, metrics_value(&http_metrics_refusals, 0, errors_entry(code)->code), 0, 0, 1);
}

void http_metrics_connected(bool kept)
{
    metrics_add(&http_metrics_accepted, kept ? 0 : 1, 0, 0, 1);
}

void http_metrics_open(int64_t open)
{
    metrics_set(&http_metrics_connections, 0, open);
}
