/*
 * See idempotency.h.
 */
#include "gateway/access/idempotency.h"

#include <sodium.h>
#include <string.h>

enum { HASH_BYTES = (IDEMPOTENCY_HASH_SIZE - 1) / 2, AMOUNT_BYTES = 8 };

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

bool idempotency_key_read(const char *value, char key[static IDEMPOTENCY_KEY_SIZE])
{
    bool quoted = value[0] == '"';
    const char *at = quoted ? value + 1 : value;
    size_t length = 0;
    for (; *at != '\0' && !(quoted && *at == '"'); at++) {
        if (quoted && *at == '\\') {
            at++;
            if (*at != '"' && *at != '\\') {
                return false;
            }
        }
        if (is_control(*at) || length == IDEMPOTENCY_KEY_MAX) {
            return false;
        }
        key[length++] = *at;
    }
    key[length] = '\0';
    return length > 0 && (!quoted || strcmp(at, "\"") == 0);
}

/* Big endian, so that gateways on different machines agree. */
static void write_amount(int64_t amount, uint8_t out[static AMOUNT_BYTES])
{
    for (size_t i = 0; i < AMOUNT_BYTES; i++) {
        out[i] = (uint8_t)((uint64_t)amount >> (8 * (AMOUNT_BYTES - 1 - i)));
    }
}

static void hash_amount(crypto_generichash_state *state, int64_t amount)
{
    uint8_t bytes[AMOUNT_BYTES];
    write_amount(amount, bytes);
    crypto_generichash_update(state, bytes, sizeof(bytes));
}

/*
 * No two requests have the same bytes. Ids have a fixed length. The kind ends with its NUL and decides whether an
 * amount follows; an expected price follows another NUL. The key has none and is the rest.
 */
struct uuid idempotency_bid_id(const uint8_t secret[static DEPLOYMENT_KEY_BYTES], const struct command *command,
                               const char *key)
{
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    /* The kind's text, not its number: a new kind may shift the numbers. */
    const char *kind = command_kind_text(command->kind);
    crypto_generichash_init(&state, secret, DEPLOYMENT_KEY_BYTES, sizeof(hash));
    crypto_generichash_update(&state, command->user_id.bytes, sizeof(command->user_id.bytes));
    crypto_generichash_update(&state, command->auction_id.bytes, sizeof(command->auction_id.bytes));
    crypto_generichash_update(&state, (const unsigned char *)kind, strlen(kind) + 1);
    if (command_kind_carries(command->kind) != COMMAND_CARRIES_NOTHING) {
        hash_amount(&state, command->amount);
    }
    if (command->price != 0) {
        crypto_generichash_update(&state, (const unsigned char *)"", 1);
        hash_amount(&state, command->price);
    }
    crypto_generichash_update(&state, (const unsigned char *)key, strlen(key));
    crypto_generichash_final(&state, hash, sizeof(hash));
    return uuid_from_hash(hash);
}

/* Kind and key end with their NUL. */
struct uuid idempotency_row_id(const uint8_t secret[static DEPLOYMENT_KEY_BYTES], const struct uuid *user,
                               const char *kind, const char *key, const char *body, size_t length)
{
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, secret, DEPLOYMENT_KEY_BYTES, sizeof(hash));
    crypto_generichash_update(&state, user->bytes, sizeof(user->bytes));
    crypto_generichash_update(&state, (const unsigned char *)kind, strlen(kind) + 1);
    crypto_generichash_update(&state, (const unsigned char *)key, strlen(key) + 1);
    crypto_generichash_update(&state, (const unsigned char *)body, length);
    crypto_generichash_final(&state, hash, sizeof(hash));
    return uuid_from_hash(hash);
}

void idempotency_key_hash(const char *key, char out[static IDEMPOTENCY_HASH_SIZE])
{
    uint8_t hash[HASH_BYTES];
    (void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)key, strlen(key), NULL, 0);
    sodium_bin2hex(out, IDEMPOTENCY_HASH_SIZE, hash, sizeof(hash));
}
