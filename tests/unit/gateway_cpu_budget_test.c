/*
 * The CPU budget of work beside more urgent work: its burst, the wait after it, and the idle time that refills it. The
 * tests read the wait but do not sleep for it.
 */
#include <check.h>

#include "common/base/clock.h"
#include "gateway/live/cpu_budget.h"
#include "tests/support/suite.h"

#define HOUR_US INT64_C(3600000000)

/* With part SMALL the budget does not refill while the test runs. */
enum { STEP_US = 2000, BURST_US = 1000, PART = 8, SMALL = 1000000, STEPS_MAX = 100 };

static void work(struct cpu_budget *cpu_budget, bool more)
{
    cpu_budget_begin(cpu_budget);
    int64_t began_us = clock_mono_us();
    while (clock_mono_us() - began_us < STEP_US) {
    }
    cpu_budget_end(cpu_budget, more);
}

/*
 * Works until the burst is used up. The loop is needed because the clock also runs while other processes have the CPU.
 */
static void use_up_burst(struct cpu_budget *cpu_budget)
{
    for (int i = 0; i < STEPS_MAX && cpu_budget_wait_ms(cpu_budget) == 0; i++) {
        work(cpu_budget, true);
    }
}

START_TEST(after_a_burst_the_budget_waits)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = HOUR_US, .part = SMALL};
    ck_assert_int_eq(cpu_budget_wait_ms(&cpu_budget), 0);
    use_up_burst(&cpu_budget);
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), 0);
}
END_TEST

START_TEST(a_smaller_part_waits_longer)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = HOUR_US, .part = SMALL};
    use_up_burst(&cpu_budget);
    cpu_budget.part = SMALL / 2;
    int shorter = cpu_budget_wait_ms(&cpu_budget);
    cpu_budget.part = SMALL;
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), shorter);
}
END_TEST

START_TEST(the_budget_refills_with_time)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = HOUR_US, .part = PART};
    use_up_burst(&cpu_budget);
    SUITE_WAIT(cpu_budget_wait_ms(&cpu_budget) == 0, 10000);
}
END_TEST

START_TEST(idle_time_refills_the_whole_burst)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = 0, .part = SMALL};
    use_up_burst(&cpu_budget);
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), 0);
    work(&cpu_budget, false);
    ck_assert_int_eq(cpu_budget_wait_ms(&cpu_budget), 0);
    /* After the call it counts as working again. */
    use_up_burst(&cpu_budget);
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), 0);
}
END_TEST

static Suite *cpu_budget_suite(void)
{
    Suite *suite = suite_create("gateway_cpu_budget");
    TCase *tests = tcase_create("gateway_cpu_budget");
    tcase_add_test(tests, after_a_burst_the_budget_waits);
    tcase_add_test(tests, a_smaller_part_waits_longer);
    tcase_add_test(tests, the_budget_refills_with_time);
    tcase_add_test(tests, idle_time_refills_the_whole_burst);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(cpu_budget_suite());
}
