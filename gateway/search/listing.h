/*
 * GET /auctions: the list of auctions, with search, filters, sort orders and facets.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_LISTING_H
#define ROSTRUM_GATEWAY_SEARCH_LISTING_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"

/* Context of the handlers; created by components.c. */
struct listing_context {
    const struct deployment *deployment;
    struct pg *search; /* statements of queries.h */
    struct pg *words;  /* one connection for QUERIES_WORDS, which is short and does not queue behind searches */
    struct redis *redis;
};

extern const struct route listing_routes[];

#endif
