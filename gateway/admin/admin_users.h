/*
 * One user under /admin/users/:id: the account, what the user bid on and sold, and who logged in from the same address.
 * Changes of a user are in admin.c.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_ADMIN_USERS_H
#define ROSTRUM_GATEWAY_ADMIN_ADMIN_USERS_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route admin_users_routes[]; /* context: struct pg */
extern struct statements admin_users_statements;

#endif
