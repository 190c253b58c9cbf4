/*
 * /users/me/webhooks: where a user wants events sent, and /admin/webhooks: where the deployment does. Both are the same
 * resource with another owner: what is under /admin belongs to the deployment, whichever admin made it, and every
 * change of it is in the audit log. A secret is shown by the call that made it and never again.
 *
 * What is sent: webhook_deliveries. Who sends it: notifyworker.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_WEBHOOKS_H
#define ROSTRUM_GATEWAY_ACCOUNT_WEBHOOKS_H

#include "common/service/config.h"
#include "gateway/http/request.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use; made by components.c. */
struct webhooks_context {
    const struct config *config;
    struct pg *pg;
};

extern const struct route webhooks_routes[];
extern struct statements webhooks_statements;

/* The owner that a call is about: the user, or the deployment (the nil id) where the route is an admin's. */
void webhooks_owner(const struct request *request, char out[static UUID_TEXT_SIZE]);

#endif
