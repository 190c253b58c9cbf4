/*
 * See health.h.
 */
#include "gateway/health.h"

#include <event2/buffer.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/service/metrics_server.h"
#include "gateway/http/reply.h"

enum { PROBLEM_SIZE = 64 };

static void handle_health(struct request *request)
{
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "status", "ok");
    jsonw_end_object(json);
    reply_send(request, 200);
}

/* ---- ready ---- */

static void write_back_end(struct jsonw *json, const char *name, bool up, int64_t latency_ms, const char *error)
{
    jsonw_name(json, name);
    jsonw_object(json);
    jsonw_put_bool(json, "up", up);
    if (up) {
        jsonw_put_int(json, "latencyMs", latency_ms);
    }
    if (error != NULL) {
        jsonw_put_string(json, "error", error);
    }
    jsonw_end_object(json);
}

/* A short text without addresses or names, because /ready is public. */
static const char *broker_problem(const struct health_context *health)
{
    if (!health->deployment->known) {
        return "the number of shards is not known yet";
    }
    return broker_state(publisher_broker(health->publisher)) == BROKER_BLOCKED
               ? "blocked"
               : "not connected, or its topology is missing";
}

/* The problem of a server that answers and yet may lose what it committed; NULL: none. */
static const char *postgres_problem(const struct health_context *health, char text[static PROBLEM_SIZE])
{
    const char *off = health->deployment->not_durable;
    if (off[0] == '\0') {
        return NULL;
    }
    (void)snprintf(text, PROBLEM_SIZE, "runs with %s off", off);
    return text;
}

static bool clock_is_valid(const struct health_context *health)
{
    int64_t off = health->deployment->clock_offset_ms;
    return off <= health->config->clock_skew_max_ms && -off <= health->config->clock_skew_max_ms;
}

struct degradation {
    const char *name;
    bool met;
};

/* Returns whether any is met. */
static bool write_degraded(struct jsonw *json, const struct degradation *list, size_t count)
{
    bool any = false;
    jsonw_name(json, "degraded");
    jsonw_array(json);
    for (size_t i = 0; i < count; i++) {
        if (list[i].met) {
            jsonw_string(json, list[i].name);
            any = true;
        }
    }
    jsonw_end_array(json);
    return any;
}

static void handle_ready(struct request *request)
{
    const struct health_context *health = request->context;
    char problem[PROBLEM_SIZE];
    const char *not_durable = postgres_problem(health, problem);
    bool postgres = pg_up(health->pg);
    bool redis = redis_up(health->redis);
    bool broker = publisher_ready(health->publisher);
    bool ready = broker && clock_is_valid(health);
    const struct degradation degraded[] = {
        {"postgres", !postgres},
        {"redis", !redis},
        {"clock", !clock_is_valid(health)},
        {"durability", not_durable != NULL},
    };
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_name(json, "backEnds");
    jsonw_object(json);
    write_back_end(json, "postgres", postgres, pg_latency_ms(health->pg), postgres ? not_durable : NULL);
    write_back_end(json, "redis", redis, redis_latency_ms(health->redis), NULL);
    write_back_end(json, "rabbitmq", broker, broker ? broker_latency_ms(publisher_broker(health->publisher)) : 0,
                   broker ? NULL : broker_problem(health));
    jsonw_end_object(json);
    bool any = write_degraded(json, degraded, ARRAY_LEN(degraded));
    const char *word = any ? "degraded" : "ready";
    jsonw_put_string(json, "status", ready ? word : "unavailable");
    jsonw_put_int(json, "clockOffsetMs", health->deployment->clock_offset_ms);
    jsonw_end_object(json);
    if (!ready) {
        reply_header(request, "Retry-After", "1");
    }
    reply_send(request, ready ? 200 : 503);
}

static void handle_time(struct request *request)
{
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
    reply_send(request, 200);
}

/* /metrics on the public listener, if metrics_public allows it. */
static void handle_metrics(struct request *request)
{
    const struct health_context *health = request->context;
    struct evbuffer *text = NULL;
    if (!health->config->metrics_public) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    text = evbuffer_new();
    if (text == NULL || !metrics_write(text)) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        size_t length = evbuffer_get_length(text);
        reply_bytes(request, 200, METRICS_SERVER_TYPE, evbuffer_pullup(text, -1), length);
    }
    if (text != NULL) {
        evbuffer_free(text);
    }
}

const struct route health_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/health", handle_health, LIMIT_NONE, ROUTE_NO_BODY},
    {METHOD_GET, ROUTE_OPEN, "/ready", handle_ready, LIMIT_NONE, ROUTE_NO_BODY},
    {METHOD_GET, ROUTE_OPEN, "/metrics", handle_metrics, LIMIT_NONE, ROUTE_NO_BODY},
    {METHOD_GET, ROUTE_OPEN, "/api/v1/time", handle_time, LIMIT_NONE, ROUTE_NO_BODY},
    {0},
};
