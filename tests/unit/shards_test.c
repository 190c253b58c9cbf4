/*
 * The assignment of shards to workers: all workers compute plans that fit together, nobody owns more than a fair share,
 * and as few shards move as possible.
 */
#include "common/service/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

enum { SHARDS = 100, TRIALS = 200, STEPS = 30, NUMBER_SIZE = 24, COLUMNS = 3 };

static struct shards_view view;

static void view_reset(unsigned shards)
{
    view = (struct shards_view){.shards = shards};
}

/* Keeps the numbers ascending, as SHARDS_SQL_VIEW returns them. */
static void worker_comes(uint32_t number)
{
    size_t at = view.workers++;
    for (; at > 0 && view.numbers[at - 1] > number; at--) {
        view.numbers[at] = view.numbers[at - 1];
    }
    view.numbers[at] = number;
}

static void worker_goes(size_t worker)
{
    for (unsigned shard = 0; shard < view.shards; shard++) {
        if (view.owners[shard] == view.numbers[worker]) {
            view.owners[shard] = SHARDS_NOBODY;
        }
    }
    view.workers--;
    memmove(&view.numbers[worker], &view.numbers[worker + 1], (view.workers - worker) * sizeof view.numbers[0]);
}

/* Every worker carries out its plan of the same view. No two plans may take the same shard. Returns the changes. */
static unsigned carry_out(enum shards_act which)
{
    const struct shards_view seen = view;
    unsigned changes = 0;
    for (size_t worker = 0; worker < seen.workers; worker++) {
        enum shards_act plan[TOPOLOGY_SHARDS_MAX];
        shards_plan(&seen, seen.numbers[worker], plan);
        for (unsigned shard = 0; shard < seen.shards; shard++) {
            if (plan[shard] != which) {
                continue;
            }
            ck_assert_uint_eq(view.owners[shard], which == SHARDS_TAKE ? SHARDS_NOBODY : seen.numbers[worker]);
            view.owners[shard] = which == SHARDS_TAKE ? seen.numbers[worker] : SHARDS_NOBODY;
            changes++;
        }
    }
    return changes;
}

static unsigned count(uint32_t number)
{
    unsigned owned = 0;
    for (unsigned shard = 0; shard < view.shards; shard++) {
        owned += view.owners[shard] == number;
    }
    return owned;
}

/* Leaves come first; at the next poll the others take. */
static unsigned settle(void)
{
    unsigned left = carry_out(SHARDS_LEAVE);
    unsigned taken = carry_out(SHARDS_TAKE);
    ck_assert_uint_ge(taken, left);
    ck_assert_uint_eq(carry_out(SHARDS_LEAVE) + carry_out(SHARDS_TAKE), 0);
    return left;
}

static void expect_even(void)
{
    unsigned workers = (unsigned)view.workers;
    ck_assert_uint_eq(count(SHARDS_NOBODY), workers == 0 ? view.shards : 0);
    for (size_t worker = 0; worker < view.workers; worker++) {
        unsigned owned = count(view.numbers[worker]);
        ck_assert_uint_ge(owned, view.shards / workers);
        ck_assert_uint_le(owned, (view.shards + workers - 1) / workers);
    }
}

START_TEST(without_workers_a_shard_has_no_owner)
{
    view_reset(8);
    ck_assert_uint_eq(settle(), 0);
    expect_even();
}
END_TEST

START_TEST(one_worker_owns_all_shards)
{
    view_reset(8);
    worker_comes(7);
    ck_assert_uint_eq(settle(), 0);
    ck_assert_uint_eq(count(7), 8);
}
END_TEST

/* Three workers with 3, 3 and 2 shards: the fourth gets one of each of the first two. */
START_TEST(a_coming_worker_gets_its_share_and_nothing_else_moves)
{
    view_reset(8);
    worker_comes(10);
    worker_comes(20);
    worker_comes(30);
    ck_assert_uint_eq(settle(), 0);
    expect_even();
    struct shards_view before = view;
    worker_comes(15);
    ck_assert_uint_eq(settle(), 2);
    expect_even();
    for (unsigned shard = 0; shard < view.shards; shard++) {
        ck_assert(view.owners[shard] == before.owners[shard] || view.owners[shard] == 15);
    }
}
END_TEST

