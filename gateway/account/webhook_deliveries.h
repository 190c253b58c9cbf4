/*
 * /users/me/webhooks/:id/deliveries and /admin/webhooks/:id/deliveries: the delivery log of a webhook, redelivery, and
 * test deliveries. The gateway calls no webhook itself: it adds a row to table deliveries and its message, and
 * notifyworker delivers. So no request waits for a webhook's server.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_WEBHOOK_DELIVERIES_H
#define ROSTRUM_GATEWAY_ACCOUNT_WEBHOOK_DELIVERIES_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route webhook_deliveries_routes[]; /* context: struct pg */
extern struct statements webhook_deliveries_statements;

#endif
