/*
 * What it takes to decide who asks, whether they may, and how often; also the audit log. One per worker, made by
 * components.c; every request points to it, for the functions of this layer.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_ACCESS_H
#define ROSTRUM_GATEWAY_ACCESS_ACCESS_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/service/config.h"
#include "gateway/core/deployment.h"

struct access {
    const struct config *config; /* limits, lives of sessions and tokens */
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
};

#endif
