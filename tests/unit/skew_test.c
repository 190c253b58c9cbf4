/*
 * skew: when the difference of two clocks withholds an act. The limit is 200 ms.
 */
#include <check.h>

#include "common/base/skew.h"
#include "tests/support/suite.h"

enum { MAX_MS = 200, BASE_MS = 1000000 };

static struct skew new_skew(void)
{
    return (struct skew){.max_ms = MAX_MS};
}

/* A measurement with this offset and round trip. */
static enum skew_state measure(struct skew *skew, int64_t offset_ms, int64_t round_trip_ms)
{
    (void)skew_measured(skew, BASE_MS + offset_ms - round_trip_ms / 2,
                        BASE_MS + offset_ms + round_trip_ms - round_trip_ms / 2, BASE_MS);
    return skew->state;
}

START_TEST(a_clock_within_the_limit_is_right)
{
    struct skew skew = new_skew();
    ck_assert_int_eq(skew.state, SKEW_UNKNOWN);
    ck_assert_int_eq(measure(&skew, 200, 0), SKEW_RIGHT);
    ck_assert_int_eq(measure(&skew, -200, 0), SKEW_RIGHT);
    ck_assert_int_eq(measure(&skew, 190, 20), SKEW_RIGHT);
    ck_assert_int_eq(measure(&skew, -190, 20), SKEW_RIGHT);
    ck_assert_int_eq(skew.offset_ms, -190);
    ck_assert_int_eq(skew.round_trip_ms, 20);
}
END_TEST

START_TEST(two_measurements_outside_in_a_row_make_it_wrong)
{
    static const int64_t offsets[] = {5000, -5000, 201, -201};
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        struct skew skew = new_skew();
        ck_assert_int_eq(measure(&skew, 0, 2), SKEW_RIGHT);
        ck_assert_int_eq(measure(&skew, offsets[i], 0), SKEW_RIGHT);
        ck_assert(skew.suspected);
        ck_assert_int_eq(measure(&skew, offsets[i], 0), SKEW_WRONG);
        ck_assert_int_eq(measure(&skew, offsets[i], 0), SKEW_WRONG);
    }
}
END_TEST

START_TEST(one_measurement_outside_changes_nothing)
{
    struct skew skew = new_skew();
    ck_assert_int_eq(measure(&skew, 0, 2), SKEW_RIGHT);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(measure(&skew, 5000, 2), SKEW_RIGHT);
        ck_assert_int_eq(measure(&skew, 0, 2), SKEW_RIGHT);
        ck_assert(!skew.suspected);
    }
}
END_TEST

START_TEST(a_clock_that_never_was_right_is_wrong_at_once)
{
    struct skew skew = new_skew();
    ck_assert_int_eq(measure(&skew, 5000, 2), SKEW_WRONG);
}
END_TEST

START_TEST(a_measurement_that_may_be_inside_or_outside_changes_nothing)
{
    struct skew skew = new_skew();
    /* 400 +- 250 ms may be inside; 100 +- 250 ms may be outside. */
    ck_assert_int_eq(measure(&skew, 400, 500), SKEW_UNKNOWN);
    ck_assert_int_eq(measure(&skew, 100, 500), SKEW_UNKNOWN);
    ck_assert_int_eq(measure(&skew, 0, 2), SKEW_RIGHT);
    ck_assert_int_eq(measure(&skew, 400, 500), SKEW_RIGHT);
    ck_assert(!skew.suspected);
    ck_assert_int_eq(measure(&skew, 5000, 500), SKEW_RIGHT);
    ck_assert_int_eq(measure(&skew, 100, 500), SKEW_RIGHT);
    ck_assert_int_eq(measure(&skew, 5000, 500), SKEW_WRONG);
    ck_assert_int_eq(measure(&skew, 100, 500), SKEW_WRONG);
}
END_TEST

START_TEST(half_a_millisecond_counts)
{
    struct skew skew = new_skew();
    /* 199.5 + 0.5 ms is the limit; 201.5 - 0.5 ms is beyond it, 200.5 - 0.5 ms is not. */
    ck_assert(skew_measured(&skew, BASE_MS + 199, BASE_MS + 200, BASE_MS));
    ck_assert_int_eq(skew.state, SKEW_RIGHT);
    ck_assert(!skew_measured(&skew, BASE_MS + 200, BASE_MS + 201, BASE_MS));
    ck_assert(!skew.suspected);
    ck_assert(!skew_measured(&skew, BASE_MS + 201, BASE_MS + 202, BASE_MS));
    ck_assert(skew.suspected);
}
END_TEST

START_TEST(a_wrong_clock_is_right_again_after_one_measurement_inside)
{
    struct skew skew = new_skew();
    ck_assert_int_eq(measure(&skew, 5000, 2), SKEW_WRONG);
    ck_assert_int_eq(measure(&skew, 10, 2), SKEW_RIGHT);
    ck_assert_int_eq(measure(&skew, 5000, 2), SKEW_RIGHT);
}
END_TEST

START_TEST(offsets_are_alike_within_the_limit)
{
    struct skew skew = new_skew();
    (void)measure(&skew, 5000, 0);
    ck_assert(skew_alike(&skew, 5200));
    ck_assert(skew_alike(&skew, 4800));
    ck_assert(!skew_alike(&skew, 5201));
    ck_assert(!skew_alike(&skew, 0));
}
END_TEST

static Suite *skew_suite(void)
{
    Suite *suite = suite_create("skew");
    TCase *tcase = tcase_create("skew");
    tcase_add_test(tcase, a_clock_within_the_limit_is_right);
    tcase_add_test(tcase, two_measurements_outside_in_a_row_make_it_wrong);
    tcase_add_test(tcase, one_measurement_outside_changes_nothing);
    tcase_add_test(tcase, a_clock_that_never_was_right_is_wrong_at_once);
    tcase_add_test(tcase, a_measurement_that_may_be_inside_or_outside_changes_nothing);
    tcase_add_test(tcase, half_a_millisecond_counts);
    tcase_add_test(tcase, a_wrong_clock_is_right_again_after_one_measurement_inside);
    tcase_add_test(tcase, offsets_are_alike_within_the_limit);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(skew_suite());
}
