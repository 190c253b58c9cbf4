/*
 * See cursor.h.
 */
#include "gateway/query/cursor.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

enum { PLAIN_SIZE = CURSOR_SORT_SIZE + CURSOR_KEY_SIZE + UUID_TEXT_SIZE + 2 };

void cursor_format(const struct cursor *cursor, char out[static CURSOR_TEXT_SIZE])
{
    char plain[PLAIN_SIZE];
    char id[UUID_TEXT_SIZE];
    uuid_format(&cursor->id, id);
    int length = snprintf(plain, sizeof(plain), "%s|%s|%s", cursor->sort, cursor->key, id);
    assert(length > 0 && (size_t)length < sizeof(plain));
    sodium_bin2base64(out, CURSOR_TEXT_SIZE, (const unsigned char *)plain, (size_t)length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Copies [text, end) into `out`; false if it does not fit. */
static bool take_part(const char *text, const char *end, char *out, size_t size)
{
    size_t length = (size_t)(end - text);
    if (length >= size) {
        return false;
    }
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

bool cursor_parse(const char *text, const char *sort, struct cursor *cursor)
{
    char plain[PLAIN_SIZE];
    size_t length = 0;
    if (sodium_base642bin((unsigned char *)plain, sizeof(plain) - 1, text, strlen(text), NULL, &length, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        memchr(plain, '\0', length) != NULL) {
        return false;
    }
    plain[length] = '\0';
    const char *first = strchr(plain, '|');
    const char *last = strrchr(plain, '|');
    if (first == NULL || first == last) {
        return false;
    }
    *cursor = (struct cursor){.sort = ""};
    return take_part(plain, first, cursor->sort, sizeof(cursor->sort)) && strcmp(cursor->sort, sort) == 0 &&
           take_part(first + 1, last, cursor->key, sizeof(cursor->key)) &&
           uuid_parse(last + 1, strlen(last + 1), &cursor->id);
}

bool cursor_key_is_time(const struct cursor *cursor)
{
    const char *key = cursor->key;
    int64_t ms = 0;
    /* PostgreSQL does not support the year 0, and offsets other than Z may leave the range of years it supports. */
    return strlen(key) == CLOCK_TEXT_SIZE - 1 && key[CLOCK_TEXT_SIZE - 2] == 'Z' && strncmp(key, "0000", 4) != 0 &&
           clock_parse(key, &ms);
}
