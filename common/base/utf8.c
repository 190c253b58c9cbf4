/*
 * See utf8.h. The bounds of the second byte depend on the first one; all later bytes are 80..BF.
 */
#include "common/base/utf8.h"

#include <string.h>

struct lead {
    unsigned char first; /* first byte of this range of lead bytes */
    unsigned char last;
    unsigned char least; /* bounds of the second byte */
    unsigned char most;
    size_t length;
};

static const struct lead leads[] = {
    {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Returns the length of the character at `at`, 0 if it is invalid. */
static size_t character(const unsigned char *at, size_t left)
{
    size_t i = 0;
    while (i < ARRAY_LEN(leads) && (at[0] < leads[i].first || at[0] > leads[i].last)) {
        i++;
    }
    if (i == ARRAY_LEN(leads) || leads[i].length > left) {
        return 0;
    }
    const struct lead *lead = &leads[i];
    if (lead->length > 1 && (at[1] < lead->least || at[1] > lead->most)) {
        return 0;
    }
    for (size_t k = 2; k < lead->length; k++) {
        if ((at[k] & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    return lead->length;
}

/* How many bytes from `at` on are ASCII for sure: all of most texts, looked at eight by eight. */
static size_t ascii(const unsigned char *at, size_t left)
{
    size_t found = 0;
    uint64_t word;
    for (; left - found >= sizeof word; found += sizeof word) {
        memcpy(&word, at + found, sizeof word);
        if ((word & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
    }
    return found;
}

bool utf8_valid(const void *bytes, size_t length)
{
    const unsigned char *text = bytes;
    size_t at = ascii(text, length);
    while (at < length) {
        size_t step = character(text + at, length - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}
