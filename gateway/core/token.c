/*
 * Access tokens; see token.h. Each key has one fixed header text, and tokens with any other header are refused. So the
 * known attacks through the header (alg none, embedded keys) are impossible.
 */
#include "gateway/core/token.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"

enum {
    CACHE_MAX = 8192, /* verified tokens, one per slot; hashes take 600 KiB, full texts would take 8 MiB */
    HASH_BYTES = 32,
    CLAIMS_SIZE = 320,
};

struct cached_token {
    uint8_t hash[HASH_BYTES]; /* of the whole text */
    struct token_claims claims;
};

struct tokens {
    size_t count;
    size_t signer;
    struct jws_key keys[TOKEN_KEYS_MAX];
    struct token_keys given; /* the seeds of `keys` */
    struct cached_token *cache;
};

struct tokens *tokens_new(const struct token_keys *keys)
{
    struct tokens *tokens = calloc(1, sizeof(*tokens));
    if (tokens == NULL) {
        return NULL;
    }
    tokens->cache = calloc(CACHE_MAX, sizeof(*tokens->cache));
    if (tokens->cache == NULL) {
        tokens_free(tokens);
        return NULL;
    }
    tokens_set(tokens, keys);
    return tokens;
}

static bool same_keys(const struct token_keys *a, const struct token_keys *b)
{
    return a->count == b->count && a->signer == b->signer &&
           sodium_memcmp(a->seeds, b->seeds, a->count * sizeof(a->seeds[0])) == 0;
}

void tokens_set(struct tokens *tokens, const struct token_keys *keys)
{
    assert(keys->count >= 1 && keys->count <= TOKEN_KEYS_MAX && keys->signer < keys->count);
    if (same_keys(&tokens->given, keys)) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        jws_key_make(&tokens->keys[i], keys->seeds[i], "JWT");
    }
    tokens->count = keys->count;
    tokens->signer = keys->signer;
    tokens->given = *keys;
    /* Tokens of removed keys must not stay valid. */
    memset(tokens->cache, 0, CACHE_MAX * sizeof(*tokens->cache));
}

void tokens_free(struct tokens *tokens)
{
    if (tokens != NULL) {
        sodium_memzero(tokens->keys, sizeof(tokens->keys));
        sodium_memzero(&tokens->given, sizeof(tokens->given));
        free(tokens->cache);
        free(tokens);
    }
}

bool token_issue(const struct tokens *tokens, const struct token_claims *claims, int64_t now_s,
                 char out[static TOKEN_TEXT_SIZE])
{
    char plain[CLAIMS_SIZE];
    char user[UUID_TEXT_SIZE];
    uuid_format(&claims->user_id, user);
    int length = snprintf(plain, sizeof(plain),
                          "{\"sub\":\"%s\",\"role\":\"%s\",\"sid\":\"%s\",\"epoch\":%lld,\"from\":%lld,"
                          "\"iat\":%lld,\"exp\":%lld}",
                          user, claims->admin ? "admin" : "user", claims->session, (long long)claims->epoch,
                          (long long)claims->from_ms, (long long)now_s, (long long)claims->expires_s);
    return length >= 0 && (size_t)length < sizeof(plain) &&
           jws_sign(&tokens->keys[tokens->signer], plain, (size_t)length, out, TOKEN_TEXT_SIZE);
}

static bool read_claims(const char *text, size_t length, struct token_claims *claims)
{
    char plain[CLAIMS_SIZE];
    size_t plain_length = 0;
    const char *role = NULL;
    const char *session = NULL;
    if (sodium_base642bin((unsigned char *)plain, sizeof(plain), text, length, NULL, &plain_length, NULL, JWS_BASE64) !=
        0) {
        return false;
    }
    struct json *root = json_parse(plain, plain_length, NULL);
    bool ok = root != NULL && json_get_uuid(root, "sub", &claims->user_id) && json_get_text(root, "role", &role) &&
              json_get_text(root, "sid", &session) && strlen(session) < sizeof(claims->session) &&
              json_get_int(root, "epoch", 1, INT64_MAX, &claims->epoch) &&
              json_get_int(root, "from", 0, INT64_MAX, &claims->from_ms) &&
              json_get_int(root, "iat", 0, INT64_MAX / 1000, &claims->issued_s) &&
              json_get_int(root, "exp", 0, INT64_MAX, &claims->expires_s);
    if (ok) {
        claims->admin = strcmp(role, "admin") == 0;
        (void)snprintf(claims->session, sizeof(claims->session), "%s", session);
    }
    json_free(root);
    return ok;
}

