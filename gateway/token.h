/*
 * Access tokens: JWTs signed with EdDSA (Ed25519) by the house key 'token'. Claims: sub (user id), role, sid (hash of
 * the session it came from), iat, exp. Verifying costs 60 µs, so each worker remembers tokens that it has verified.
 */
#ifndef ROSTRUM_GATEWAY_TOKEN_H
#define ROSTRUM_GATEWAY_TOKEN_H

#include "common/base.h"
#include "common/ids.h"
#include "gateway/request.h"

enum {
    TOKEN_SEED_BYTES = 32,
    TOKEN_TEXT_SIZE = 512, /* header 80, claims 240, signature 86, with room */
    TOKEN_JWKS_SIZE = 256,
};

struct tokens;

struct token_claims {
    struct uuid user_id;
    bool admin;
    char session[REQUEST_SESSION_SIZE];
    int64_t expires_s; /* seconds since the epoch */
};

MUST_CHECK struct tokens *tokens_new(const uint8_t seed[static TOKEN_SEED_BYTES]);
void tokens_free(struct tokens *tokens);
/* False only if it does not fit, which no claims of ours can cause. */
MUST_CHECK bool token_issue(const struct tokens *tokens, const struct token_claims *claims, int64_t now_s,
                            char out[static TOKEN_TEXT_SIZE]);
/* False if it is not ours, was changed, or has expired. */
MUST_CHECK bool token_verify(struct tokens *tokens, const char *text, size_t length, int64_t now_s,
                             struct token_claims *claims);
/* {"keys":[...]} with the public key. */
void token_jwks(const struct tokens *tokens, char out[static TOKEN_JWKS_SIZE]);

#endif
