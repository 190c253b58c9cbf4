/*
 * POST /users/me/erasure: erases the user's own account (docs/accounts.md says what stays). It needs the password. An
 * account on which others depend now is refused: one that sells an open auction, or leads one, and the last admin. So
 * is one with a place in a waiting line, or with a reserved order.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_ERASURE_H
#define ROSTRUM_GATEWAY_ACCOUNT_ERASURE_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route erasure_routes[]; /* context: struct accounts_context */
extern struct statements erasure_statements;

#endif
