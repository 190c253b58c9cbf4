/*
 * /items: the items of a seller. Only the owner and admins may see an item, and only the owner may auction it
 * (auctions.c). An item never changes. It shows the open auction that contains it.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_ITEMS_H
#define ROSTRUM_GATEWAY_AUCTION_ITEMS_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route items_routes[]; /* context: struct pg */
extern struct statements items_statements;

#endif