START_TEST(free_shards_go_to_whoever_lacks_most)
{
    enum shards_act plan[TOPOLOGY_SHARDS_MAX];
    view_reset(6);
    worker_comes(10);
    worker_comes(20);
    view.owners[0] = 10;
    shards_plan(&view, 10, plan);
    ck_assert_int_eq(plan[0], SHARDS_KEEP);
    ck_assert_int_eq(plan[1], SHARDS_NOTHING); /* 20 lacks three, 10 two */
    ck_assert_int_eq(plan[2], SHARDS_TAKE);    /* both lack two: the lower number is first */
    ck_assert_int_eq(plan[3], SHARDS_NOTHING);
    ck_assert_int_eq(plan[4], SHARDS_TAKE);
    ck_assert_int_eq(plan[5], SHARDS_NOTHING);
}
END_TEST

START_TEST(only_the_shards_of_a_leaving_worker_move)
{
    view_reset(8);
    for (uint32_t number = 1; number <= 4; number++) {
        worker_comes(number);
        (void)settle();
    }
    struct shards_view before = view;
    worker_goes(2);
    ck_assert_uint_eq(settle(), 0);
    expect_even();
    for (unsigned shard = 0; shard < view.shards; shard++) {
        ck_assert(view.owners[shard] == before.owners[shard] || before.owners[shard] == 3);
    }
}
END_TEST

START_TEST(more_workers_than_shards_leave_some_without)
{
    view_reset(3);
    for (uint32_t number = 1; number <= 5; number++) {
        worker_comes(number);
        (void)settle();
        expect_even();
    }
    ck_assert_uint_eq(count(5), 0);
}
END_TEST

/*
 * However workers come and go, the shares are even. A shard moves only if its worker has more than its share
 * afterwards.
 */
START_TEST(shares_stay_even_and_moves_are_fewest)
{
    unsigned seed = (unsigned)_i;
    view_reset(1 + (unsigned)rand_r(&seed) % SHARDS);
    for (int step = 0; step < STEPS; step++) {
        if (view.workers > 0 && (rand_r(&seed) % 2 == 0 || view.workers > 20)) {
            worker_goes((size_t)rand_r(&seed) % view.workers);
        } else {
            worker_comes((uint32_t)(1 + rand_r(&seed) % (SHARDS_NUMBERS_EACH - 1)));
        }
        struct shards_view before = view;
        unsigned moved = settle();
        unsigned fewest = 0;
        expect_even();
        for (size_t worker = 0; worker < view.workers; worker++) {
            unsigned after = count(view.numbers[worker]);
            unsigned had = 0;
            for (unsigned shard = 0; shard < view.shards; shard++) {
                had += before.owners[shard] == view.numbers[worker];
            }
            fewest += had > after ? had - after : 0;
        }
        ck_assert_uint_eq(moved, fewest);
    }
}
END_TEST

enum { OF_ONE = SHARDS_NUMBERS_EACH, OF_TWO = 2 * SHARDS_NUMBERS_EACH }; /* numbers with active_workers_max 1 and 2 */

START_TEST(one_worker_is_active_and_another_takes_over)
{
    view_reset(8);
    worker_comes(OF_ONE + 20);
    ck_assert_uint_eq(settle(), 0);
    worker_comes(OF_ONE + 10);
    worker_comes(OF_ONE + 30);
    ck_assert_uint_eq(settle(), 0);
    ck_assert_uint_eq(count(OF_ONE + 20), 8);
    worker_goes(1);
    ck_assert_uint_eq(settle(), 0);
    ck_assert_uint_eq(count(OF_ONE + 10), 8);
}
END_TEST

START_TEST(active_workers_have_even_shares)
{
    view_reset(7);
    for (uint32_t number = 1; number <= 4; number++) {
        worker_comes(OF_TWO + number);
        (void)settle();
    }
    ck_assert_uint_eq(count(OF_TWO + 1), 4);
    ck_assert_uint_eq(count(OF_TWO + 2), 3);
    ck_assert_uint_eq(count(SHARDS_NOBODY), 0);
}
END_TEST