/* The key whose header this text begins with, or NULL. */
static const struct jws_key *find_key(const struct tokens *tokens, const char *text, size_t length)
{
    for (size_t i = 0; i < tokens->count; i++) {
        size_t header_length = strlen(tokens->keys[i].header);
        if (length > header_length + 1 && memcmp(text, tokens->keys[i].header, header_length) == 0 &&
            text[header_length] == '.') {
            return &tokens->keys[i];
        }
    }
    return NULL;
}

/* Checks everything except the expiry. The result stays true as long as the key is in the set, so it can be cached. */
static bool verify_text(const struct jws_key *key, const char *text, size_t length, struct token_claims *claims)
{
    uint8_t signature[crypto_sign_BYTES];
    size_t signature_length = 0;
    size_t header_length = strlen(key->header);
    const char *body = text + header_length + 1;
    const char *dot = memchr(body, '.', length - header_length - 1);
    if (dot == NULL) {
        return false;
    }
    size_t rest = length - (size_t)(dot + 1 - text);
    return sodium_base642bin(signature, sizeof(signature), dot + 1, rest, NULL, &signature_length, NULL, JWS_BASE64) ==
               0 &&
           signature_length == sizeof(signature) &&
           crypto_sign_verify_detached(signature, (const unsigned char *)text, (unsigned long long)(dot - text),
                                       key->public_key) == 0 &&
           read_claims(body, (size_t)(dot - body), claims);
}

enum token_validity token_verify(struct tokens *tokens, const char *text, size_t length, int64_t now_s,
                                 struct token_claims *claims)
{
    uint8_t hash[HASH_BYTES];
    if (length >= TOKEN_TEXT_SIZE) {
        return TOKEN_INVALID;
    }
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, length, NULL, 0);
    struct cached_token *slot = &tokens->cache[(hash[0] | (unsigned)hash[1] << 8U) % CACHE_MAX];
    if (memcmp(slot->hash, hash, sizeof(hash)) != 0) {
        struct token_claims fresh = {.admin = false};
        const struct jws_key *key = find_key(tokens, text, length);
        if (key == NULL) {
            return TOKEN_KEY_UNKNOWN;
        }
        if (!verify_text(key, text, length, &fresh)) {
            return TOKEN_INVALID;
        }
        memcpy(slot->hash, hash, sizeof(hash));
        slot->claims = fresh;
    }
    if (slot->claims.expires_s <= now_s) {
        return TOKEN_INVALID;
    }
    *claims = slot->claims;
    return TOKEN_VALID;
}

void token_jwks(const struct tokens *tokens, const struct jws_key *receipts, char out[static TOKEN_JWKS_SIZE])
{
    char jwk[JWS_JWK_SIZE];
    jws_write_key(receipts, jwk);
    int length = snprintf(out, TOKEN_JWKS_SIZE, "{\"keys\":[");
    for (size_t i = 0; i < tokens->count; i++) {
        char token_jwk[JWS_JWK_SIZE];
        jws_write_key(&tokens->keys[i], token_jwk);
        length += snprintf(out + length, TOKEN_JWKS_SIZE - (size_t)length, "%s,", token_jwk);
        assert(length > 0 && length < TOKEN_JWKS_SIZE);
    }
    length += snprintf(out + length, TOKEN_JWKS_SIZE - (size_t)length, "%s]}", jwk);
    assert(length < TOKEN_JWKS_SIZE);
}
