/*
 * Issues access tokens for the answers of login, refresh and a change of the password.
 *
 * Callers: accounts.c, refresh.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_ACCESS_TOKENS_H
#define ROSTRUM_GATEWAY_ACCOUNT_ACCESS_TOKENS_H

#include "common/base/json.h"
#include "gateway/http/request.h"

struct access_token {
    char text[TOKEN_TEXT_SIZE];
    int64_t now_s;
    int64_t expires_s;
};

/*
 * Issues an access token of the session of request->user, which it does not outlive. False: the epoch of the user or
 * the end of the session is not known.
 */
MUST_CHECK bool access_tokens_issue(const struct request *request, const struct uuid *user, bool admin,
                                    struct access_token *out);
/* Writes accessToken, expiresIn and expiresAt. */
void access_tokens_write(struct jsonw *json, const struct access_token *token);

#endif
