/*
 * /admin/refunds: money that has to go back to buyers, as the sale worker recorded it (table refunds). An admin returns
 * it in the system of the payment provider, and marks it here. The mark also makes the order `refunded`. Nothing else
 * writes an order whose refund is due, so the mark needs no command to the sale.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_REFUNDS_H
#define ROSTRUM_GATEWAY_ADMIN_REFUNDS_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route refunds_routes[]; /* context: struct pg */
extern struct statements refunds_statements;

#endif
