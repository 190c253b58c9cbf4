/*
 * The pace of work beside what is more urgent: what it may take at once, that it then waits, and that a rest gives all
 * of it back. Waits are asked for, not waited for.
 */
#include <check.h>

#include "common/base/clock.h"
#include "gateway/live/cpu_budget.h"
#include "tests/support/suite.h"

#define HOUR_US INT64_C(3600000000)

/* SMALL gives nothing back while the test runs. */
enum { STEP_US = 2000, BURST_US = 1000, PART = 8, SMALL = 1000000, STEPS_MAX = 100 };

static void work(struct cpu_budget *cpu_budget, bool more)
{
    cpu_budget_begin(cpu_budget);
    int64_t began_us = clock_mono_us();
    while (clock_mono_us() - began_us < STEP_US) {
    }
    cpu_budget_end(cpu_budget, more);
}

/* Until the processor was really given: the clock runs on while others have it. */
static void work_off_burst(struct cpu_budget *cpu_budget)
{
    for (int i = 0; i < STEPS_MAX && cpu_budget_wait_ms(cpu_budget) == 0; i++) {
        work(cpu_budget, true);
    }
}

START_TEST(a_burst_then_waits)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = HOUR_US, .part = SMALL};
    ck_assert_int_eq(cpu_budget_wait_ms(&cpu_budget), 0);
    work_off_burst(&cpu_budget);
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), 0);
}
END_TEST

START_TEST(the_smaller_its_part_the_longer_it_waits)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = HOUR_US, .part = SMALL};
    work_off_burst(&cpu_budget);
    cpu_budget.part = SMALL / 2;
    int shorter = cpu_budget_wait_ms(&cpu_budget);
    cpu_budget.part = SMALL;
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), shorter);
}
END_TEST

START_TEST(time_gives_it_back)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = HOUR_US, .part = PART};
    work_off_burst(&cpu_budget);
    SUITE_WAIT(cpu_budget_wait_ms(&cpu_budget) == 0, 10000);
}
END_TEST

START_TEST(a_rest_gives_all_of_it_back)
{
    struct cpu_budget cpu_budget = {.burst_us = BURST_US, .rest_us = 0, .part = SMALL};
    work_off_burst(&cpu_budget);
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), 0);
    work(&cpu_budget, false);
    ck_assert_int_eq(cpu_budget_wait_ms(&cpu_budget), 0);
    /* Having asked, it is at work again. */
    work_off_burst(&cpu_budget);
    ck_assert_int_gt(cpu_budget_wait_ms(&cpu_budget), 0);
}
END_TEST

static Suite *cpu_budget_suite(void)
{
    Suite *suite = suite_create("gateway_cpu_budget");
    TCase *tests = tcase_create("gateway_cpu_budget");
    tcase_add_test(tests, a_burst_then_waits);
    tcase_add_test(tests, the_smaller_its_part_the_longer_it_waits);
    tcase_add_test(tests, time_gives_it_back);
    tcase_add_test(tests, a_rest_gives_all_of_it_back);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(cpu_budget_suite());
}
