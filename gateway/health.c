/*
 * GET /health (alive), GET /ready (can bids be taken?) and GET /api/v1/time. The simplest handlers: read them first.
 */
#include "gateway/health.h"

#include "common/clock.h"
#include "gateway/reply.h"

static void handle_health(struct request *request)
{
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "status", "ok");
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void handle_time(struct request *request)
{
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
    reply_send(request, 200);
}

const struct route health_routes[] = {
    {METHOD_GET, "/health", handle_health, ROUTE_OPEN, LIMIT_NONE, ROUTE_NO_BODY},
    {METHOD_GET, "/api/v1/time", handle_time, ROUTE_OPEN, LIMIT_NONE, ROUTE_NO_BODY},
    {0},
};
