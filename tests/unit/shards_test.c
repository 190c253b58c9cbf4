/*
 * The assignment of shards to workers: all workers compute the same one, shares are fair, and only the shards of a
 * joining or leaving worker move.
 */
#include "common/service/shards.h"

#include "tests/support/suite.h"

enum { SHARDS = 100, WORKERS = 5, TRIALS = 50 };

/* Worker numbers that differ like random ones; never 0. */
static uint32_t worker(int number)
{
    return ((uint32_t)number * UINT32_C(2654435761) + 17) % SHARDS_WORKER_MAX + 1;
}

START_TEST(without_workers_a_shard_has_no_owner)
{
    ck_assert_uint_eq(shards_owner(3, NULL, 0), 0);
}
END_TEST

START_TEST(one_worker_owns_all_shards)
{
    const uint32_t alone[] = {7};
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        ck_assert_uint_eq(shards_owner(shard, alone, 1), 7);
    }
}
END_TEST

START_TEST(the_order_of_the_workers_does_not_matter)
{
    const uint32_t forth[] = {1, 3, 1000, 77, SHARDS_WORKER_MAX};
    const uint32_t back[] = {SHARDS_WORKER_MAX, 77, 1000, 3, 1};
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        ck_assert_uint_eq(shards_owner(shard, forth, ARRAY_LEN(forth)), shards_owner(shard, back, ARRAY_LEN(back)));
    }
}
END_TEST

START_TEST(only_the_shards_of_a_leaving_worker_move)
{
    uint32_t alive[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        alive[i] = worker(_i * WORKERS + i);
    }
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        uint32_t before = shards_owner(shard, alive, WORKERS);
        uint32_t after = shards_owner(shard, alive, WORKERS - 1);
        ck_assert(before == alive[WORKERS - 1] ? after != before : after == before);
    }
}
END_TEST

START_TEST(the_shares_are_fair)
{
    uint32_t alive[2] = {worker(2 * _i), worker(2 * _i + 1)};
    int share = 0;
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        share += shards_owner(shard, alive, 2) == alive[0];
    }
    /*
     * Two workers share the shards like tosses of a fair coin. 100 tosses are outside these bounds once in ten million.
     */
    ck_assert_int_gt(share, 23);
    ck_assert_int_lt(share, 77);
}
END_TEST

/* All workers of a deployment must agree, also during an upgrade, so the owners may never change. */
START_TEST(owners_never_change)
{
    static const uint32_t workers[] = {3, 1000, 77, SHARDS_WORKER_MAX};
    static const uint32_t owners[] = {
        77, 3,  SHARDS_WORKER_MAX, 3,  SHARDS_WORKER_MAX, 1000, 1000, 3, 77, 77, 3, 1000, 77, 1000, 77, 77, 77, 1000,
        77, 77, SHARDS_WORKER_MAX, 77, SHARDS_WORKER_MAX, 3};
    for (unsigned shard = 0; shard < ARRAY_LEN(owners); shard++) {
        ck_assert_uint_eq(shards_owner(shard, workers, ARRAY_LEN(workers)), owners[shard]);
    }
}
END_TEST

START_TEST(a_report_has_this_text)
{
    struct shards_report report = {.worker = 1, .unacked = 2, .at_ms = 3};
    char text[SHARDS_REPORT_SIZE];
    shards_report_write(&report, text);
    ck_assert_str_eq(text, "1 2 3");
    report = (struct shards_report){.worker = 0};
    ck_assert(shards_report_read("10 209 3456", &report));
    ck_assert_uint_eq(report.worker, 10);
    ck_assert_uint_eq(report.unacked, 209);
    ck_assert_int_eq(report.at_ms, 3456);
    ck_assert(shards_report_read("0 0 0", &report));
    ck_assert(!shards_report_read("1: 2 3", &report));
    ck_assert(!shards_report_read("/1 2 3", &report));
}
END_TEST

START_TEST(a_report_is_read_as_it_was_written)
{
    struct shards_report report = {.worker = SHARDS_WORKER_MAX, .unacked = UINT32_MAX, .at_ms = INT64_MAX};
    struct shards_report read = {.worker = 0};
    char text[SHARDS_REPORT_SIZE];
    shards_report_write(&report, text);
    ck_assert(shards_report_read(text, &read));
    ck_assert_uint_eq(read.worker, report.worker);
    ck_assert_uint_eq(read.unacked, report.unacked);
    ck_assert_int_eq(read.at_ms, report.at_ms);
}
END_TEST

START_TEST(invalid_reports_are_refused)
{
    static const char *const BAD[] = {"",
                                      "1",
                                      "1 2",
                                      "1 2 ",
                                      "1  2 3",
                                      "1 2 3 ",
                                      "1 2 3x",
                                      "-1 2 3",
                                      "1 4294967296 3",
                                      "2147483648 2 3",
                                      "1 2 9223372036854775808"};
    struct shards_report report;
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        ck_assert_msg(!shards_report_read(BAD[i], &report), "read: %s", BAD[i]);
    }
}
END_TEST

static Suite *shards_suite(void)
{
    Suite *suite = suite_create("shards");
    TCase *tcase = tcase_create("shards");
    tcase_add_test(tcase, without_workers_a_shard_has_no_owner);
    tcase_add_test(tcase, one_worker_owns_all_shards);
    tcase_add_test(tcase, the_order_of_the_workers_does_not_matter);
    tcase_add_loop_test(tcase, only_the_shards_of_a_leaving_worker_move, 0, TRIALS);
    tcase_add_loop_test(tcase, the_shares_are_fair, 0, TRIALS);
    tcase_add_test(tcase, owners_never_change);
    tcase_add_test(tcase, a_report_has_this_text);
    tcase_add_test(tcase, a_report_is_read_as_it_was_written);
    tcase_add_test(tcase, invalid_reports_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(shards_suite());
}
