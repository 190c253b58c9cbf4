/*
 * GET /health (alive), GET /ready (bids can be accepted; with ?for=read: reads work), GET /metrics and GET
 * /api/v1/time. These are the simplest handlers, and a good start for readers.
 */
#ifndef ROSTRUM_GATEWAY_HEALTH_H
#define ROSTRUM_GATEWAY_HEALTH_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/service/config.h"
#include "common/service/timing_guard.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/image/images.h"
#include "gateway/redis_policy.h"
#include "gateway/submit/backlog.h"
#include "gateway/submit/publisher.h"

/* What the handlers use. components.c fills it. */
struct health_context {
    const struct config *config;
    const struct deployment *deployment;
    struct timing_guard *timing;
    const struct backlog *backlog;
    struct pg *pg;
    struct redis *redis;
    const struct redis_policy *redis_policy;
    const struct publisher *publisher;
    const struct images *images;
};

extern const struct route health_routes[];

#endif
