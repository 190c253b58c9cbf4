/*
 * Where the buyer of a reserved order pays: the answer of POST /orders/:id/confirm in a sale with payments. Only the
 * callback of the payment provider confirms such an order (payments.h).
 *
 * Caller: sale_commands.c.
 */
#ifndef ROSTRUM_GATEWAY_SALE_PAYMENT_LINK_H
#define ROSTRUM_GATEWAY_SALE_PAYMENT_LINK_H

#include "gateway/http/request.h"
#include "gateway/sale/orders.h"

/* ENDS with the reserved order and its link. `template` is the setting payment_url. */
void payment_link_reply(struct request *request, const char *template, const struct order_view *order);

#endif
