/*
 * The list of locked auctions: order, back-off and ages.
 */
#include "common/worker/locked_rows.h"
#include "tests/support/suite.h"

enum { NOW = 1000, MANY = 100 };

static struct locked_rows list;

static void set_up(void)
{
    list = (struct locked_rows){0};
}

static void tear_down(void)
{
    locked_rows_free(&list);
}

static struct uuid id_of(int number)
{
    struct uuid id = {{0}};
    id.bytes[0] = (uint8_t)number;
    return id;
}

static bool add(int number, int64_t now_ms)
{
    struct uuid id = id_of(number);
    return locked_rows_add(&list, &id, now_ms);
}

static struct locked_row *find(int number)
{
    struct uuid id = id_of(number);
    return locked_rows_find(&list, &id);
}

START_TEST(an_empty_list_has_no_times)
{
    ck_assert_ptr_null(find(1));
    ck_assert_int_eq(locked_rows_due_ms(&list), INT64_MAX);
    ck_assert_int_eq(locked_rows_since_ms(&list), INT64_MAX);
}
END_TEST

START_TEST(many_are_found_in_any_order_of_coming_and_going)
{
    for (int i = 0; i < MANY; i++) {
        ck_assert(add(i * 37 % MANY, NOW + i));
    }
    ck_assert_uint_eq(list.count, MANY);
    for (int i = 0; i < MANY; i++) {
        struct uuid id = id_of(i);
        ck_assert(uuid_equal(&list.items[i].id, &id));
        ck_assert_ptr_eq(find(i), &list.items[i]);
    }
    ck_assert_ptr_null(find(MANY));
    for (int i = 1; i < MANY; i += 2) {
        locked_rows_remove(&list, find(i));
    }
    ck_assert_uint_eq(list.count, MANY / 2);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(find(i) != NULL, i % 2 == 0);
    }
    locked_rows_clear(&list);
    ck_assert_uint_eq(list.count, 0);
    ck_assert_ptr_null(find(0));
    ck_assert(add(0, NOW));
    ck_assert_ptr_nonnull(find(0));
}
END_TEST

START_TEST(an_auction_added_again_keeps_its_times)
{
    ck_assert(add(1, NOW));
    locked_row_try(find(1), NOW + LOCKED_RETRY_MIN_MS);
    int64_t due_ms = find(1)->due_ms;
    ck_assert(add(1, NOW + 5000));
    ck_assert_uint_eq(list.count, 1);
    ck_assert_int_eq(find(1)->since_ms, NOW);
    ck_assert_int_eq(find(1)->due_ms, due_ms);
    ck_assert_uint_eq(find(1)->tries, 1);
}
END_TEST

START_TEST(the_wait_doubles_up_to_its_maximum)
{
    static const int64_t waits[] = {20, 40, 80, 160, 320, 500, 500};
    ck_assert(add(1, NOW));
    ck_assert_int_eq(find(1)->due_ms, NOW + LOCKED_RETRY_MIN_MS);
    ck_assert(!find(1)->reported);
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        locked_row_try(find(1), NOW);
        ck_assert_int_eq(find(1)->due_ms, NOW + waits[i]);
    }
    find(1)->tries = UINT32_MAX - 1;
    locked_row_try(find(1), NOW);
    ck_assert_int_eq(find(1)->due_ms, NOW + LOCKED_RETRY_MAX_MS);
}
END_TEST

START_TEST(the_earliest_times_are_those_of_the_list)
{
    ck_assert(add(3, NOW + 30));
    ck_assert(add(1, NOW));
    ck_assert(add(2, NOW + 20));
    ck_assert_int_eq(locked_rows_since_ms(&list), NOW);
    ck_assert_int_eq(locked_rows_due_ms(&list), NOW + LOCKED_RETRY_MIN_MS);
    locked_row_try(find(1), NOW + 100);
    ck_assert_int_eq(locked_rows_since_ms(&list), NOW);
    ck_assert_int_eq(locked_rows_due_ms(&list), NOW + 20 + LOCKED_RETRY_MIN_MS);
    locked_rows_remove(&list, find(1));
    ck_assert_int_eq(locked_rows_since_ms(&list), NOW + 20);
    ck_assert(add(4, NOW + 10));
    ck_assert_int_eq(locked_rows_since_ms(&list), NOW + 10);
}
END_TEST

static Suite *locked_rows_suite(void)
{
    const TTest *const tests[] = {
        an_empty_list_has_no_times,
        many_are_found_in_any_order_of_coming_and_going,
        an_auction_added_again_keeps_its_times,
        the_wait_doubles_up_to_its_maximum,
        the_earliest_times_are_those_of_the_list,
    };
    Suite *suite = suite_create("locked_rows");
    TCase *tcase = tcase_create("locked_rows");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(locked_rows_suite());
}
