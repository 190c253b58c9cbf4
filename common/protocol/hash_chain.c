/*
 * See hash_chain.h. A bid worker makes a hash for every bid: so the fields are gathered, because each call of SHA-256
 * costs more than most fields.
 */
#include "common/protocol/hash_chain.h"

#include <string.h>

#include "common/base/decimal.h"

static void flush(struct hash_chain *chain)
{
    (void)crypto_hash_sha256_update(&chain->state, chain->gathered, chain->length);
    chain->length = 0;
}

static void add(struct hash_chain *chain, const char *bytes, size_t length)
{
    if (length > sizeof chain->gathered - chain->length) {
        flush(chain);
    }
    if (length > sizeof chain->gathered) {
        (void)crypto_hash_sha256_update(&chain->state, (const unsigned char *)bytes, length);
        return;
    }
    memcpy(chain->gathered + chain->length, bytes, length);
    chain->length += length;
}

void hash_chain_begin(struct hash_chain *chain, const char *label)
{
    (void)crypto_hash_sha256_init(&chain->state);
    chain->length = 0;
    hash_chain_add(chain, label);
}

void hash_chain_add(struct hash_chain *chain, const char *text)
{
    char prefix[DECIMAL_SIZE];
    if (text == NULL) {
        add(chain, "-,", 2);
        return;
    }
    size_t length = strlen(text);
    size_t digits = decimal_format((int64_t)length, prefix);
    prefix[digits] = ':'; /* in place of the NUL */
    add(chain, prefix, digits + 1);
    add(chain, text, length);
    add(chain, ",", 1);
}

void hash_chain_end(struct hash_chain *chain, char hash[static HASH_CHAIN_TEXT_SIZE])
{
    unsigned char bytes[crypto_hash_sha256_BYTES];
    flush(chain);
    (void)crypto_hash_sha256_final(&chain->state, bytes);
    (void)sodium_bin2hex(hash, HASH_CHAIN_TEXT_SIZE, bytes, sizeof bytes);
}
