/*
 * A forgotten password: POST /auth/password-reset asks for a mail, …/confirm sets a new one by the token in it.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_RECOVERY_H
#define ROSTRUM_GATEWAY_ACCOUNT_RECOVERY_H

#include "gateway/account/hashpool.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use; made by components.c. */
struct recovery_context {
    struct pg *pg;
    struct hashpool *hashpool;
};

extern const struct route recovery_routes[];
extern struct statements recovery_statements;

#endif
