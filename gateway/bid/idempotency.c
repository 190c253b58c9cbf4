/*
 * See idempotency.h.
 */
#include "gateway/bid/idempotency.h"

#include <sodium.h>
#include <string.h>

enum { HASH_BYTES = (IDEMPOTENCY_HASH_SIZE - 1) / 2 };

bool idempotency_key_is_valid(const char *key)
{
    size_t length = strlen(key);
    if (length < 1 || length > IDEMPOTENCY_KEY_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)key[i];
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

struct uuid idempotency_bid_id(const uint8_t secret[static DEPLOYMENT_KEY_BYTES], const struct uuid *user,
                               const char *key)
{
    uint8_t hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, secret, DEPLOYMENT_KEY_BYTES, sizeof(hash));
    crypto_generichash_update(&state, user->bytes, sizeof(user->bytes));
    crypto_generichash_update(&state, (const unsigned char *)key, strlen(key));
    crypto_generichash_final(&state, hash, sizeof(hash));
    return uuid_from_hash(hash);
}

void idempotency_hash(const struct command *command, char out[static IDEMPOTENCY_HASH_SIZE])
{
    uint8_t hash[HASH_BYTES];
    crypto_generichash_state state;
    /* The kind's text, not its number: a new kind may shift the numbers. */
    const char *kind = command_kind_text(command->kind);
    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    crypto_generichash_update(&state, command->auction_id.bytes, sizeof(command->auction_id.bytes));
    crypto_generichash_update(&state, (const unsigned char *)&command->amount, sizeof(command->amount));
    crypto_generichash_update(&state, (const unsigned char *)kind, strlen(kind));
    crypto_generichash_final(&state, hash, sizeof(hash));
    sodium_bin2hex(out, IDEMPOTENCY_HASH_SIZE, hash, sizeof(hash));
}
