/*
 * Access tokens; see token.h. The header is always the same text, so a token with any other header is not ours; the
 * classic attacks on JWT libraries (alg none, keys in the header) have nothing to work on.
 */
#include "gateway/token.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

enum {
    REMEMBERED_MAX = 8192, /* verified tokens, one per slot: 8 MiB at most would be full texts, hashes are 600 KiB */
    HASH_BYTES = 32,
    KID_BYTES = 8,
    HEADER_SIZE = 128,
    CLAIMS_SIZE = 256,
    BASE64_VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

struct remembered {
    uint8_t hash[HASH_BYTES]; /* of the whole text */
    struct token_claims claims;
};

struct tokens {
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    char kid[KID_BYTES * 2 + 1];
    char header[HEADER_SIZE]; /* base64url */
    struct remembered *remembered;
};

struct tokens *tokens_new(const uint8_t seed[static TOKEN_SEED_BYTES])
{
    char plain[HEADER_SIZE];
    uint8_t kid[crypto_generichash_BYTES_MIN];
    struct tokens *tokens = calloc(1, sizeof(*tokens));
    if (tokens == NULL) {
        return NULL;
    }
    tokens->remembered = calloc(REMEMBERED_MAX, sizeof(*tokens->remembered));
    if (tokens->remembered == NULL || crypto_sign_seed_keypair(tokens->public_key, tokens->secret_key, seed) != 0) {
        tokens_free(tokens);
        return NULL;
    }
    crypto_generichash(kid, sizeof(kid), tokens->public_key, sizeof(tokens->public_key), NULL, 0);
    sodium_bin2hex(tokens->kid, sizeof(tokens->kid), kid, KID_BYTES);
    int length = snprintf(plain, sizeof(plain), "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}", tokens->kid);
    sodium_bin2base64(tokens->header, sizeof(tokens->header), (const unsigned char *)plain, (size_t)length,
                      BASE64_VARIANT);
    return tokens;
}

void tokens_free(struct tokens *tokens)
{
    if (tokens != NULL) {
        sodium_memzero(tokens->secret_key, sizeof(tokens->secret_key));
        free(tokens->remembered);
        free(tokens);
    }
}

bool token_issue(const struct tokens *tokens, const struct token_claims *claims, int64_t now_s,
                 char out[static TOKEN_TEXT_SIZE])
{
    char plain[CLAIMS_SIZE];
    char body[CLAIMS_SIZE * 2];
    char user[UUID_TEXT_SIZE];
    uint8_t signature[crypto_sign_BYTES];
    uuid_format(&claims->user_id, user);
    int length = snprintf(
        plain, sizeof(plain), "{\"sub\":\"%s\",\"role\":\"%s\",\"sid\":\"%s\",\"iat\":%lld,\"exp\":%lld}", user,
        claims->admin ? "admin" : "user", claims->session, (long long)now_s, (long long)claims->expires_s);
    if (length < 0 || (size_t)length >= sizeof(plain)) {
        return false;
    }
    sodium_bin2base64(body, sizeof(body), (const unsigned char *)plain, (size_t)length, BASE64_VARIANT);
    int used = snprintf(out, TOKEN_TEXT_SIZE, "%s.%s", tokens->header, body);
    if (used < 0 || (size_t)used + 1 + sodium_base64_ENCODED_LEN(sizeof(signature), BASE64_VARIANT) > TOKEN_TEXT_SIZE ||
        crypto_sign_detached(signature, NULL, (const unsigned char *)out, (unsigned long long)used,
                             tokens->secret_key) != 0) {
        return false;
    }
    out[used] = '.';
    sodium_bin2base64(out + used + 1, TOKEN_TEXT_SIZE - (size_t)used - 1, signature, sizeof(signature), BASE64_VARIANT);
    return true;
}

static bool read_claims(const char *text, size_t length, struct token_claims *claims)
{
    char plain[CLAIMS_SIZE];
    size_t plain_length = 0;
    const char *role = NULL;
    const char *session = NULL;
    if (sodium_base642bin((unsigned char *)plain, sizeof(plain), text, length, NULL, &plain_length, NULL,
                          BASE64_VARIANT) != 0) {
        return false;
    }
    struct json *root = json_parse(plain, plain_length, NULL);
    bool good = root != NULL && json_get_uuid(root, "sub", &claims->user_id) && json_get_text(root, "role", &role) &&
                json_get_text(root, "sid", &session) && strlen(session) < sizeof(claims->session) &&
                json_get_int(root, "exp", 0, INT64_MAX, &claims->expires_s);
    if (good) {
        claims->admin = strcmp(role, "admin") == 0;
        (void)snprintf(claims->session, sizeof(claims->session), "%s", session);
    }
    json_free(root);
    return good;
}

/* Everything but the expiry: what holds of a text holds for ever. */
static bool verify_text(const struct tokens *tokens, const char *text, size_t length, struct token_claims *claims)
{
    uint8_t signature[crypto_sign_BYTES];
    size_t signature_length = 0;
    size_t header_length = strlen(tokens->header);
    if (length <= header_length + 1 || memcmp(text, tokens->header, header_length) != 0 || text[header_length] != '.') {
        return false;
    }
    const char *body = text + header_length + 1;
    const char *dot = memchr(body, '.', length - header_length - 1);
    if (dot == NULL) {
        return false;
    }
    size_t rest = length - (size_t)(dot + 1 - text);
    return sodium_base642bin(signature, sizeof(signature), dot + 1, rest, NULL, &signature_length, NULL,
                             BASE64_VARIANT) == 0 &&
           signature_length == sizeof(signature) &&
           crypto_sign_verify_detached(signature, (const unsigned char *)text, (unsigned long long)(dot - text),
                                       tokens->public_key) == 0 &&
           read_claims(body, (size_t)(dot - body), claims);
}

bool token_verify(struct tokens *tokens, const char *text, size_t length, int64_t now_s, struct token_claims *claims)
{
    uint8_t hash[HASH_BYTES];
    if (length >= TOKEN_TEXT_SIZE) {
        return false;
    }
    crypto_generichash(hash, sizeof(hash), (const unsigned char *)text, length, NULL, 0);
    struct remembered *slot = &tokens->remembered[(hash[0] | (unsigned)hash[1] << 8U) % REMEMBERED_MAX];
    if (memcmp(slot->hash, hash, sizeof(hash)) != 0) {
        struct token_claims fresh = {.admin = false};
        if (!verify_text(tokens, text, length, &fresh)) {
            return false;
        }
        memcpy(slot->hash, hash, sizeof(hash));
        slot->claims = fresh;
    }
    *claims = slot->claims;
    return claims->expires_s > now_s;
}

void token_jwks(const struct tokens *tokens, char out[static TOKEN_JWKS_SIZE])
{
    char key[sodium_base64_ENCODED_LEN(crypto_sign_PUBLICKEYBYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    sodium_bin2base64(key, sizeof(key), tokens->public_key, sizeof(tokens->public_key), BASE64_VARIANT);
    int length = snprintf(out, TOKEN_JWKS_SIZE,
                          "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\","
                          "\"kid\":\"%s\",\"x\":\"%s\"}]}",
                          tokens->kid, key);
    assert(length > 0 && length < TOKEN_JWKS_SIZE);
    (void)length;
}