/* As while workers are restarted one after the other with another setting. */
START_TEST(the_highest_setting_of_a_worker_holds)
{
    view_reset(8);
    worker_comes(OF_ONE + 1);
    worker_comes(OF_ONE + 2);
    (void)settle();
    ck_assert_uint_eq(count(OF_ONE + 1), 8);
    worker_comes(OF_TWO + 3);
    (void)settle();
    ck_assert_uint_eq(count(OF_ONE + 1), 4);
    ck_assert_uint_eq(count(OF_ONE + 2) + count(OF_TWO + 3), 4);
    worker_comes(4);
    (void)settle();
    expect_even();
    worker_goes(0); /* 4 */
    worker_goes(2); /* OF_TWO + 3 */
    (void)settle();
    ck_assert_uint_eq(count(OF_ONE + 1) + count(OF_ONE + 2), 8);
    ck_assert(count(OF_ONE + 1) == 0 || count(OF_ONE + 2) == 0);
}
END_TEST

/* A session may outlive its worker's lock for a moment. Nobody touches its shards, and nobody needs them. */
START_TEST(the_shards_of_an_unknown_owner_are_left_alone)
{
    enum shards_act plan[TOPOLOGY_SHARDS_MAX];
    view_reset(4);
    worker_comes(9);
    view.owners[2] = SHARDS_UNKNOWN_OWNER;
    shards_plan(&view, 9, plan);
    ck_assert_int_eq(plan[0], SHARDS_TAKE);
    ck_assert_int_eq(plan[2], SHARDS_NOTHING);
}
END_TEST

START_TEST(a_worker_that_is_not_alive_leaves_its_shards)
{
    enum shards_act plan[TOPOLOGY_SHARDS_MAX];
    view_reset(2);
    worker_comes(9);
    view.owners[0] = 5;
    shards_plan(&view, 5, plan);
    ck_assert_int_eq(plan[0], SHARDS_LEAVE);
    ck_assert_int_eq(plan[1], SHARDS_NOTHING);
}
END_TEST

static void set_row(PGresult *rows, int row, bool worker, int64_t object, int64_t session)
{
    char text[NUMBER_SIZE];
    int length = snprintf(text, sizeof text, "%c", worker ? 't' : 'f');
    ck_assert_int_eq(PQsetvalue(rows, row, 0, text, length), 1);
    length = snprintf(text, sizeof text, "%lld", (long long)object);
    ck_assert_int_eq(PQsetvalue(rows, row, 1, text, length), 1);
    length = snprintf(text, sizeof text, "%lld", (long long)session);
    ck_assert_int_eq(PQsetvalue(rows, row, 2, text, length), 1);
}

static PGresult *make_rows(void)
{
    static char names[COLUMNS][8] = {"worker", "object", "session"};
    PGresAttDesc columns[COLUMNS] = {{.name = names[0]}, {.name = names[1]}, {.name = names[2]}};
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    ck_assert_ptr_nonnull(rows);
    ck_assert_int_eq(PQsetResultAttrs(rows, COLUMNS, columns), 1);
    return rows;
}

START_TEST(a_view_is_read_from_the_locks)
{
    PGresult *rows = make_rows();
    set_row(rows, 0, true, 11, 500);
    set_row(rows, 1, true, SHARDS_WORKER_MAX, 400);
    set_row(rows, 2, false, 0, 400);
    set_row(rows, 3, false, 1, 500);
    set_row(rows, 4, false, 2, 600); /* no worker */
    set_row(rows, 5, false, 4, 400); /* no shard */
    shards_view_read(&view, 4, rows);
    PQclear(rows);
    ck_assert_uint_eq(view.workers, 2);
    ck_assert_uint_eq(view.numbers[0], 11);
    ck_assert_uint_eq(view.numbers[1], SHARDS_WORKER_MAX);
    ck_assert_uint_eq(view.owners[0], SHARDS_WORKER_MAX);
    ck_assert_uint_eq(view.owners[1], 11);
    ck_assert_uint_eq(view.owners[2], SHARDS_UNKNOWN_OWNER);
    ck_assert_uint_eq(view.owners[3], SHARDS_NOBODY);
    ck_assert_uint_eq(view.owners[4], SHARDS_NOBODY);
}
END_TEST

