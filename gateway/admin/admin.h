/*
 * /admin/users, /admin/audit-logs: what admins see of the deployment. It also bans users.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_ADMIN_H
#define ROSTRUM_GATEWAY_ADMIN_ADMIN_H

#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct admin_context {
    const struct deployment *deployment;
    struct pg *pg;
};

extern const struct route admin_routes[];
extern struct statements admin_statements;

#endif
