/*
 * Is an account's email address its owner's? Shown by the token of a mail (POST /auth/verify-email), which can be sent
 * again (…/resend). Where the setting bid_unverified is off, who has not shown it cannot bid.
 *
 * Callers: routes.c, bids.c, components.c.
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

/* Users of whom this worker knows that their address is verified, which is for good. */
struct verification;

/* NULL only without memory. */
MUST_CHECK struct verification *verification_new(const struct config *config, struct pg *pg);
void verification_free(struct verification *verification);

enum verification_answer { VERIFICATION_YES, VERIFICATION_NO, VERIFICATION_UNKNOWN /* PostgreSQL is not there */ };
typedef void (*verification_callback)(struct request *request, enum verification_answer answer);

/* May the request's user bid, as far as this goes? Calls back at once where the setting or this worker says yes. */
void verification_ask(struct verification *verification, struct request *request, verification_callback then);

#endif