/* In memory of exactly their size, so that AddressSanitizer sees an access beyond. */
START_TEST(the_largest_deployment_is_planned)
{
    enum { UNKNOWN = 5, OUTSIDER = 9999 };
    struct shards_view *full = calloc(1, sizeof(*full));
    enum shards_act *plan = calloc(TOPOLOGY_SHARDS_MAX, sizeof(*plan));
    unsigned taken = 0;
    ck_assert(full != NULL && plan != NULL);
    full->shards = TOPOLOGY_SHARDS_MAX;
    full->workers = SHARDS_WORKERS_MAX;
    full->owners[UNKNOWN] = OUTSIDER;
    for (uint32_t worker = 0; worker < SHARDS_WORKERS_MAX; worker++) {
        full->numbers[worker] = worker + 1;
    }
    for (uint32_t number = 1; number <= SHARDS_WORKERS_MAX + 1; number++) { /* the last one is not in the view */
        unsigned mine = 0;
        shards_plan(full, number, plan);
        for (unsigned shard = 0; shard < TOPOLOGY_SHARDS_MAX; shard++) {
            ck_assert(plan[shard] == SHARDS_NOTHING || plan[shard] == SHARDS_TAKE);
            mine += plan[shard] == SHARDS_TAKE;
        }
        ck_assert_uint_eq(mine, number < TOPOLOGY_SHARDS_MAX ? 1 : 0);
        taken += mine;
    }
    ck_assert_uint_eq(taken, TOPOLOGY_SHARDS_MAX - 1);
    free(full);
    free(plan);
}
END_TEST

START_TEST(workers_beyond_the_most_are_left_out_of_a_view)
{
    enum { ROWS = SHARDS_WORKERS_MAX + 2, SESSION = 1000, FIRST = 300 };
    PGresult *rows = make_rows();
    for (int row = 0; row <= SHARDS_WORKERS_MAX; row++) {
        bool last = row == SHARDS_WORKERS_MAX;
        set_row(rows, row, true, last ? 1 : FIRST + row, SESSION + row); /* the last number is that of a shard, too */
    }
    set_row(rows, ROWS - 1, false, 0, SESSION);
    shards_view_read(&view, 2, rows);
    PQclear(rows);
    ck_assert_uint_eq(view.shards, 2);
    ck_assert_uint_eq(view.workers, SHARDS_WORKERS_MAX);
    ck_assert_uint_eq(view.owners[0], FIRST);
    ck_assert_uint_eq(view.owners[1], SHARDS_NOBODY);
}
END_TEST

START_TEST(a_report_has_this_text)
{
    struct shards_report report = {.worker = 1, .unacked = 2, .at_ms = 3, .oldest_ms = 4, .stalled_ms = 5};
    char text[SHARDS_REPORT_SIZE];
    shards_report_write(&report, text);
    ck_assert_str_eq(text, "1 2 3 4 5");
    report = (struct shards_report){.worker = 0};
    ck_assert(shards_report_read("10 209 3456 3455 120", &report));
    ck_assert_uint_eq(report.worker, 10);
    ck_assert_uint_eq(report.unacked, 209);
    ck_assert_int_eq(report.at_ms, 3456);
    ck_assert_int_eq(report.oldest_ms, 3455);
    ck_assert_int_eq(report.stalled_ms, 120);
    ck_assert(shards_report_read("0 0 0 0 0", &report));
    ck_assert(!shards_report_read("1: 2 3 4 5", &report));
    ck_assert(!shards_report_read("/1 2 3 4 5", &report));
}
END_TEST

