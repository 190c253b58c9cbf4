/*
 * POST /auctions/quote: the next valid bid amounts for given increments. Stores nothing.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_QUOTE_H
#define ROSTRUM_GATEWAY_AUCTION_QUOTE_H

#include "gateway/http/router.h"

extern const struct route quote_routes[];

#endif
