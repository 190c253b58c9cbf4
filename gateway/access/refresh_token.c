/*
 * See refresh_token.h.
 */
#include "gateway/access/refresh_token.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { PART = 16, SESSION_AT = PART, SECRET_AT = 2 * PART, MAC_AT = 3 * PART, HASH_BYTES = 32 };

static void keyed_hash(const uint8_t *key, const char *purpose, const uint8_t *bytes, size_t length, uint8_t *out)
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, key, DEPLOYMENT_KEY_BYTES, PART);
    (void)crypto_generichash_update(&state, (const uint8_t *)purpose, strlen(purpose) + 1);
    (void)crypto_generichash_update(&state, bytes, length);
    (void)crypto_generichash_final(&state, out, PART);
}

/* Fills the other members from the bytes. */
static void describe(struct refresh_token *token)
{
    uint8_t hash[HASH_BYTES];
    memcpy(token->user.bytes, token->bytes, PART);
    (void)sodium_bin2hex(token->session, sizeof(token->session), token->bytes + SESSION_AT, PART);
    (void)sodium_bin2base64(token->text, sizeof(token->text), token->bytes, sizeof(token->bytes),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    (void)crypto_generichash(hash, sizeof(hash), token->bytes, sizeof(token->bytes), NULL, 0);
    (void)sodium_bin2hex(token->hash, sizeof(token->hash), hash, sizeof(hash));
}

static void finish(const uint8_t *key, struct refresh_token *token)
{
    keyed_hash(key, "refresh", token->bytes, MAC_AT, token->bytes + MAC_AT);
    describe(token);
}

void refresh_token_new(const uint8_t key[static DEPLOYMENT_KEY_BYTES], const struct uuid *user, const char *session,
                       struct refresh_token *out)
{
    size_t length = 0;
    *out = (struct refresh_token){.text = ""};
    memcpy(out->bytes, user->bytes, PART);
    (void)sodium_hex2bin(out->bytes + SESSION_AT, PART, session, strlen(session), NULL, &length, NULL);
    randombytes_buf(out->bytes + SECRET_AT, PART);
    finish(key, out);
}

bool refresh_token_read(const uint8_t key[static DEPLOYMENT_KEY_BYTES], const char *text, struct refresh_token *out)
{
    uint8_t mac[PART];
    size_t length = 0;
    *out = (struct refresh_token){.text = ""};
    if (sodium_base642bin(out->bytes, sizeof(out->bytes), text, strlen(text), NULL, &length, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        length != sizeof(out->bytes)) {
        return false;
    }
    keyed_hash(key, "refresh", out->bytes, MAC_AT, mac);
    describe(out);
    return sodium_memcmp(mac, out->bytes + MAC_AT, sizeof(mac)) == 0;
}

void refresh_token_next(const uint8_t key[static DEPLOYMENT_KEY_BYTES], const struct refresh_token *of,
                        struct refresh_token *out)
{
    *out = (struct refresh_token){.text = ""};
    memcpy(out->bytes, of->bytes, SECRET_AT);
    keyed_hash(key, "refresh next", of->bytes, sizeof(of->bytes), out->bytes + SECRET_AT);
    finish(key, out);
}
