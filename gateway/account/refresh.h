/*
 * POST /auth/refresh: a new access token for a session, or for a refresh token in the body. Each refresh token is
 * replaced by its use. The former one works for REFRESH_GRACE_S more, until its successor was used. Any later use ends
 * the session, because its user may be a thief.
 *
 * Callers: routes.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_REFRESH_H
#define ROSTRUM_GATEWAY_ACCOUNT_REFRESH_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

enum { REFRESH_GRACE_S = 30 };

extern const struct route refresh_routes[]; /* no context */
extern struct statements refresh_statements;

#endif
