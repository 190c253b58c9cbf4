/*
 * Runs a Check suite, and waits for conditions. A program's main is `return suite_run(the_suite());`. Its last line is
 * "NAME: N passed, N failed", which tests/run adds up.
 *
 * Tests wait for conditions with a deadline (SUITE_WAIT) and never sleep for a fixed time, so they pass on a slow
 * machine.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SUITE_H
#define ROSTRUM_TESTS_SUPPORT_SUITE_H

#include <check.h>

#include "common/base/base.h"

/* Runs every test, prints failures and the summary line, frees the suite. Returns 0 if all passed, else 1. */
MUST_CHECK int suite_run(Suite *suite);

/*
 * Adds a test, or a loop over [first, end), unless the variable ROSTRUM_TEST names another test. Check itself selects
 * only test cases, and most programs have one, so its macros are replaced.
 */
void suite_add_test(TCase *tcase, const TTest *test, int first, int end);
#undef tcase_add_test
#undef tcase_add_loop_test
#define tcase_add_test(tcase, test)                  suite_add_test((tcase), (test), 0, 1)
#define tcase_add_loop_test(tcase, test, first, end) suite_add_test((tcase), (test), (first), (end))

/* Interval between two checks of a condition. */
enum { SUITE_LOOK_MS = 20 };
void suite_pause(void);

/* Checks `condition` until it is true; fails the test after `deadline_ms`. */
#define SUITE_WAIT(condition, deadline_ms)                                                                             \
    do {                                                                                                               \
        int64_t suite_until_ms = suite_mono_ms() + (deadline_ms);                                                      \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(suite_mono_ms() < suite_until_ms, "not true within %d ms: %s", (int)(deadline_ms),           \
                          #condition);                                                                                 \
            suite_pause();                                                                                             \
        }                                                                                                              \
    } while (0)
int64_t suite_mono_ms(void);

#endif
