/*
 * See health.h.
 */
#include "gateway/health.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/service/metrics_server.h"
#include "gateway/http/reply.h"

enum { PROBLEM_SIZE = 64, PURPOSE_SIZE = 8 };

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

/* The problem of a Redis that answers and yet may drop the wrong keys; NULL: none. */
static const char *redis_problem(const struct health_context *health, char text[static PROBLEM_SIZE])
{
    const char *policy = redis_policy_problem(health->redis_policy);
    if (policy == NULL) {
        return NULL;
    }
    (void)snprintf(text, PROBLEM_SIZE, "has the maxmemory-policy %s", policy);
    return text;
}

struct degradation {
    const char *name;
    bool met;
};

/* Returns whether any is met. */
static bool write_met(struct jsonw *json, const char *name, const struct degradation *list, size_t count)
{
    bool any = false;
    jsonw_name(json, name);
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

/* What one answer is made of. */
struct readiness {
    bool postgres;
    bool redis;
    bool broker;
    bool clock;
    bool for_read;
    struct backlog_summary backlog;
};

static struct readiness look(const struct health_context *health, bool for_read)
{
    const struct backlog_clock now = backlog_now();
    return (struct readiness){
        .postgres = pg_up(health->pg),
        .redis = redis_up(health->redis),
        .broker = publisher_ready(health->publisher),
        .clock = !timing_guard_withholds(health->timing),
        .for_read = for_read,
        .backlog = backlog_summary(health->backlog, health->config->undecided_max_s, &now),
    };
}

/*
 * No shard decides. During an outage of PostgreSQL bids are taken nevertheless, as long as they may wait: it is the
 * outage that the queues are for.
 */
static bool has_stopped(const struct health_context *health, const struct readiness *readiness)
{
    unsigned shards = health->backlog->shards;
    unsigned most = readiness->postgres ? readiness->backlog.stopped : readiness->backlog.overdue;
    return shards > 0 && most == shards;
}

static bool is_ready(const struct health_context *health, const struct readiness *readiness)
{
    if (readiness->for_read) {
        return readiness->postgres || readiness->redis; /* Redis alone serves auctions, marked stale */
    }
    return readiness->broker && readiness->clock && !has_stopped(health, readiness);
}

static void write_image_decoder(struct jsonw *json, const char *problem)
{
    jsonw_name(json, "imageDecoder");
    jsonw_object(json);
    jsonw_put_bool(json, "up", problem == NULL);
    if (problem != NULL) {
        jsonw_put_string(json, "error", problem);
    }
    jsonw_end_object(json);
}

static void write_back_ends(struct jsonw *json, const struct health_context *health, const struct readiness *readiness,
                            const char *not_durable, const char *evicting)
{
    bool broker = readiness->broker;
    jsonw_name(json, "backEnds");
    jsonw_object(json);
    write_back_end(json, "postgres", readiness->postgres, pg_latency_ms(health->pg),
                   readiness->postgres ? not_durable : NULL);
    write_back_end(json, "redis", readiness->redis, redis_latency_ms(health->redis),
                   readiness->redis ? evicting : NULL);
    write_back_end(json, "rabbitmq", broker, broker ? broker_latency_ms(publisher_broker(health->publisher)) : 0,
                   broker ? NULL : broker_problem(health));
    write_image_decoder(json, images_decoder_problem(health->images));
    jsonw_end_object(json);
}

static void write_deciding(struct jsonw *json, const struct health_context *health, const struct readiness *readiness)
{
    jsonw_name(json, "deciding");
    jsonw_object(json);
    jsonw_put_int(json, "shards", health->backlog->shards);
    jsonw_put_int(json, "stopped", readiness->backlog.stopped);
    if (readiness->backlog.oldest_ms < 0) {
        jsonw_put_null(json, "oldestUndecidedMs");
    } else {
        jsonw_put_int(json, "oldestUndecidedMs", readiness->backlog.oldest_ms);
    }
    jsonw_end_object(json);
}

/* Faults of the set-up, with which everything works. */
static void write_warnings(struct jsonw *json, const struct config *config)
{
    const struct degradation warnings[] = {
        {"shared_postgres_login", config->shared.postgres},
        {"shared_redis_login", config->shared.redis},
        {"shared_rabbitmq_login", config->shared.rabbitmq},
        {"relaxed_image_sandbox", strcmp(config->image_sandbox, "full") != 0},
    };
    (void)write_met(json, "warnings", warnings, ARRAY_LEN(warnings));
}

static void reply_ready(struct request *request, bool for_read)
{
    const struct health_context *health = request->context;
    char problem[PROBLEM_SIZE];
    char policy[PROBLEM_SIZE];
    const char *not_durable = postgres_problem(health, problem);
    const char *evicting = redis_problem(health, policy);
    const struct readiness readiness = look(health, for_read);
    bool ready = is_ready(health, &readiness);
    const struct degradation degraded[] = {
        {"postgres", !readiness.postgres},
        {"redis", !readiness.redis},
        {"rabbitmq", for_read && !readiness.broker}, /* without it bids are not degraded, but unavailable */
        {"clock", !readiness.clock},
        {"durability", not_durable != NULL},
        {"eviction", readiness.redis && evicting != NULL},
        {"imageDecoder", images_decoder_problem(health->images) != NULL},
        {"deciding", readiness.backlog.stopped > 0 || readiness.backlog.overdue > 0},
    };
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    write_back_ends(json, health, &readiness, not_durable, evicting);
    const char *word = write_met(json, "degraded", degraded, ARRAY_LEN(degraded)) ? "degraded" : "ready";
    write_warnings(json, health->config);
    jsonw_put_string(json, "status", ready ? word : "unavailable");
    write_deciding(json, health, &readiness);
    jsonw_put_int(json, "clockOffsetMs", timing_guard_offset_ms(health->timing));
    jsonw_end_object(json);
    if (!ready) {
        reply_header(request, "Retry-After", "1");
    }
    reply_send(request, ready ? 200 : 503);
}

static void handle_ready(struct request *request)
{
    char purpose[PURPOSE_SIZE];
    bool given = request_query(request, "for", purpose, sizeof(purpose));
    bool for_read = given && strcmp(purpose, "read") == 0;
    if (given && !for_read) {
        struct field_errors field_errors = {0};
        field_errors_add_one(&field_errors, "for", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "read"));
        reply_field_errors(request, &field_errors);
        return;
    }
    reply_ready(request, for_read);
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
    {METHOD_GET, ROUTE_OPEN, "/health", handle_health, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_OPEN, "/ready", handle_ready, LIMIT_NONE, ROUTE_NO_BODY, "for"},
    {METHOD_GET, ROUTE_OPEN, "/metrics", handle_metrics, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_OPEN, "/api/v1/time", handle_time, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
