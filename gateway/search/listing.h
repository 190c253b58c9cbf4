/*
 * GET /auctions: the list, searched, filtered, sorted and counted.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_LISTING_H
#define ROSTRUM_GATEWAY_SEARCH_LISTING_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "gateway/http/router.h"

/* What the handlers use; made by components.c. */
struct listing_context {
    struct pg *search; /* statements of queries.h */
    struct pg *words;  /* the same, one connection: the short ones among them */
    struct redis *redis;
};

extern const struct route listing_routes[];

#endif
