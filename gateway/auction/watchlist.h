/*
 * /users/me/watchlist: the auctions that a user watches. Watching changes the watchlist and the auction's count of
 * watchers in one statement, and never the auction's row: bids do not wait for it. notifyworker/watchers tells them.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_WATCHLIST_H
#define ROSTRUM_GATEWAY_AUCTION_WATCHLIST_H

#include "common/io/redis.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use; made by components.c. */
struct watchlist_context {
    struct pg *pg;
    struct redis *redis;
};

extern const struct route watchlist_routes[];
extern struct statements watchlist_statements;

#endif
