/*
 * Money is a whole number of minor units (cents) in an int64_t; it becomes text with two decimals at the edges and
 * never passes through floating point.
 */
#ifndef ROSTRUM_COMMON_BASE_MONEY_H
#define ROSTRUM_COMMON_BASE_MONEY_H

#include "common/base/base.h"

/* The contract's largest amount, 9,999,999,999.99. */
#define MONEY_MAX INT64_C(999999999999)
/* Sign, up to 17 digits, point, two digits, terminator. */
enum { MONEY_TEXT_SIZE = 24 };

/*
 * Decimal text as a client writes it: digits, optionally a point and one or two digits. No sign, no exponent, no
 * leading zero before another digit, no spaces. Zero up to MONEY_MAX. False for anything else.
 */
MUST_CHECK bool money_parse(const char *text, size_t length, int64_t *minor);
/* "55.00"; negative amounts are an error of ours. */
void money_format(int64_t minor, char out[static MONEY_TEXT_SIZE]);
/* a + b, or MONEY_MAX if the sum would pass it. Both must be within 0..MONEY_MAX. */
int64_t money_add_capped(int64_t a, int64_t b);

#endif
