/*
 * common/base/outages: how much of a time lies in outages.
 */
#include <check.h>

#include "common/base/outages.h"
#include "tests/support/suite.h"

static struct outages outages;

static void set_up(void)
{
    outages = (struct outages){.count = 0};
}

static void outage(int64_t from_ms, int64_t until_ms)
{
    outages_note(&outages, false, from_ms);
    outages_note(&outages, true, until_ms);
}

START_TEST(without_an_outage_no_time_is_refused)
{
    outages_note(&outages, true, 50);
    ck_assert_int_eq(outages_ms(&outages, 0, 100), 0);
    ck_assert_uint_eq(outages.count, 0);
}
END_TEST

START_TEST(only_the_part_within_the_time_counts)
{
    outage(100, 200);
    ck_assert_int_eq(outages_ms(&outages, 0, 1000), 100);
    ck_assert_int_eq(outages_ms(&outages, 150, 1000), 50);
    ck_assert_int_eq(outages_ms(&outages, 0, 130), 30);
    ck_assert_int_eq(outages_ms(&outages, 120, 130), 10);
    ck_assert_int_eq(outages_ms(&outages, 200, 1000), 0);
    ck_assert_int_eq(outages_ms(&outages, 0, 100), 0);
}
END_TEST

START_TEST(outages_add_up)
{
    outage(100, 200);
    outage(300, 350);
    ck_assert_int_eq(outages_ms(&outages, 0, 1000), 150);
    ck_assert_int_eq(outages_ms(&outages, 190, 310), 20);
}
END_TEST

START_TEST(an_outage_that_goes_on_counts_up_to_now)
{
    outages_note(&outages, false, 100);
    outages_note(&outages, false, 150); /* no change */
    ck_assert_int_eq(outages_ms(&outages, 0, 180), 80);
    ck_assert_int_eq(outages_ms(&outages, 0, 90), 0);
    outages_note(&outages, true, 200);
    outages_note(&outages, true, 300);
    ck_assert_int_eq(outages_ms(&outages, 0, 1000), 100);
}
END_TEST

START_TEST(whole_outages_count_while_a_length_of_other_time_has_passed)
{
    outage(100, 200);
    outage(300, 350);
    ck_assert_int_eq(outages_within_ms(&outages, 40, 400), 0);
    ck_assert_int_eq(outages_within_ms(&outages, 50, 400), 0);
    ck_assert_int_eq(outages_within_ms(&outages, 51, 400), 50);
    ck_assert_int_eq(outages_within_ms(&outages, 150, 400), 50);
    ck_assert_int_eq(outages_within_ms(&outages, 151, 400), 150);
    ck_assert_int_eq(outages_within_ms(&outages, 1000, 400), 150);
    outages_note(&outages, false, 500);
    ck_assert_int_eq(outages_within_ms(&outages, 10, 520), 20);
    ck_assert_int_eq(outages_within_ms(&outages, 10, 340), 40); /* a time within one */
}
END_TEST

START_TEST(a_clock_that_was_set_back_adds_no_time)
{
    outage(500, 100);
    ck_assert_int_eq(outages_ms(&outages, 0, 1000), 0);
    ck_assert_int_eq(outages_within_ms(&outages, 1000, 1000), 0);
}
END_TEST

START_TEST(the_oldest_are_dropped)
{
    for (int64_t i = 0; i < OUTAGES_MAX + 3; i++) {
        outage(i * 100, i * 100 + 10);
    }
    ck_assert_uint_eq(outages.count, OUTAGES_MAX);
    ck_assert_int_eq(outages_ms(&outages, 0, INT64_C(100000)), INT64_C(10) * OUTAGES_MAX);
    ck_assert_int_eq(outages_ms(&outages, 0, 299), 0);
    ck_assert_int_eq(outages_ms(&outages, 0, 310), 10);
}
END_TEST

static Suite *outages_suite(void)
{
    Suite *suite = suite_create("outages");
    TCase *tests = tcase_create("outages");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, without_an_outage_no_time_is_refused);
    tcase_add_test(tests, only_the_part_within_the_time_counts);
    tcase_add_test(tests, outages_add_up);
    tcase_add_test(tests, an_outage_that_goes_on_counts_up_to_now);
    tcase_add_test(tests, whole_outages_count_while_a_length_of_other_time_has_passed);
    tcase_add_test(tests, a_clock_that_was_set_back_adds_no_time);
    tcase_add_test(tests, the_oldest_are_dropped);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(outages_suite());
}
