/*
 * See links.h.
 */
#include "common/protocol/links.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_BYTES = 32, SIGNATURE_BYTES = 16, USER_BYTES = 16 };

/* Part of the signed data, so that other signatures with this key cannot be used here. */
static const char purpose[] = "unsubscribe";

static void hash_token(const uint8_t bytes[static TOKEN_BYTES], char hash[static LINKS_HASH_SIZE])
{
    uint8_t made[crypto_generichash_BYTES];
    (void)crypto_generichash(made, sizeof(made), bytes, TOKEN_BYTES, NULL, 0); /* these sizes cannot fail */
    (void)sodium_bin2hex(hash, LINKS_HASH_SIZE, made, sizeof(made));
}

void links_token_new(char token[static LINKS_TOKEN_SIZE], char hash[static LINKS_HASH_SIZE])
{
    uint8_t bytes[TOKEN_BYTES];
    randombytes_buf(bytes, sizeof(bytes));
    (void)sodium_bin2base64(token, LINKS_TOKEN_SIZE, bytes, sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    hash_token(bytes, hash);
    sodium_memzero(bytes, sizeof(bytes));
}

static bool decode(const char *text, uint8_t *bytes, size_t size)
{
    size_t length = 0;
    return sodium_base642bin(bytes, size, text, strlen(text), NULL, &length, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           length == size;
}

bool links_token_hash(const char *token, char hash[static LINKS_HASH_SIZE])
{
    uint8_t bytes[TOKEN_BYTES];
    if (!decode(token, bytes, sizeof(bytes))) {
        return false;
    }
    hash_token(bytes, hash);
    sodium_memzero(bytes, sizeof(bytes));
    return true;
}

bool links_key_read(const char *hex, uint8_t key[static LINKS_KEY_BYTES])
{
    size_t length = 0;
    return sodium_hex2bin(key, LINKS_KEY_BYTES, hex, strlen(hex), NULL, &length, NULL) == 0 &&
           length == LINKS_KEY_BYTES;
}

static void sign(const uint8_t key[static LINKS_KEY_BYTES], const uint8_t user[static USER_BYTES], const char *kind,
                 uint8_t out[static SIGNATURE_BYTES])
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, key, LINKS_KEY_BYTES, SIGNATURE_BYTES); /* these sizes cannot fail */
    (void)crypto_generichash_update(&state, (const uint8_t *)purpose, sizeof(purpose));
    (void)crypto_generichash_update(&state, user, USER_BYTES);
    (void)crypto_generichash_update(&state, (const uint8_t *)kind, strlen(kind));
    (void)crypto_generichash_final(&state, out, SIGNATURE_BYTES);
}

void links_unsubscribe_write(const uint8_t key[static LINKS_KEY_BYTES], const struct uuid *user, const char *kind,
                             char out[static LINKS_UNSUBSCRIBE_SIZE])
{
    uint8_t bytes[USER_BYTES + SIGNATURE_BYTES];
    int length = snprintf(out, LINKS_UNSUBSCRIBE_SIZE, "%s.", kind);
    assert(length > 0 && length < LINKS_KIND_SIZE);
    memcpy(bytes, user->bytes, USER_BYTES);
    sign(key, user->bytes, kind, bytes + USER_BYTES);
    (void)sodium_bin2base64(out + length, LINKS_UNSUBSCRIBE_SIZE - (size_t)length, bytes, sizeof(bytes),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool links_unsubscribe_read(const uint8_t key[static LINKS_KEY_BYTES], const char *text, struct uuid *user,
                            char kind[static LINKS_KIND_SIZE])
{
    uint8_t bytes[USER_BYTES + SIGNATURE_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    if (length == 0 || length >= LINKS_KIND_SIZE || text[length] != '.' ||
        !decode(text + length + 1, bytes, sizeof(bytes))) {
        return false;
    }
    (void)snprintf(kind, LINKS_KIND_SIZE, "%.*s", (int)length, text);
    sign(key, bytes, kind, signature);
    memcpy(user->bytes, bytes, USER_BYTES);
    return sodium_memcmp(signature, bytes + USER_BYTES, SIGNATURE_BYTES) == 0;
}
