/*
 * Flash sales: lists, one sale, and creation by admins. A new sale is written directly to PostgreSQL. Nobody can join
 * it before its id is known, so this needs no order in its queue.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALES_H
#define ROSTRUM_GATEWAY_SALE_SALES_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route sales_routes[]; /* context: struct pg */
extern struct statements sales_statements;

/* ENDS the request with the sale, as its user or a guest may see it, or with 404. */
void sales_show(struct request *request, struct pg *pg, const struct uuid *sale);

#endif
