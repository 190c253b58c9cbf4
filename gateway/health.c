/*
 * GET /health (alive), GET /ready (can bids be taken?), GET /metrics and GET /api/v1/time. The simplest handlers: read
 * them first.
 */
#include "gateway/health.h"

#include <event2/buffer.h>

#include "common/base/clock.h"
#include "common/service/metrics_server.h"
#include "gateway/core/gateway.h"
#include "gateway/http/reply.h"

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
    } else if (error != NULL) {
        jsonw_put_string(json, "error", error);
    }
    jsonw_end_object(json);
}

/* In a word or two, and nothing of addresses or names: /ready is read by strangers too. */
static const char *broker_words(const struct gateway *gateway)
{
    if (!gateway->deployment.known) {
        return "the number of shards is not known yet";
    }
    return broker_state(gateway->broker) == BROKER_BLOCKED ? "blocked" : "not connected, or its topology is missing";
}

static bool clock_is_valid(const struct gateway *gateway)
{
    int64_t off = gateway->clock_offset_ms;
    return off <= gateway->config->clock_skew_max_ms && -off <= gateway->config->clock_skew_max_ms;
}

static void write_degraded(struct jsonw *json, bool postgres, bool redis, bool clocks)
{
    jsonw_name(json, "degraded");
    jsonw_array(json);
    if (!postgres) {
        jsonw_string(json, "postgres");
    }
    if (!redis) {
        jsonw_string(json, "redis");
    }
    if (!clocks) {
        jsonw_string(json, "clock");
    }
    jsonw_end_array(json);
}

static void handle_ready(struct request *request)
{
    const struct gateway *gateway = request->gateway;
    bool postgres = pg_up(gateway->pg);
    bool redis = redis_up(gateway->redis);
    bool broker = gateway_takes_bids(gateway);
    bool ready = broker && clock_is_valid(gateway);
    const char *word = ready && postgres && redis ? "ready" : "degraded";
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "status", ready ? word : "unavailable");
    jsonw_name(json, "backEnds");
    jsonw_object(json);
    write_back_end(json, "postgres", postgres, pg_latency_ms(gateway->pg), NULL);
    write_back_end(json, "redis", redis, redis_latency_ms(gateway->redis), NULL);
    write_back_end(json, "rabbitmq", broker, broker ? broker_latency_ms(gateway->broker) : 0,
                   broker ? NULL : broker_words(gateway));
    jsonw_end_object(json);
    write_degraded(json, postgres, redis, clock_is_valid(gateway));
    jsonw_put_int(json, "clockOffsetMs", gateway->clock_offset_ms);
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

/* For a scraper that comes the way of clients, where metrics_public lets it. */
static void handle_metrics(struct request *request)
{
    struct evbuffer *text = NULL;
    if (!request->gateway->config->metrics_public) {
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
