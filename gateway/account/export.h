/*
 * GET /users/me/export: everything that is stored about the user, in pages. Each page holds rows of one section.
 * Secrets are left out: hashes of passwords and tokens, and keys of webhooks.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_EXPORT_H
#define ROSTRUM_GATEWAY_ACCOUNT_EXPORT_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route export_routes[]; /* context: struct pg */
extern struct statements export_statements;

#endif
