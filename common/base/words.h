/*
 * Reads a line of words that are separated by single spaces: the form of values in Redis that are read very often.
 * Nothing is copied, and no byte outside the line is read.
 *
 * Callers: the readers of snapshots (common/protocol) and of the copies of sessions (gateway/access/copies).
 */
#ifndef ROSTRUM_COMMON_BASE_WORDS_H
#define ROSTRUM_COMMON_BASE_WORDS_H

#include "common/base/ids.h"

enum { WORDS_DIGITS_MAX = 18 /* of a number: any value is below 2^63 */ };

struct words {
    const char *at;
    const char *end;
};

/* The next word, which is not terminated, and its length. The length is 0 at the end. */
const char *words_next(struct words *words, size_t *length);
/* The next word as a number of 1 to WORDS_DIGITS_MAX digits. False if it is none. */
MUST_CHECK bool words_number(struct words *words, int64_t *out);
/* The next word as an id. False if it is none. */
MUST_CHECK bool words_id(struct words *words, struct uuid *out);
/* Copies the next word to `out`, terminated. False if it has `size` bytes or more. */
MUST_CHECK bool words_text(struct words *words, char *out, size_t size);

#endif
