/*
 * Gives one program under test a wrong clock, which the test sets while the program runs. The library that does it is
 * built from tests/support/preload. Only the programs that wrong_clock_start starts have this clock.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_WRONG_CLOCK_H
#define ROSTRUM_TESTS_SUPPORT_WRONG_CLOCK_H

#include <stdatomic.h>
#include <sys/types.h>

#include "common/base/base.h"

/* Milliseconds; shared with the program. */
struct wrong_clock_offsets {
    _Atomic int64_t wrong_ms;     /* added to CLOCK_REALTIME */
    _Atomic int64_t suspended_ms; /* added to CLOCK_REALTIME and CLOCK_BOOTTIME */
};

struct wrong_clock {
    char path[256];
    struct wrong_clock_offsets *offsets;
};

/* The clock is right at first. Failures fail the test. */
void wrong_clock_open(struct wrong_clock *clock);
void wrong_clock_close(struct wrong_clock *clock);
/* As program_start, with this clock. */
pid_t wrong_clock_start(const struct wrong_clock *clock, const char *name, const char *settings_path);

#endif
