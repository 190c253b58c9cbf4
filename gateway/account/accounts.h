/*
 * /auth/... and /users/me: registration, login, logout, and the user's own account.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_ACCOUNTS_H
#define ROSTRUM_GATEWAY_ACCOUNT_ACCOUNTS_H

#include "common/io/redis.h"
#include "common/service/config.h"
#include "gateway/account/hashpool.h"
#include "gateway/core/deployment.h"
#include "gateway/http/reply.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* Context of the handlers; created by components.c. */
struct accounts_context {
    const struct config *config;
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    struct hashpool *hashpool;
};

enum {
    ACCOUNTS_EMAIL_SIZE = 255, /* RFC 5321: 254 characters */
    ACCOUNTS_PASSWORD_LEAST = 8,
    ACCOUNTS_PASSWORD_MOST = 128,
};

extern const struct route accounts_routes[];
extern struct statements accounts_statements;

/* Reads "email" of the body, in lower case. Adds a field error if it is not an email address. */
void accounts_read_email(const struct request *request, char out[static ACCOUNTS_EMAIL_SIZE],
                         struct field_errors *field_errors);

#endif
