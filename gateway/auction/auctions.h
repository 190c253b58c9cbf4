/*
 * /auctions: creating one, and showing it to who asks for it; listing.c lists them, changes.c changes them.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_AUCTIONS_H
#define ROSTRUM_GATEWAY_AUCTION_AUCTIONS_H

#include "gateway/auction/documents.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use; made by components.c. */
struct auctions_context {
    struct pg *pg;
    struct documents *documents;
};

extern const struct route auctions_routes[];
extern struct statements auctions_statements;

#endif
