/*
 * See webp.h. A WebP file is "RIFF", its length, "WEBP", and chunks. A chunk is four letters, a little-endian length,
 * and the content, padded to an even length.
 */
#include "gateway/image_decoder/webp.h"

#include <string.h>

enum {
    HEAD_BYTES = 12,
    CHUNK_HEAD_BYTES = 8,
    FLAG_ALPHA = 0x10, /* in the first byte of VP8X; the other flags announce chunks that are removed */
};

static size_t read_u32(const unsigned char *at)
{
    return at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

static void write_u32(unsigned char *at, size_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

static bool is_image(const unsigned char *chunk)
{
    static const char *const kept[] = {"VP8X", "VP8 ", "VP8L", "ALPH"};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (memcmp(chunk, kept[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

size_t webp_bare(unsigned char *bytes, size_t length)
{
    size_t from = HEAD_BYTES;
    size_t to = HEAD_BYTES;
    if (length < HEAD_BYTES || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WEBP", 4) != 0) {
        return 0;
    }
    while (from < length) {
        if (length - from < CHUNK_HEAD_BYTES) {
            return 0;
        }
        size_t content = read_u32(bytes + from + 4);
        size_t whole = CHUNK_HEAD_BYTES + content + (content & 1U);
        if (whole > length - from) {
            return 0;
        }
        if (is_image(bytes + from)) {
            memmove(bytes + to, bytes + from, whole);
            if (memcmp(bytes + to, "VP8X", 4) == 0 && content > 0) {
                bytes[to + CHUNK_HEAD_BYTES] &= FLAG_ALPHA;
            }
            to += whole;
        }
        from += whole;
    }
    write_u32(bytes + 4, to - CHUNK_HEAD_BYTES);
    return to;
}