START_TEST(a_report_is_read_as_it_was_written)
{
    struct shards_report report = {.worker = SHARDS_WORKER_MAX,
                                   .unacked = UINT32_MAX,
                                   .at_ms = INT64_MAX,
                                   .oldest_ms = INT64_MAX,
                                   .stalled_ms = INT64_MAX};
    struct shards_report read = {.worker = 0};
    char text[SHARDS_REPORT_SIZE];
    shards_report_write(&report, text);
    ck_assert(shards_report_read(text, &read));
    ck_assert_uint_eq(read.worker, report.worker);
    ck_assert_uint_eq(read.unacked, report.unacked);
    ck_assert_int_eq(read.at_ms, report.at_ms);
    ck_assert_int_eq(read.oldest_ms, report.oldest_ms);
    ck_assert_int_eq(read.stalled_ms, report.stalled_ms);
}
END_TEST

START_TEST(a_depth_is_read_as_it_was_written)
{
    static const char *const BAD[] = {"", "1 2", "1 2 3 4", "1 2 3 ", "-1 2 3", "x 2 3", "1 2 9223372036854775808"};
    const struct shards_depth depth = {.ready = INT64_MAX, .consumers = 2, .at_ms = INT64_MAX};
    struct shards_depth read = {.ready = 0};
    char text[SHARDS_REPORT_SIZE];
    shards_depth_write(&depth, text);
    ck_assert(shards_depth_read(text, &read));
    ck_assert_int_eq(read.ready, depth.ready);
    ck_assert_int_eq(read.consumers, depth.consumers);
    ck_assert_int_eq(read.at_ms, depth.at_ms);
    shards_depth_write(&(struct shards_depth){.ready = 1, .consumers = 2, .at_ms = 3}, text);
    ck_assert_str_eq(text, "1 2 3");
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        ck_assert_msg(!shards_depth_read(BAD[i], &read), "read: %s", BAD[i]);
    }
}
END_TEST

START_TEST(a_field_is_the_number_of_a_shard)
{
    static const char *const BAD[] = {"", "100", "-1", "1 ", "x"};
    char text[SHARDS_FIELD_SIZE];
    unsigned shard = 0;
    shards_field_write(TOPOLOGY_SHARDS_MAX - 1, text);
    ck_assert_str_eq(text, "99");
    ck_assert(shards_field_read(text, &shard));
    ck_assert_uint_eq(shard, TOPOLOGY_SHARDS_MAX - 1);
    for (size_t i = 0; i < ARRAY_LEN(BAD); i++) {
        ck_assert_msg(!shards_field_read(BAD[i], &shard), "read: %s", BAD[i]);
    }
    for (unsigned i = 0; i < TOPOLOGY_SHARDS_MAX; i++) {
        shards_field_write(i, text);
        ck_assert_str_eq(shards_labels[i], text);
    }
}
END_TEST

static void lock_auctions(struct shards_report *report, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[] = "0190a000-0000-7000-8000-000000000000";
        text[sizeof(text) - 2] = (char)('0' + i);
        ck_assert(uuid_parse(text, sizeof(text) - 1, &report->locked[i].auction_id));
        report->locked[i].oldest_ms = INT64_MAX - (int64_t)i;
    }
    report->locked_count = count;
}

START_TEST(a_report_names_locked_auctions)
{
    struct shards_report report = {.worker = SHARDS_WORKER_MAX,
                                   .unacked = UINT32_MAX,
                                   .at_ms = INT64_MAX,
                                   .oldest_ms = INT64_MAX,
                                   .stalled_ms = INT64_MAX};
    struct shards_report read = {.worker = 0};
    char text[SHARDS_REPORT_SIZE];
    lock_auctions(&report, (size_t)_i);
    shards_report_write(&report, text);
    ck_assert(shards_report_read(text, &read));
    ck_assert_int_eq(read.stalled_ms, INT64_MAX);
    ck_assert_uint_eq(read.locked_count, (size_t)_i);
    for (size_t i = 0; i < read.locked_count; i++) {
        ck_assert(uuid_equal(&read.locked[i].auction_id, &report.locked[i].auction_id));
        ck_assert_int_eq(read.locked[i].oldest_ms, INT64_MAX - (int64_t)i);
    }
}
END_TEST

