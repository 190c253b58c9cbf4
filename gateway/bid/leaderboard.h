/*
 * GET /auctions/:id/leaderboard: the bidders of an auction, ordered by their best public amount, under pseudonyms.
 */
#ifndef ROSTRUM_GATEWAY_BID_LEADERBOARD_H
#define ROSTRUM_GATEWAY_BID_LEADERBOARD_H

#include "common/io/redis.h"
#include "gateway/bid/snapshots.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct leaderboard_context {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    struct snapshot_loads *snapshots;
};

extern const struct route leaderboard_routes[];
extern struct statements leaderboard_statements;
extern const struct redis_script leaderboard_script;
extern const struct redis_script leaderboard_keep_script;

#endif
