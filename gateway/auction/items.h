/*
 * /items: the items of a seller. Only the owner and admins may see an item, and only the owner may auction it
 * (auctions.c). An item never changes. It shows the open auction that contains it.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_ITEMS_H
#define ROSTRUM_GATEWAY_AUCTION_ITEMS_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct items_context {
    struct pg *pg;
};

extern const struct route items_routes[];
extern struct statements items_statements;

#endif
