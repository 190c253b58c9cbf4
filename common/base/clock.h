/*
 * Time. API times are the server's wall clock in milliseconds since the epoch (UTC). Deadlines and durations use the
 * monotonic clock. A deadline on which a promise depends uses the boot clock, which runs on while the machine is
 * suspended. The only text form is RFC 3339 with milliseconds.
 */
#ifndef ROSTRUM_COMMON_BASE_CLOCK_H
#define ROSTRUM_COMMON_BASE_CLOCK_H

#include <sys/time.h>

#include "common/base/base.h"

/* "2026-11-20T22:58:16.123Z" and its terminator; years 0000 to 9999 */
enum { CLOCK_TEXT_SIZE = 25 };

/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_now_ms(void);
/* The monotonic clock in milliseconds and microseconds; only differences have a meaning. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* The same, counting the time in which the machine was suspended (CLOCK_BOOTTIME). Never compare it with the other. */
int64_t clock_boot_ms(void);
int64_t clock_boot_us(void);

/* A duration of at least 0 ms, as libevent and hiredis take it. */
struct timeval clock_timeval(int64_t ms);

void clock_format(int64_t ms, char out[static CLOCK_TEXT_SIZE]);
/* RFC 3339: "T" or "t", any number of fraction digits (cut to milliseconds), "Z" or an offset. False if invalid. */
MUST_CHECK bool clock_parse(const char *text, int64_t *ms);

#endif
