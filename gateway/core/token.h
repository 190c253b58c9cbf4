/*
 * Access tokens: JWTs signed with EdDSA (Ed25519) by one of the deployment's token keys. All its keys verify, so tokens
 * of an older key stay valid after `rostrumctl keys rotate`.
 *
 * Claims: sub (user id), role, sid (hash of the session that issued it), iat, exp, and two epochs: `epoch` of the user,
 * and `from`, the sessions_from of the deployment. The token is valid only while both are equal to the present ones. A
 * verification takes 60 µs, so each worker caches the tokens that it has verified.
 */
#ifndef ROSTRUM_GATEWAY_CORE_TOKEN_H
#define ROSTRUM_GATEWAY_CORE_TOKEN_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "gateway/core/jws.h"

enum {
    TOKEN_SEED_BYTES = JWS_SEED_BYTES,
    TOKEN_TEXT_SIZE = 640,   /* header 80, claims 340, signature 86, with room */
    TOKEN_KEYS_MAX = 8,      /* at a time; rostrumctl enforces it */
    TOKEN_JWKS_SIZE = 2048,  /* 160 bytes a key */
    TOKEN_SESSION_SIZE = 33, /* hex of the hash of the session that issued a token */
};

/* Newest first. */
struct token_keys {
    size_t count;  /* at least 1 */
    size_t signer; /* index of the key that signs */
    uint8_t seeds[TOKEN_KEYS_MAX][TOKEN_SEED_BYTES];
};

struct tokens;

struct token_claims {
    struct uuid user_id;
    bool admin;
    char session[TOKEN_SESSION_SIZE];
    int64_t epoch;     /* of the user, when it was issued */
    int64_t from_ms;   /* of the deployment, likewise: sessions_from */
    int64_t issued_s;  /* seconds since 1970; set by token_verify */
    int64_t expires_s; /* likewise */
};

/* Returns NULL only if out of memory. */
MUST_CHECK struct tokens *tokens_new(const struct token_keys *keys);
/* Replaces the keys. */
void tokens_set(struct tokens *tokens, const struct token_keys *keys);
void tokens_free(struct tokens *tokens);
/* False only if the token does not fit, which no valid claims can cause. */
MUST_CHECK bool token_issue(const struct tokens *tokens, const struct token_claims *claims, int64_t now_s,
                            char out[static TOKEN_TEXT_SIZE]);
enum token_validity {
    TOKEN_VALID,
    TOKEN_INVALID,     /* altered or expired */
    TOKEN_KEY_UNKNOWN, /* not signed by one of the keys: invalid, or `tokens` lacks a new key */
};
/* Fills `claims` if the token is valid. */
MUST_CHECK enum token_validity token_verify(struct tokens *tokens, const char *text, size_t length, int64_t now_s,
                                            struct token_claims *claims);
/* Writes {"keys":[...]}: the public keys of tokens, then the one of receipts. */
void token_jwks(const struct tokens *tokens, const struct jws_key *receipts, char out[static TOKEN_JWKS_SIZE]);

#endif
