/*
 * See sha1.h. FIPS 180-4, 6.1.
 */
#include "common/base/sha1.h"

#include <assert.h>
#include <string.h>

enum { BLOCK = 64, WORDS = 5, ROUNDS = 80, LENGTH_BYTES = 8 };

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32U - bits);
}

/* Function and constant of a round (4.1.1, 4.2.1). */
static uint32_t mix(unsigned round, uint32_t b, uint32_t c, uint32_t d)
{
    if (round < 20) {
        return ((b & c) | (~b & d)) + 0x5a827999U;
    }
    if (round < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1U;
    }
    if (round < 60) {
        return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcU;
    }
    return (b ^ c ^ d) + 0xca62c1d6U;
}

static void take_block(uint32_t state[static WORDS], const uint8_t *block)
{
    uint32_t words[ROUNDS] = {0};
    uint32_t a = state[0];
    uint32_t b = state[1];
    uint32_t c = state[2];
    uint32_t d = state[3];
    uint32_t e = state[4];
    for (size_t i = 0; i < ROUNDS; i++) {
        words[i] = i < BLOCK / 4 ? (uint32_t)block[4 * i] << 24U | (uint32_t)block[4 * i + 1] << 16U |
                                       (uint32_t)block[4 * i + 2] << 8U | block[4 * i + 3]
                                 : rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t next = rotate(a, 5) + mix(i, b, c, d) + e + words[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1(const void *text, size_t length, uint8_t out[static SHA1_BYTES])
{
    uint32_t state[WORDS] = {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U, 0xc3d2e1f0U};
    uint8_t padded[2 * BLOCK] = {0};
    size_t size = length + 1 + LENGTH_BYTES <= BLOCK ? BLOCK : sizeof(padded);
    assert(length <= SHA1_TEXT_MAX);
    memcpy(padded, text, length);
    padded[length] = 0x80;
    padded[size - 2] = (uint8_t)(length * 8 >> 8U);
    padded[size - 1] = (uint8_t)(length * 8);
    for (size_t at = 0; at < size; at += BLOCK) {
        take_block(state, padded + at);
    }
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        out[i] = (uint8_t)(state[i / 4] >> (24U - 8U * (i % 4)));
    }
}
