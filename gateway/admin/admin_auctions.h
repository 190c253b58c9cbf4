/*
 * GET /admin/auctions: all auctions, drafts included, with all filters.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_ADMIN_AUCTIONS_H
#define ROSTRUM_GATEWAY_ADMIN_ADMIN_AUCTIONS_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route admin_auctions_routes[]; /* context: struct pg */
extern struct statements admin_auctions_statements;

#endif
