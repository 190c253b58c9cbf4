/*
 * See suite.h. The default timeout of a test is raised before any test case is
 * made. It only ends a test that hangs, so it is longer than any test on a loaded machine. Waits have their own bounds.
 */
#include "tests/support/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUITE_MS_PER_S = 1000, SUITE_NS_PER_MS = 1000000 };

/* Check reads the variable when a test case is made, and the suite is made before suite_run. */
__attribute__((constructor)) static void suite_timeout_default(void)
{
    (void)setenv("CK_DEFAULT_TIMEOUT", "240", 0);
}

void suite_add_test(TCase *tcase, const TTest *test, int first, int end)
{
    const char *wanted = getenv("ROSTRUM_TEST");
    if (wanted == NULL || strcmp(wanted, test->name) == 0) {
        _tcase_add_test(tcase, test, 0, 0, first, end);
    }
}

int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_SILENT);
    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    if (failed > 0) {
        srunner_print(runner, CK_NORMAL); /* FILE:LINE:F:CASE:TEST:ROUND: MESSAGE */
    }
    srunner_free(runner);
    (void)printf("%s: %d passed, %d failed\n", program_invocation_short_name, run - failed, failed);
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int64_t suite_mono_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SUITE_MS_PER_S + now.tv_nsec / SUITE_NS_PER_MS;
}

void suite_pause(void)
{
    const struct timespec pause = {.tv_nsec = (long)SUITE_LOOK_MS * SUITE_NS_PER_MS};
    (void)nanosleep(&pause, NULL);
}
