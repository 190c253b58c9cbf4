/*
 * Where the buyer of a reserved order pays: the answer of POST /orders/:id/confirm in a sale with payments. Only the
 * callback of the payment provider confirms such an order (payments.h).
 *
 * Caller: sale_commands.c.
 */
#ifndef ROSTRUM_GATEWAY_SALE_PAYMENT_LINK_H
#define ROSTRUM_GATEWAY_SALE_PAYMENT_LINK_H

#include "common/io/pg.h"
#include "gateway/http/request.h"
#include "gateway/query/statements.h"

extern struct statements payment_link_statements;

/*
 * Queries the order of the request's path, if it is the user's own, reserved, and of a sale with payments: one row or
 * none. As statements_query.
 */
MUST_CHECK bool payment_link_find(struct pg *pg, struct request *request, pg_callback then);
/* ENDS with the order and its link. `template` is the setting payment_url; the row is that of payment_link_find. */
void payment_link_reply(struct request *request, const char *template, const PGresult *result);

#endif
