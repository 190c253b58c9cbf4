/*
 * GET /auctions: the list, searched, filtered, sorted and counted.
 */
#ifndef ROSTRUM_GATEWAY_SEARCH_LISTING_H
#define ROSTRUM_GATEWAY_SEARCH_LISTING_H

#include "gateway/http/router.h"

extern const struct route listing_routes[];

#endif
