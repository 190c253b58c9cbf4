/*
 * /auth/... and /users/me: registering, logging in and out, and a user's own account.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNTS_H
#define ROSTRUM_GATEWAY_ACCOUNTS_H

#include "gateway/router.h"
#include "gateway/statements.h"

extern const struct route accounts_routes[];
extern struct statements accounts_statements;

#endif
