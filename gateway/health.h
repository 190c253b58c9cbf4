/*
 * GET /health (alive), GET /ready (can bids be taken?), GET /metrics and GET /api/v1/time. The simplest handlers: read
 * them first.
 */
#ifndef ROSTRUM_GATEWAY_HEALTH_H
#define ROSTRUM_GATEWAY_HEALTH_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/service/config.h"
#include "gateway/bid/publisher.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"

/* What the handlers use; made by components.c. */
struct health_context {
    const struct config *config;
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    const struct publisher *publisher;
};

extern const struct route health_routes[];

#endif
