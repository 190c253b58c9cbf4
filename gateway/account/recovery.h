/*
 * Password reset: POST /auth/password-reset requests a mail with a token; POST /auth/password-reset/confirm takes the
 * token and sets a new password.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_RECOVERY_H
#define ROSTRUM_GATEWAY_ACCOUNT_RECOVERY_H

#include "common/service/config.h"
#include "gateway/account/hashpool.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* Context of the handlers; created by components.c. */
struct recovery_context {
    const struct config *config;
    struct pg *pg;
    struct hashpool *hashpool;
};

extern const struct route recovery_routes[];
extern struct statements recovery_statements;

#endif
