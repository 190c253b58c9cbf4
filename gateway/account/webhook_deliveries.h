/*
 * /users/me/webhooks/:id/deliveries and /admin/webhooks/:id/deliveries: what was sent to a webhook and what came of it;
 * sending it again; and a test. Nothing is called from here: a row of table deliveries and its message make
 * notifyworker do it, so that no request waits for a stranger's server.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_WEBHOOK_DELIVERIES_H
#define ROSTRUM_GATEWAY_ACCOUNT_WEBHOOK_DELIVERIES_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route webhook_deliveries_routes[]; /* context: struct pg */
extern struct statements webhook_deliveries_statements;

#endif
