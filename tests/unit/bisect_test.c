/*
 * Slices that shrink to the item that is to blame: every item is done or blamed exactly once, and in order.
 */
#include "common/base/bisect.h"
#include "tests/support/suite.h"

enum { ITEMS_MAX = 20 };

/* Works through `count` items as a database would that refuses those in `bad` (bits). Ends with all others done. */
static void work_through(size_t count, unsigned bad)
{
    struct bisect bisect;
    size_t tries = 0;
    size_t ended = 0; /* items before this one were done or blamed */
    bool more = true;
    bisect_begin(&bisect, count);
    while (more) {
        unsigned slice = ((1U << bisect.span) - 1U) << bisect.first;
        ck_assert_uint_lt(tries++, 2 * count * count);
        ck_assert_uint_eq(bisect.first, ended);
        ck_assert(bisect.span > 0 && bisect.first + bisect.span <= count);
        if ((slice & bad) != 0 && bisect_split(&bisect)) {
            continue;
        }
        ck_assert_msg((slice & bad) == 0 || bisect.span == 1, "good items were blamed");
        ended += bisect.span;
        more = bisect_next(&bisect);
    }
    ck_assert_uint_eq(ended, count);
}

START_TEST(what_nobody_refuses_is_one_slice)
{
    struct bisect bisect;
    bisect_begin(&bisect, ITEMS_MAX);
    ck_assert_uint_eq(bisect.first, 0);
    ck_assert_uint_eq(bisect.span, ITEMS_MAX);
    ck_assert(!bisect_next(&bisect));
}
END_TEST

START_TEST(only_the_bad_are_blamed_wherever_they_stand)
{
    for (size_t count = 1; count <= 10; count++) {
        for (unsigned bad = 0; bad < 1U << count; bad++) {
            work_through(count, bad);
        }
    }
    work_through(ITEMS_MAX, 1U << (ITEMS_MAX - 1) | 1U);
}
END_TEST

START_TEST(after_a_half_the_rest_is_one_slice)
{
    struct bisect bisect;
    bisect_begin(&bisect, 7);
    ck_assert(bisect_split(&bisect));
    ck_assert_uint_eq(bisect.span, 3);
    ck_assert(bisect_next(&bisect));
    ck_assert_uint_eq(bisect.first, 3);
    ck_assert_uint_eq(bisect.span, 4);
}
END_TEST

START_TEST(a_slice_that_its_caller_cut_short_leaves_the_rest)
{
    struct bisect bisect;
    bisect_begin(&bisect, 7);
    bisect.span = 2;
    ck_assert(bisect_next(&bisect));
    ck_assert_uint_eq(bisect.first, 2);
    ck_assert_uint_eq(bisect.span, 5);
}
END_TEST

START_TEST(pauses_double_up_to_a_maximum_until_something_is_done)
{
    static const int pauses[] = {100, 200, 400, 800, 1600, 2000, 2000};
    struct bisect bisect;
    bisect_begin(&bisect, 2);
    for (size_t i = 0; i < ARRAY_LEN(pauses); i++) {
        ck_assert_int_eq(bisect_pause(&bisect), pauses[i]);
    }
    ck_assert(bisect_split(&bisect));
    ck_assert_int_eq(bisect_pause(&bisect), BISECT_PAUSE_MAX_MS);
    ck_assert(bisect_next(&bisect));
    ck_assert_int_eq(bisect_pause(&bisect), BISECT_PAUSE_MS);
}
END_TEST

static Suite *bisect_suite(void)
{
    Suite *suite = suite_create("halving");
    TCase *tcase = tcase_create("halving");
    tcase_add_test(tcase, what_nobody_refuses_is_one_slice);
    tcase_add_test(tcase, only_the_bad_are_blamed_wherever_they_stand);
    tcase_add_test(tcase, after_a_half_the_rest_is_one_slice);
    tcase_add_test(tcase, a_slice_that_its_caller_cut_short_leaves_the_rest);
    tcase_add_test(tcase, pauses_double_up_to_a_maximum_until_something_is_done);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(bisect_suite());
}
