/*
 * Bidders' public names; see pseudonym.h.
 */
#include "common/protocol/pseudonym.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define PREFIX "Bidder-"
enum {
    NAME_BYTES = 5,                   /* two of 10,000 bidders have the same name with probability 1 : 20,000 */
    NAME_LENGTH = NAME_BYTES * 8 / 5, /* characters of base 32 */
};
static_assert(sizeof(PREFIX) + NAME_LENGTH <= PSEUDONYM_SIZE, "the name fits");

void pseudonym_write(const uint8_t key[static PSEUDONYM_KEY_BYTES], const struct uuid *auction, const struct uuid *user,
                     char out[static PSEUDONYM_SIZE])
{
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    uint8_t hash[crypto_generichash_BYTES_MIN];
    uint8_t plain[sizeof(auction->bytes) + sizeof(user->bytes)];
    char *name = out + sizeof(PREFIX) - 1;
    uint64_t bits = 0;
    memcpy(plain, auction->bytes, sizeof(auction->bytes));
    memcpy(plain + sizeof(auction->bytes), user->bytes, sizeof(user->bytes));
    crypto_generichash(hash, sizeof(hash), plain, sizeof(plain), key, PSEUDONYM_KEY_BYTES);
    for (size_t i = 0; i < NAME_BYTES; i++) {
        bits = bits << 8U | hash[i];
    }
    memcpy(out, PREFIX, sizeof(PREFIX) - 1);
    for (size_t i = 0; i < NAME_LENGTH; i++) {
        name[i] = alphabet[bits >> (5 * i) & 31U];
    }
    name[NAME_LENGTH] = '\0';
}
