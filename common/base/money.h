/*
 * Money is a whole number of minor units (cents) in an int64_t. It is parsed from and formatted as text with two
 * decimals, and never becomes floating point.
 */
#ifndef ROSTRUM_COMMON_BASE_MONEY_H
#define ROSTRUM_COMMON_BASE_MONEY_H

#include "common/base/base.h"

/* The largest amount of the API, 9,999,999,999.99. */
#define MONEY_MAX INT64_C(999999999999)
/* Sign, up to 17 digits, point, two digits, terminator. */
enum { MONEY_TEXT_SIZE = 24 };

/*
 * Parses decimal text from a client: digits, optionally a point and one or two digits. No sign, exponent, spaces, or
 * leading zero before another digit. From zero to MONEY_MAX; false for anything else.
 */
MUST_CHECK bool money_parse(const char *text, size_t length, int64_t *minor);
/* Formats "55.00". A negative amount is a programming error. */
void money_format(int64_t minor, char out[static MONEY_TEXT_SIZE]);
/* Returns a + b, or MONEY_MAX if the sum is larger. Both must be within 0..MONEY_MAX. */
int64_t money_add_capped(int64_t a, int64_t b);

#endif
