/*
 * /users/me/webhooks and /admin/webhooks: the webhooks of a user and of the deployment. Both are the same resource with
 * different owners. Those under /admin belong to the deployment, not to the admin who created them, and every change is
 * in the audit log. A secret is returned only by the call that created it, and for a day by repetitions of that call
 * with its idempotency key.
 *
 * For the delivery log see webhook_deliveries.h; notifyworker delivers.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_WEBHOOKS_H
#define ROSTRUM_GATEWAY_ACCOUNT_WEBHOOKS_H

#include "common/service/config.h"
#include "gateway/http/request.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* Context of the handlers; created by components.c. */
struct webhooks_context {
    const struct config *config;
    struct pg *pg;
};

extern const struct route webhooks_routes[];
extern struct statements webhooks_statements;

/* Writes the owner of the request's webhooks: the user, or the nil id for the deployment (routes for admins). */
void webhooks_owner(const struct request *request, char out[static UUID_TEXT_SIZE]);

#endif