START_TEST(reports_with_invalid_locked_auctions_are_refused)
{
    static const char *const good = "1 2 3 4 5 0190a000-0000-7000-8000-000000000000 6";
    static const char *const bad[] = {
        "1 2 3 4 5 ",
        "1 2 3 4 5 0190a000-0000-7000-8000-000000000000",
        "1 2 3 4 5 0190a000-0000-7000-8000-000000000000 ",
        "1 2 3 4 5 0190a000-0000-7000-8000-000000000000 6 ",
        "1 2 3 4 5 0190a000-0000-7000-8000-000000000000 x",
        "1 2 3 4 5 0190a000-0000-7000-8000-000000000000 -6",
        "1 2 3 4 5 0190a000-0000-7000-8000-000000000000:6",
        "1 2 3 4 5 0190a000-0000-7000-8000-00000000000 6",
        "1 2 3 4 5 0190a000-0000-7000-8000-00000000000x 6",
        "1 2 3 4 5 0190a000",
    };
    struct shards_report report = {.worker = 0};
    ck_assert(shards_report_read(good, &report));
    ck_assert_uint_eq(report.locked_count, 1);
    ck_assert_int_eq(report.locked[0].oldest_ms, 6);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!shards_report_read(bad[i], &report), "read: %s", bad[i]);
    }
}
END_TEST

START_TEST(a_report_with_too_many_locked_auctions_is_refused)
{
    char text[2 * SHARDS_REPORT_SIZE] = "1 2 3 4 5";
    struct shards_report report;
    for (size_t i = 0; i <= SHARDS_LOCKED_MAX; i++) {
        size_t length = strlen(text);
        ck_assert(shards_report_read(text, &report));
        ck_assert_uint_eq(report.locked_count, i);
        (void)snprintf(text + length, sizeof(text) - length, " 0190a000-0000-7000-8000-00000000000%zu 6", i);
    }
    ck_assert(!shards_report_read(text, &report));
}
END_TEST

START_TEST(invalid_reports_are_refused)
{
    static const char *const BAD[] = {"",
                                      "1",
                                      "1 2",
                                      "1 2 ",
                                      "1 2 3",
                                      "1 2 3 4",
                                      "1  2 3 4 5",
                                      "1 2 3 4 5 ",
                                      "1 2 3 4 5x",
                                      "1 2 3x 4 5",
                                      "-1 2 3 4 5",
                                      "1 4294967296 3 4 5",
                                      "2147483648 2 3 4 5",
                                      "1 2 9223372036854775808 4 5",
                                      "1 2 3 9223372036854775808 5",
                                      "1 2 3 4 9223372036854775808"};
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
    tcase_add_test(tcase, a_coming_worker_gets_its_share_and_nothing_else_moves);
    tcase_add_test(tcase, free_shards_go_to_whoever_lacks_most);
    tcase_add_test(tcase, only_the_shards_of_a_leaving_worker_move);
    tcase_add_test(tcase, more_workers_than_shards_leave_some_without);
    tcase_add_loop_test(tcase, shares_stay_even_and_moves_are_fewest, 0, TRIALS);
    tcase_add_test(tcase, one_worker_is_active_and_another_takes_over);
    tcase_add_test(tcase, active_workers_have_even_shares);
    tcase_add_test(tcase, the_highest_setting_of_a_worker_holds);
    tcase_add_test(tcase, the_shards_of_an_unknown_owner_are_left_alone);
    tcase_add_test(tcase, a_worker_that_is_not_alive_leaves_its_shards);
    tcase_add_test(tcase, a_view_is_read_from_the_locks);
    tcase_add_test(tcase, the_largest_deployment_is_planned);
    tcase_add_test(tcase, workers_beyond_the_most_are_left_out_of_a_view);
    tcase_add_test(tcase, a_report_has_this_text);
    tcase_add_test(tcase, a_report_is_read_as_it_was_written);
    tcase_add_test(tcase, invalid_reports_are_refused);
    tcase_add_loop_test(tcase, a_report_names_locked_auctions, 0, SHARDS_LOCKED_MAX + 1);
    tcase_add_test(tcase, reports_with_invalid_locked_auctions_are_refused);
    tcase_add_test(tcase, a_report_with_too_many_locked_auctions_is_refused);
    tcase_add_test(tcase, a_depth_is_read_as_it_was_written);
    tcase_add_test(tcase, a_field_is_the_number_of_a_shard);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(shards_suite());
}
