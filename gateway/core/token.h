/*
 * Access tokens: JWTs signed with EdDSA (Ed25519) by one of the deployment's token keys; all of them verify, so that a
 * new key can take over while tokens of the one before it live (`rostrumctl keys rotate`). Claims: sub (user id), role,
 * sid (hash of the session it came from), iat, exp. Verifying costs 60 µs, so each worker remembers tokens that it has
 * verified.
 */
#ifndef ROSTRUM_GATEWAY_CORE_TOKEN_H
#define ROSTRUM_GATEWAY_CORE_TOKEN_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "gateway/core/jws.h"

enum {
    TOKEN_SEED_BYTES = JWS_SEED_BYTES,
    TOKEN_TEXT_SIZE = 512,   /* header 80, claims 240, signature 86, with room */
    TOKEN_KEYS_MAX = 8,      /* at a time; rostrumctl makes no more */
    TOKEN_JWKS_SIZE = 2048,  /* 160 bytes a key */
    TOKEN_SESSION_SIZE = 33, /* hex of the hash of the session that a token came from */
};

/* Newest first. */
struct token_keys {
    size_t count; /* at least 1 */
    size_t signer;
    uint8_t seeds[TOKEN_KEYS_MAX][TOKEN_SEED_BYTES];
};

struct tokens;

struct token_claims {
    struct uuid user_id;
    bool admin;
    char session[TOKEN_SESSION_SIZE];
    int64_t expires_s; /* seconds since the epoch */
};

/* NULL only without memory. */
MUST_CHECK struct tokens *tokens_new(const struct token_keys *keys);
/* These keys from now on. */
void tokens_set(struct tokens *tokens, const struct token_keys *keys);
void tokens_free(struct tokens *tokens);
/* False only if it does not fit, which no claims of ours can cause. */
MUST_CHECK bool token_issue(const struct tokens *tokens, const struct token_claims *claims, int64_t now_s,
                            char out[static TOKEN_TEXT_SIZE]);
/* False if it is not ours, was changed, or has expired. */
MUST_CHECK bool token_verify(struct tokens *tokens, const char *text, size_t length, int64_t now_s,
                             struct token_claims *claims);
/* {"keys":[...]} with the public keys, that of receipts behind them. */
void token_jwks(const struct tokens *tokens, const struct jws_key *receipts, char out[static TOKEN_JWKS_SIZE]);

#endif
