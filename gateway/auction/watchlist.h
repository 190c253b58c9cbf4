/*
 * /users/me/watchlist: the auctions that a user watches. One statement changes the watchlist and the auction's count of
 * watchers. It never writes the auction's row, so bids do not wait for it. notifyworker/watchers notifies the watchers.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_WATCHLIST_H
#define ROSTRUM_GATEWAY_AUCTION_WATCHLIST_H

#include "common/io/redis.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct watchlist_context {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
};

extern const struct route watchlist_routes[];
extern struct statements watchlist_statements;

#endif
