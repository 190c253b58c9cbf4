/*
 * Creates and shows an auction under /auctions. gateway/search/listing.c lists auctions; changes.c changes them.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_AUCTIONS_H
#define ROSTRUM_GATEWAY_AUCTION_AUCTIONS_H

#include "gateway/http/router.h"
#include "gateway/query/documents.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct auctions_context {
    struct pg *pg;
    struct documents *documents;
};

extern const struct route auctions_routes[];
extern struct statements auctions_statements;

#endif
