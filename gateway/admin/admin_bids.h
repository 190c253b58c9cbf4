/*
 * GET /admin/auctions/:id/bids: the public history and the voided bids, with the ids and names of the bidders. Guests
 * and users see the public ones, under pseudonyms (gateway/bid/ledger.c). Never a maximum.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_ADMIN_BIDS_H
#define ROSTRUM_GATEWAY_ADMIN_ADMIN_BIDS_H

#include "common/io/pg.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct admin_bids_context {
    const struct deployment *deployment;
    struct pg *pg;
};

extern const struct route admin_bids_routes[];
extern struct statements admin_bids_statements;

#endif
