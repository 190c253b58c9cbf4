/*
 * The histogram of tests/support/latency, compared with sorted values.
 */
#include "tests/support/latency.h"

#include "tests/support/suite.h"

enum { VALUES = 100000, WHOLE = 1000000 };

static struct latency latency;

static void set_up(void)
{
    latency = (struct latency){0};
}

START_TEST(an_empty_histogram_has_no_quantile)
{
    ck_assert_int_eq(latency_quantile(&latency, WHOLE / 2), 0);
    ck_assert_int_eq(latency_quantile(&latency, WHOLE), 0);
}
END_TEST

START_TEST(small_values_are_exact)
{
    for (int us = 0; us < 128; us++) {
        latency_add(&latency, us);
    }
    ck_assert_int_eq(latency_quantile(&latency, WHOLE / 2), 63);
    ck_assert_int_eq(latency_quantile(&latency, WHOLE / 4), 31);
    ck_assert_int_eq(latency_quantile(&latency, WHOLE), 127);
    ck_assert_uint_eq(latency.count, 128);
}
END_TEST

/* Of 1, 2, … n the value at a share is that share of n. A quantile is at most 1.6 % above it, and never below. */
START_TEST(large_values_lose_little)
{
    static const uint32_t parts[] = {1, 10000, 250000, 500000, 900000, 990000, 999000, 999999};
    for (int64_t us = 1; us <= VALUES; us++) {
        latency_add(&latency, us * 100);
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int64_t exact = ((int64_t)VALUES * parts[i] + WHOLE - 1) / WHOLE * 100;
        int64_t found = latency_quantile(&latency, parts[i]);
        ck_assert_int_ge(found, exact);
        ck_assert_int_le(found * 1000, exact * 1016);
    }
}
END_TEST

START_TEST(values_out_of_bounds_count_as_the_bound)
{
    latency_add(&latency, -1);
    ck_assert_int_eq(latency_quantile(&latency, WHOLE), 0);
    latency_add(&latency, INT64_MAX);
    ck_assert_int_eq(latency_quantile(&latency, WHOLE), LATENCY_MAX_US);
    ck_assert_int_eq(latency.most_us, LATENCY_MAX_US);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("latency");
    TCase *tcase = tcase_create("latency");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, an_empty_histogram_has_no_quantile);
    tcase_add_test(tcase, small_values_are_exact);
    tcase_add_test(tcase, large_values_lose_little);
    tcase_add_test(tcase, values_out_of_bounds_count_as_the_bound);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
