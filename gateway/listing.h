/*
 * GET /auctions: the list, filtered and sorted.
 */
#ifndef ROSTRUM_GATEWAY_LISTING_H
#define ROSTRUM_GATEWAY_LISTING_H

#include "gateway/router.h"
#include "gateway/statements.h"

extern const struct route listing_routes[];
extern struct statements listing_statements;

#endif
