/*
 * Waits for a condition while an event loop runs, for tests of code on a loop.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LOOP_H
#define ROSTRUM_TESTS_SUPPORT_LOOP_H

#include <event2/event.h>

#include "tests/support/suite.h"

/* Handles pending events, and waits SUITE_LOOK_MS at most for one. */
void loop_turn(struct event_base *base);

/* Runs the loop until `condition` holds; fails the test once `deadline_ms` have passed without it. */
#define LOOP_UNTIL(base, condition, deadline_ms)                                                                       \
    do {                                                                                                               \
        int64_t loop_until_ms = suite_mono_ms() + (deadline_ms);                                                       \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(suite_mono_ms() < loop_until_ms, "not true within %d ms: %s", (int)(deadline_ms),            \
                          #condition);                                                                                 \
            loop_turn(base);                                                                                           \
        }                                                                                                              \
    } while (0)

#endif
