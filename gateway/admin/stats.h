/*
 * GET /admin/stats: numbers of the whole deployment.
 *
 * Counting users and auctions reads all of them. So these totals are counted at most every STATS_LIFE_MS for the whole
 * deployment, and kept in Redis in between; countedAt says when. What waits (dead letters, outbox) is counted each
 * time. Without Redis everything is counted each time.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_STATS_H
#define ROSTRUM_GATEWAY_ADMIN_STATS_H

#include "common/io/redis.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

enum { STATS_LIFE_MS = 25000 }; /* the API promises 30 s; the rest is the time to count */

/* What the handler uses. components.c fills it. */
struct stats_context {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
};

extern const struct route stats_routes[];
extern struct statements stats_statements;

#endif
