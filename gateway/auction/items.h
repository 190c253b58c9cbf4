/*
 * /items: what a seller has to sell. An item is its owner's alone, to see (admins may too) and to put on sale
 * (auctions.c); it never changes, and says which open auction it is in.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_ITEMS_H
#define ROSTRUM_GATEWAY_AUCTION_ITEMS_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route items_routes[]; /* context: struct pg */
extern struct statements items_statements;

#endif
