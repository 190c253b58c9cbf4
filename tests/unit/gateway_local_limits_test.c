/*
 * Counters of limits in a worker's memory.
 */
#include <sodium.h>
#include <stdio.h>

#include "gateway/access/local_limits.h"
#include "tests/support/suite.h"

enum { WINDOW_MS = 60000, NOW_MS = 1000, TEXT_SIZE = 32 };

static struct local_limits *limits;

static void setup(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    limits = local_limits_new();
    ck_assert_ptr_nonnull(limits);
}

static void teardown(void)
{
    local_limits_free(limits);
}

static int64_t count(const char *what, const char *text, int64_t now_ms)
{
    return local_limits_count(limits, local_limits_key(limits, what, text), WINDOW_MS, now_ms).used;
}

START_TEST(a_counter_grows_until_its_window_ends)
{
    ck_assert_int_eq(count("logins", "192.0.2.1", NOW_MS), 1);
    ck_assert_int_eq(count("logins", "192.0.2.1", NOW_MS + WINDOW_MS - 1), 2);
    ck_assert_int_eq(count("logins", "192.0.2.1", NOW_MS + WINDOW_MS), 1);
    uint64_t key = local_limits_key(limits, "logins", "192.0.2.1");
    ck_assert_int_eq(local_limits_count(limits, key, WINDOW_MS, NOW_MS + WINDOW_MS + 1000).reset_ms, WINDOW_MS - 1000);
}
END_TEST

START_TEST(limits_and_texts_are_counted_apart)
{
    ck_assert_int_eq(count("logins", "192.0.2.1", NOW_MS), 1);
    ck_assert_int_eq(count("resets", "192.0.2.1", NOW_MS), 1);
    ck_assert_int_eq(count("logins", "192.0.2.2", NOW_MS), 1);
    ck_assert_int_eq(count("logins", "192.0.2.1", NOW_MS), 2);
}
END_TEST

/* A flood of other texts replaces counters of one request, not the one of a client that guesses. */
START_TEST(a_full_table_keeps_the_largest_counters)
{
    enum { GUESSES = 5 };
    char text[TEXT_SIZE];
    for (int i = 0; i < GUESSES; i++) {
        (void)count("logins", "192.0.2.1", NOW_MS);
    }
    for (int i = 0; i < 4 * LOCAL_LIMITS_SLOTS; i++) {
        (void)snprintf(text, sizeof(text), "other %d", i);
        (void)count("logins", text, NOW_MS);
    }
    ck_assert_int_eq(count("logins", "192.0.2.1", NOW_MS), GUESSES + 1);
}
END_TEST

static Suite *local_limits_suite(void)
{
    Suite *suite = suite_create("local_limits");
    TCase *tcase = tcase_create("local_limits");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_counter_grows_until_its_window_ends);
    tcase_add_test(tcase, limits_and_texts_are_counted_apart);
    tcase_add_test(tcase, a_full_table_keeps_the_largest_counters);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(local_limits_suite());
}
