/*
 * POST /auctions/quote: the next amounts that would be valid, by given increments. Stores nothing.
 */
#ifndef ROSTRUM_GATEWAY_QUOTE_H
#define ROSTRUM_GATEWAY_QUOTE_H

#include "gateway/router.h"

extern const struct route quote_routes[];

#endif
