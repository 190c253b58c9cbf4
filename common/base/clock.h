/*
 * Time. The server's wall clock in milliseconds since the epoch (UTC) is what the contract speaks of; the monotonic
 * clock is what deadlines and durations are measured by. RFC 3339 with milliseconds is the only text form.
 */
#ifndef ROSTRUM_COMMON_BASE_CLOCK_H
#define ROSTRUM_COMMON_BASE_CLOCK_H

#include "common/base/base.h"

/* "2026-11-20T22:58:16.123Z" and its terminator; years 0000 to 9999. */
enum { CLOCK_TEXT_SIZE = 25 };

/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_now_ms(void);
/* Milliseconds and microseconds of a clock that never jumps; only differences mean anything. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);

void clock_format(int64_t ms, char out[static CLOCK_TEXT_SIZE]);
/* RFC 3339: "T" or "t", any number of fraction digits (cut to milliseconds), "Z" or an offset. False if it is not one.
 */
MUST_CHECK bool clock_parse(const char *text, int64_t *ms);

#endif
