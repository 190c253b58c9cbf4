/*
 * Verification of email addresses: POST /auth/verify-email takes the token of a mail, …/resend sends a new one. If the
 * setting bid_unverified is off, users with an unverified address cannot bid.
 *
 * Callers: routes.c, command_request.c, components.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_VERIFICATION_H
#define ROSTRUM_GATEWAY_ACCOUNT_VERIFICATION_H

#include "common/base/base.h"
#include "common/service/config.h"
#include "gateway/http/request.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route verification_routes[]; /* context: struct verification */
extern struct statements verification_statements;

/* A cache of users whose address is verified. Entries never expire, because a verification is permanent. */
struct verification;

/* Returns NULL only if out of memory. */
MUST_CHECK struct verification *verification_new(const struct config *config, struct pg *pg);
void verification_free(struct verification *verification);

enum verification_answer { VERIFICATION_YES, VERIFICATION_NO, VERIFICATION_UNKNOWN /* PostgreSQL has failed */ };
typedef void (*verification_callback)(struct request *request, enum verification_answer answer);

/* Checks whether the request's user may bid. Calls `then` at once if the setting or the cache allows it. */
void verification_ask(struct verification *verification, struct request *request, verification_callback then);

#endif
