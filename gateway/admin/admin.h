/*
 * /admin/users, /admin/audit-logs, /admin/stats: what admins see of the deployment. It also bans users.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_ADMIN_H
#define ROSTRUM_GATEWAY_ADMIN_ADMIN_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route admin_routes[]; /* context: struct pg */
extern struct statements admin_statements;

#endif
