/*
 * See words.h.
 */
#include "common/base/words.h"

#include <string.h>

const char *words_next(struct words *words, size_t *length)
{
    const char *word = words->at;
    const char *space = memchr(word, ' ', (size_t)(words->end - word));
    *length = (size_t)((space != NULL ? space : words->end) - word);
    words->at = space != NULL ? space + 1 : words->end;
    return word;
}

bool words_number(struct words *words, int64_t *out)
{
    size_t length = 0;
    const char *word = words_next(words, &length);
    int64_t value = 0;
    if (length == 0 || length > WORDS_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9') {
            return false;
        }
        value = value * 10 + (word[i] - '0');
    }
    *out = value;
    return true;
}

bool words_id(struct words *words, struct uuid *out)
{
    size_t length = 0;
    const char *word = words_next(words, &length);
    return uuid_parse(word, length, out);
}

bool words_text(struct words *words, char *out, size_t size)
{
    size_t length = 0;
    const char *word = words_next(words, &length);
    if (length >= size) {
        return false;
    }
    memcpy(out, word, length);
    out[length] = '\0';
    return true;
}
