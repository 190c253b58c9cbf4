/*
 * Bisection of a batch down to the item that fails: every item is done or blamed exactly once, in order.
 */
#include "common/base/bisect.h"
#include "tests/support/suite.h"

enum { ITEMS_MAX = 20 };

/* Processes `count` items like a database that refuses those in `refused` (bits). Every other item is done at the end.
 */
static void work_through(size_t count, unsigned refused)
{
    struct bisect bisect;
    size_t tries = 0;
    size_t ended = 0; /* all items before this one were done or blamed */
    bool more = true;
    bisect_begin(&bisect, count);
    while (more) {
        unsigned slice = ((1U << bisect.span) - 1U) << bisect.first;
        ck_assert_uint_lt(tries++, 2 * count * count);
        ck_assert_uint_eq(bisect.first, ended);
        ck_assert(bisect.span > 0 && bisect.first + bisect.span <= count);
        if ((slice & refused) != 0 && bisect_split(&bisect)) {
            continue;
        }
        ck_assert_msg((slice & refused) == 0 || bisect.span == 1, "items without a failure were blamed");
        ended += bisect.span;
        more = bisect_next(&bisect);
    }
    ck_assert_uint_eq(ended, count);
}

START_TEST(items_without_a_failure_are_one_slice)
{
    struct bisect bisect;
    bisect_begin(&bisect, ITEMS_MAX);
    ck_assert_uint_eq(bisect.first, 0);
    ck_assert_uint_eq(bisect.span, ITEMS_MAX);
    ck_assert(!bisect_next(&bisect));
}
END_TEST

START_TEST(only_refused_items_are_blamed_at_any_place)
{
    for (size_t count = 1; count <= 10; count++) {
        for (unsigned refused = 0; refused < 1U << count; refused++) {
            work_through(count, refused);
        }
    }
    work_through(ITEMS_MAX, 1U << (ITEMS_MAX - 1) | 1U);
}
END_TEST

START_TEST(after_the_first_half_the_rest_is_one_slice)
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

START_TEST(a_slice_shortened_by_its_caller_leaves_the_rest)
{
    struct bisect bisect;
    bisect_begin(&bisect, 7);
    bisect.span = 2;
    ck_assert(bisect_next(&bisect));
    ck_assert_uint_eq(bisect.first, 2);
    ck_assert_uint_eq(bisect.span, 5);
}
END_TEST

START_TEST(pauses_double_up_to_a_maximum_until_an_item_is_done)
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
    Suite *suite = suite_create("bisect");
    TCase *tcase = tcase_create("bisect");
    tcase_add_test(tcase, items_without_a_failure_are_one_slice);
    tcase_add_test(tcase, only_refused_items_are_blamed_at_any_place);
    tcase_add_test(tcase, after_the_first_half_the_rest_is_one_slice);
    tcase_add_test(tcase, a_slice_shortened_by_its_caller_leaves_the_rest);
    tcase_add_test(tcase, pauses_double_up_to_a_maximum_until_an_item_is_done);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(bisect_suite());
}
