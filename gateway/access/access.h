/*
 * State of a worker for authentication, authorization, rate limits and the audit log. One per worker, created by
 * components.c; every request points to it. Only functions of this layer use it.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_ACCESS_H
#define ROSTRUM_GATEWAY_ACCESS_ACCESS_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/service/config.h"
#include "gateway/core/deployment.h"

struct known_sessions;
struct local_limits;
struct refusals;

struct access {
    const struct config *config; /* limits, lifetimes of sessions and tokens */
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    struct local_limits *local_limits; /* while Redis is away */
    struct refusals *refusals;
    struct known_sessions *known_sessions;
};

#endif
