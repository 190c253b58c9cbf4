/*
 * Watches by which policy Redis evicts keys when its memory is full. With `noeviction` and `volatile-ttl` only keys
 * that expire soon are lost. Another policy may drop sessions, marks of ended ones and idempotency keys first. It is
 * logged, and named by GET /ready.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_REDIS_POLICY_H
#define ROSTRUM_GATEWAY_REDIS_POLICY_H

#include "common/base/base.h"
#include "common/io/redis.h"

struct event_base;
struct redis_policy;

/* NULL without memory. */
MUST_CHECK struct redis_policy *redis_policy_new(struct event_base *base, struct redis *redis);
void redis_policy_free(struct redis_policy *policy);
/* The policy if it is another one, as "allkeys-lru"; NULL: it is one of the two, or not known. */
const char *redis_policy_problem(const struct redis_policy *policy);

#endif
