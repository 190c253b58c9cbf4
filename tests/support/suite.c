/*
 * Running a suite of Check and counting what passed. The default timeout of a test is raised before any test case is
 * made, since a loaded machine may take its time; a hang still ends.
 */
#include "tests/support/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SUITE_MS_PER_S = 1000, SUITE_NS_PER_MS = 1000000 };

/* Check reads the variable when a test case is made, and the suite is made before suite_run. */
__attribute__((constructor)) static void suite_timeout_default(void)
{
    (void)setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

int suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_SILENT);
    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    TestResult **failures = srunner_failures(runner);
    for (int i = 0; failures != NULL && i < failed; i++) {
        (void)printf("FAILED %s at %s:%d: %s\n", tr_tcname(failures[i]), tr_lfile(failures[i]), tr_lno(failures[i]),
                     tr_msg(failures[i]));
    }
    free(failures);
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
