/*
 * gateway/submit/backlog: which shards decide, and for how long their oldest bid has waited, by the reports of bid
 * workers and end workers, fresh, stale, missing and contradictory.
 */
#include "gateway/submit/backlog.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "tests/support/suite.h"

enum {
    SHARDS = 2,
    SHARD = 1, /* that the tests report about */
    POLL_MS = 250,
    FRESH_MS = BACKLOG_FRESH_MS + 2 * POLL_MS,
    WALL_MS = 1700000000, /* at the start */
    MONO_MS = 5000000,
    SKEW_MS = 86400000, /* the writers' clocks are a day ahead */
    MAX_S = 60,
    MAX_MS = MAX_S * 1000,
    LONG_MS = 2 * FRESH_MS,
    FIVE_LOOKS_MS = 5 * BACKLOG_LOOK_MS,
    TWO_LOOKS_MS = 2 * BACKLOG_LOOK_MS,
};

static struct backlog backlog;
static struct backlog_clock now;

static void set(void)
{
    backlog_begin(&backlog, SHARDS, POLL_MS);
    now = (struct backlog_clock){.wall_ms = WALL_MS, .mono_ms = MONO_MS};
}

static void pass(int64_t ms)
{
    now.wall_ms += ms;
    now.mono_ms += ms;
}

static void report(int64_t oldest_ms, int64_t stalled_ms)
{
    const struct shards_report written = {
        .worker = 7, .at_ms = now.wall_ms + SKEW_MS, .oldest_ms = oldest_ms, .stalled_ms = stalled_ms};
    backlog_report(&backlog, SHARD, &written, now.mono_ms);
}

static void depth(int64_t ready, int64_t consumers)
{
    const struct shards_depth written = {.ready = ready, .consumers = consumers, .at_ms = now.wall_ms + SKEW_MS};
    backlog_depth(&backlog, SHARD, &written, now.mono_ms);
}

/* Ends a look; the next one begins BACKLOG_LOOK_MS later. */
static void judge(void)
{
    backlog_judge(&backlog, &now);
    pass(BACKLOG_LOOK_MS);
}

static int64_t age(void)
{
    return backlog_age_ms(&backlog, SHARD, &now);
}

static bool decides(void)
{
    return backlog_decides(&backlog, SHARD, &now);
}

/* Looks for `ms` at a worker whose report is renewed. `oldest_ms` 0: it holds nothing. */
static void look_owned(int64_t ms, int64_t oldest_ms)
{
    for (int64_t passed = 0; passed < ms; passed += BACKLOG_LOOK_MS) {
        report(oldest_ms, 0);
        judge();
    }
}

static void look_at_depth(int64_t ms, int64_t ready, int64_t consumers)
{
    for (int64_t passed = 0; passed < ms; passed += BACKLOG_LOOK_MS) {
        depth(ready, consumers);
        judge();
    }
}

START_TEST(nothing_known_refuses_and_degrades_nothing)
{
    struct backlog_summary summary;
    ck_assert_int_eq(age(), -1);
    judge();
    pass(LONG_MS);
    judge();
    summary = backlog_summary(&backlog, MAX_S, &now);
    ck_assert_int_eq(age(), -1);
    ck_assert_int_eq(backlog_ready(&backlog, SHARD, &now), -1);
    ck_assert(decides());
    ck_assert(!backlog_overdue(&backlog, SHARD, 1, &now));
    ck_assert_uint_eq(summary.stopped, 0);
    ck_assert_uint_eq(summary.overdue, 0);
    ck_assert_int_eq(summary.oldest_ms, -1);
    backlog = (struct backlog){.shards = 0}; /* before the number of shards is known */
    ck_assert_int_eq(age(), -1);
    ck_assert(decides());
    summary = backlog_summary(&backlog, MAX_S, &now);
    ck_assert_int_eq(summary.oldest_ms, -1);
}
END_TEST

START_TEST(a_report_seen_once_proves_nothing)
{
    report(WALL_MS - 1000000, 1000000);
    depth(5, 0);
    judge();
    ck_assert_int_eq(age(), -1);
    backlog_judge(&backlog, &now); /* another look finds the same reports */
    ck_assert_int_eq(age(), -1);
    ck_assert(decides());
}
END_TEST

START_TEST(a_fresh_report_says_since_when_the_oldest_bid_waits)
{
    look_owned(2000, WALL_MS - 3000);
    ck_assert_int_eq(age(), 5000);
    look_owned(1000, 0);
    ck_assert_int_eq(age(), 0);
    ck_assert(decides());
    look_owned(1000, now.wall_ms + 5000); /* its gateway's clock is ahead */
    ck_assert_int_eq(age(), 0);
    ck_assert(decides());
}
END_TEST

START_TEST(a_shard_decides_while_its_oldest_bid_changes)
{
    for (int64_t oldest_ms = WALL_MS - 100000; oldest_ms < WALL_MS; oldest_ms += 10000) {
        look_owned(BACKLOG_STOPPED_MS - BACKLOG_LOOK_MS, oldest_ms);
        ck_assert(decides());
        ck_assert_int_gt(age(), BACKLOG_STOPPED_MS);
    }
}
END_TEST

START_TEST(a_shard_has_stopped_when_its_oldest_bid_stays)
{
    look_owned(BACKLOG_STOPPED_MS, WALL_MS); /* the first look proved nothing */
    pass(BACKLOG_LOOK_MS - 1);
    ck_assert(decides());
    pass(1);
    ck_assert(!decides());
    look_owned(1000, WALL_MS + 1);
    ck_assert(decides());
}
END_TEST

START_TEST(a_report_is_stale_without_renewal)
{
    look_owned(3000, WALL_MS);
    const struct shards_report last = backlog.of[SHARD].report;
    int64_t renewed_ms = now.mono_ms - BACKLOG_LOOK_MS;
    while (now.mono_ms <= renewed_ms + FRESH_MS) { /* Redis still has the last report of a worker that died */
        backlog_report(&backlog, SHARD, &last, now.mono_ms);
        judge();
        ck_assert_int_gt(age(), 0);
    }
    now.mono_ms = renewed_ms + FRESH_MS;
    backlog_judge(&backlog, &now);
    ck_assert_int_gt(age(), 0);
    pass(1);
    backlog_report(&backlog, SHARD, &last, now.mono_ms);
    backlog_judge(&backlog, &now);
    ck_assert_int_eq(age(), -1);
    ck_assert(decides());
}
END_TEST

START_TEST(shards_beyond_the_last_are_ignored)
{
    const struct shards_report written = {.at_ms = 1};
    const struct shards_depth measured = {.at_ms = 1};
    backlog_report(&backlog, SHARDS, &written, now.mono_ms);
    backlog_depth(&backlog, SHARDS, &measured, now.mono_ms);
    ck_assert(!backlog.of[SHARDS].owner.seen);
    ck_assert(!backlog.of[SHARDS].queue.seen);
    backlog.of[SHARDS].known = true;
    judge();
    ck_assert_int_eq(backlog_age_ms(&backlog, SHARDS, &now), -1);
}
END_TEST

START_TEST(the_clocks_are_those_of_receipt_and_of_durations)
{
    int64_t wall_ms = clock_now_ms();
    int64_t mono_ms = clock_mono_ms();
    struct backlog_clock read = backlog_now();
    ck_assert_int_ge(read.wall_ms, wall_ms);
    ck_assert_int_le(read.wall_ms, clock_now_ms());
    ck_assert_int_ge(read.mono_ms, mono_ms);
    ck_assert_int_le(read.mono_ms, clock_mono_ms());
}
END_TEST

START_TEST(a_depth_without_a_report_ages_from_the_first_look)
{
    look_at_depth(2000, 3, 1);
    int64_t first_ms = now.wall_ms - BACKLOG_LOOK_MS; /* the first look proved nothing */
    ck_assert_int_eq(backlog_ready(&backlog, SHARD, &now), 3);
    look_at_depth(3000, 3, 1);
    look_at_depth(3000, 4, 1); /* further bids change nothing */
    ck_assert_int_eq(age(), now.wall_ms - first_ms);
    ck_assert(!decides());
    look_at_depth(1000, 0, 1);
    ck_assert_int_eq(age(), 0);
    ck_assert(decides());
    look_at_depth(1000, 1, 1);
    ck_assert_int_eq(age(), BACKLOG_LOOK_MS);
}
END_TEST

START_TEST(a_depth_that_falls_ages_anew)
{
    look_at_depth(3000, 9, 1);
    ck_assert_int_eq(age(), 2000);
    look_at_depth(1000, 8, 1);
    ck_assert_int_eq(age(), BACKLOG_LOOK_MS);
    const struct shards_depth last = backlog.of[SHARD].depth;
    backlog_depth(&backlog, SHARD, &last, now.mono_ms); /* the end worker is slower than the looks: it fell once */
    judge();
    ck_assert_int_eq(age(), TWO_LOOKS_MS);
}
END_TEST

START_TEST(a_depth_at_a_worker_that_holds_nothing_ages_too)
{
    for (int i = 0; i < 6; i++) {
        report(0, 0);
        depth(2, 1);
        judge();
    }
    ck_assert_int_eq(age(), FIVE_LOOKS_MS);
    ck_assert(!decides());
}
END_TEST

START_TEST(the_age_outlives_the_worker_that_reported_it)
{
    for (int i = 0; i < 2; i++) {
        report(WALL_MS - 10000, 0);
        depth(1, 1);
        judge();
    }
    look_at_depth(LONG_MS, 2, 0);
    ck_assert_int_eq(age(), now.wall_ms - (WALL_MS - 10000));
}
END_TEST

START_TEST(an_empty_queue_without_a_report_is_not_late)
{
    for (int i = 0; i < 2; i++) {
        report(WALL_MS - 10000, 0);
        depth(0, 1);
        judge();
    }
    look_at_depth(LONG_MS, 0, 1); /* a worker without Redis may have decided it */
    ck_assert_int_eq(age(), 0);
    ck_assert(decides());
}
END_TEST

START_TEST(a_queue_without_consumers_is_not_decided)
{
    look_at_depth(2000, 0, 0);
    ck_assert(decides());
    look_at_depth(BACKLOG_STOPPED_MS - BACKLOG_LOOK_MS, 0, 0);
    ck_assert_int_eq(age(), 0);
    ck_assert(!decides());
    ck_assert(!backlog_overdue(&backlog, SHARD, 1, &now)); /* a first bid is queued */
    look_at_depth(1000, 0, 1);
    ck_assert(decides());
}
END_TEST

START_TEST(a_queue_without_a_leader_is_no_empty_queue)
{
    const int64_t look_ms = BACKLOG_LOOK_MS;
    look_at_depth(LONG_MS, 3, 1);
    int64_t before_ms = age();
    ck_assert_int_ge(before_ms, LONG_MS - 2 * look_ms);
    look_at_depth(BACKLOG_VACANT_MS - look_ms, 0, 0);
    ck_assert_int_ge(age(), before_ms + BACKLOG_VACANT_MS - 2 * look_ms);
    look_at_depth(look_ms, 3, 1); /* it has elected one, and nothing was taken from it */
    ck_assert_int_ge(age(), before_ms + BACKLOG_VACANT_MS - look_ms);
    look_at_depth(BACKLOG_VACANT_MS, 0, 0);
    ck_assert_int_gt(age(), 0);
    look_at_depth(look_ms, 0, 0); /* now it has looked empty for long enough */
    ck_assert_int_eq(age(), 0);
}
END_TEST

START_TEST(a_queue_with_a_consumer_is_empty_at_once_also_on_a_machine_that_has_just_booted)
{
    const int64_t look_ms = BACKLOG_LOOK_MS;
    now.mono_ms = look_ms;
    look_at_depth(3 * look_ms, 3, 1);
    ck_assert_int_gt(age(), 0);
    look_at_depth(look_ms, 0, 1);
    ck_assert_int_eq(age(), 0);
}
END_TEST

START_TEST(a_worker_that_stalls_decides_none_of_its_shards)
{
    for (int i = 0; i < 2; i++) {
        report(0, BACKLOG_STOPPED_MS - 1);
        judge();
    }
    ck_assert(decides());
    report(0, BACKLOG_STOPPED_MS);
    judge();
    ck_assert(!decides());
    ck_assert_int_eq(age(), 0);
    report(0, 0);
    judge();
    ck_assert(decides());
    report(0, BACKLOG_STOPPED_MS);
    judge();
    look_at_depth(LONG_MS, 0, 1); /* another worker may have the shard */
    ck_assert(decides());
}
END_TEST

START_TEST(a_judgement_is_void_while_nobody_looks)
{
    look_owned(2000, WALL_MS - 100000);
    ck_assert(backlog_overdue(&backlog, SHARD, MAX_S, &now));
    pass(FRESH_MS - BACKLOG_LOOK_MS);
    ck_assert(backlog_overdue(&backlog, SHARD, MAX_S, &now));
    pass(1);
    ck_assert_int_eq(age(), -1);
    ck_assert(decides());
    ck_assert(!backlog_overdue(&backlog, SHARD, MAX_S, &now));
}
END_TEST

START_TEST(a_depth_seen_again_after_a_gap_ages_from_the_next_look)
{
    look_at_depth(20000, 3, 0);
    ck_assert_int_eq(age(), 19000);
    pass(FRESH_MS + 1); /* Redis was away */
    look_at_depth(2000, 3, 0);
    ck_assert_int_le(age(), TWO_LOOKS_MS);
    ck_assert(decides());
}
END_TEST

START_TEST(a_look_just_in_time_keeps_the_age)
{
    look_at_depth(20000, 3, 0);
    pass(FRESH_MS - BACKLOG_LOOK_MS);
    depth(3, 0);
    backlog_judge(&backlog, &now);
    ck_assert_int_eq(age(), 19000 + FRESH_MS - BACKLOG_LOOK_MS);
}
END_TEST

/* In memory of exactly its size, so that AddressSanitizer sees an access beyond. */
START_TEST(the_last_shard_is_judged)
{
    struct backlog *largest = calloc(1, sizeof(*largest));
    ck_assert_ptr_nonnull(largest);
    backlog_begin(largest, TOPOLOGY_SHARDS_MAX, POLL_MS);
    for (int64_t i = 0; i < 2; i++) {
        const struct shards_report written = {.at_ms = i, .oldest_ms = now.wall_ms};
        backlog_report(largest, TOPOLOGY_SHARDS_MAX - 1, &written, now.mono_ms);
        backlog_judge(largest, &now);
        pass(1);
    }
    ck_assert_int_eq(backlog_summary(largest, MAX_S, &now).oldest_ms, 1);
    free(largest);
}
END_TEST

START_TEST(bids_are_overdue_beyond_the_setting)
{
    look_owned(2000, WALL_MS + 2000 - MAX_MS);
    ck_assert_int_eq(age(), MAX_MS);
    ck_assert(!backlog_overdue(&backlog, SHARD, MAX_S, &now));
    pass(1);
    ck_assert(backlog_overdue(&backlog, SHARD, MAX_S, &now));
    ck_assert(!backlog_overdue(&backlog, SHARD, 0, &now)); /* switched off */
    ck_assert(backlog_overdue(&backlog, SHARD, 1, &now));
    ck_assert(!backlog_overdue(&backlog, 0, MAX_S, &now)); /* the other shard */
}
END_TEST

START_TEST(a_summary_counts_each_shard_for_itself)
{
    const struct shards_report idle = {.worker = 8, .at_ms = 1};
    struct backlog_summary summary;
    for (int i = 0; i < 6; i++) {
        struct shards_report other = idle;
        other.at_ms += i;
        backlog_report(&backlog, 0, &other, now.mono_ms);
        backlog_report(&backlog, SHARDS, &other, now.mono_ms); /* no such shard */
        report(WALL_MS - 100000, 0);
        judge();
    }
    summary = backlog_summary(&backlog, MAX_S, &now);
    ck_assert_uint_eq(summary.stopped, 1);
    ck_assert_uint_eq(summary.overdue, 1);
    ck_assert_int_eq(summary.oldest_ms, 106000);
    ck_assert(backlog_decides(&backlog, 0, &now));
    for (int i = 0; i < 6; i++) {
        const struct shards_report stalled = {.at_ms = now.wall_ms, .stalled_ms = BACKLOG_STOPPED_MS};
        backlog_report(&backlog, 0, &stalled, now.mono_ms);
        report(0, 0);
        judge();
    }
    summary = backlog_summary(&backlog, MAX_S, &now);
    ck_assert_uint_eq(summary.stopped, 1);
    ck_assert_uint_eq(summary.overdue, 0);
    ck_assert_int_eq(summary.oldest_ms, 0);
}
END_TEST

/* --- auctions that are set aside --- */

enum { LOCKED = 3 };

/* A fresh report that names auctions 1 to LOCKED, whose oldest bids wait since then. */
static void report_locked(int64_t oldest_ms)
{
    struct shards_report written = {.worker = 7, .locked_count = LOCKED};
    for (size_t i = 0; i < SHARDS_LOCKED_MAX; i++) { /* those beyond the count are ignored */
        written.locked[i].auction_id.bytes[0] = (unsigned char)(i + 1);
        written.locked[i].oldest_ms = oldest_ms;
    }
    for (int i = 0; i < 2; i++) { /* the first sight proves nothing */
        written.at_ms = now.wall_ms;
        backlog_report(&backlog, SHARD, &written, now.mono_ms);
        judge();
    }
}

static bool auction_overdue(unsigned shard, int number, int max_s)
{
    const struct uuid auction = {.bytes = {(uint8_t)number}};
    return backlog_auction_overdue(&backlog, shard, &auction, max_s, &now);
}

START_TEST(an_auction_set_aside_counts_for_itself_alone)
{
    int64_t oldest_ms = now.wall_ms - MAX_S * INT64_C(1000);
    report_locked(oldest_ms);
    now.wall_ms = oldest_ms + MAX_S * INT64_C(1000);
    ck_assert(!auction_overdue(SHARD, 1, MAX_S));
    now.wall_ms++;
    for (int number = 1; number <= LOCKED; number++) {
        ck_assert(auction_overdue(SHARD, number, MAX_S));
    }
    ck_assert(!auction_overdue(SHARD, LOCKED + 1, MAX_S));
    ck_assert(!auction_overdue(SHARD, 1, 0));
    ck_assert(!auction_overdue(SHARD == 0 ? 1 : 0, 1, MAX_S));
    ck_assert(!auction_overdue(SHARDS, 1, MAX_S));
    ck_assert(!backlog_overdue(&backlog, SHARD, MAX_S, &now));
    ck_assert(backlog_decides(&backlog, SHARD, &now));
    ck_assert_int_eq(backlog_age_ms(&backlog, SHARD, &now), 0);
}
END_TEST

/* ---- nothing is undecided ---- */

/* Looks at both shards, of which SHARD differs. */
static void look_at_all(const struct shards_report *reported, const struct shards_depth *measured)
{
    for (int look = 0; look < 3; look++) {
        for (unsigned shard = 0; shard < SHARDS; shard++) {
            struct shards_report owner = {.worker = 7};
            struct shards_depth queue = {.consumers = 1};
            if (shard == SHARD) {
                owner = *reported;
                queue = *measured;
            }
            owner.at_ms = now.wall_ms + SKEW_MS;
            queue.at_ms = owner.at_ms;
            backlog_report(&backlog, shard, &owner, now.mono_ms);
            backlog_depth(&backlog, shard, &queue, now.mono_ms);
        }
        judge();
    }
}

START_TEST(only_a_report_and_a_depth_of_each_shard_show_that_nothing_is_undecided)
{
    static const struct shards_report holds_none = {.worker = 7};
    static const struct shards_report holds_one = {.worker = 7, .oldest_ms = 1};
    static const struct shards_report set_one_aside = {.worker = 7, .locked_count = 1};
    static const struct shards_depth empty = {.consumers = 1};
    static const struct shards_depth one = {.ready = 1, .consumers = 1};
    static const struct shards_depth without_consumer = {.ready = 0};
    static const struct {
        const struct shards_report *report;
        const struct shards_depth *depth;
        bool is_empty;
    } cases[] = {
        {&holds_none, &empty, true},
        {&holds_one, &empty, false},
        {&set_one_aside, &empty, false},
        {&holds_none, &one, false},
        {&holds_none, &without_consumer, false},
    };
    backlog = (struct backlog){.shards = 0}; /* before the number of shards is known */
    ck_assert(!backlog_is_empty(&backlog, &now));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set();
        ck_assert(!backlog_is_empty(&backlog, &now));
        look_at_all(cases[i].report, cases[i].depth);
        ck_assert_msg(backlog_is_empty(&backlog, &now) == cases[i].is_empty, "case %zu", i);
    }
    set();
    look_at_all(&holds_none, &empty);
    look_owned(FRESH_MS, 0); /* the depth is stale now */
    ck_assert(!backlog_is_empty(&backlog, &now));
    set();
    look_at_all(&holds_none, &empty);
    look_at_depth(FRESH_MS, 0, 1); /* the report is */
    ck_assert(!backlog_is_empty(&backlog, &now));
    set();
    look_at_all(&holds_none, &empty);
    pass(FRESH_MS); /* nobody looks */
    ck_assert(!backlog_is_empty(&backlog, &now));
}
END_TEST

START_TEST(an_auction_set_aside_without_a_time_of_receipt_refuses_nothing)
{
    report_locked(0);
    ck_assert(!auction_overdue(SHARD, 1, MAX_S));
}
END_TEST

/* The depth of the queue is fresh, the report that names the auction is not. */
/* The least times that mean something: just after the machine's start, and just after 1970. */
START_TEST(one_is_a_time_and_zero_is_none)
{
    now = (struct backlog_clock){.wall_ms = 0, .mono_ms = 0};
    report(1, 0);
    judge();
    now = (struct backlog_clock){.wall_ms = 1, .mono_ms = 1};
    backlog_judge(&backlog, &now);
    ck_assert_int_eq(age(), -1); /* the first sight proves nothing */
    report(1, 0);
    depth(0, 0);
    backlog_judge(&backlog, &now);
    now = (struct backlog_clock){.wall_ms = 2, .mono_ms = 2};
    ck_assert_int_eq(age(), 1);
    report_locked(1);
    now.wall_ms = 2 + MAX_MS;
    ck_assert(auction_overdue(SHARD, 1, MAX_S));
}
END_TEST

START_TEST(a_stale_report_of_an_auction_refuses_nothing)
{
    report_locked(now.wall_ms - INT64_C(2000) * MAX_S);
    ck_assert(auction_overdue(SHARD, 1, MAX_S));
    for (int64_t passed_ms = 0; passed_ms <= backlog.fresh_ms; passed_ms += BACKLOG_LOOK_MS) {
        depth(0, 1);
        judge();
    }
    ck_assert_int_eq(backlog_age_ms(&backlog, SHARD, &now), 0);
    ck_assert(!auction_overdue(SHARD, 1, MAX_S));
}
END_TEST

static Suite *backlog_suite(void)
{
    const TTest *const tests[] = {
        nothing_known_refuses_and_degrades_nothing,
        a_report_seen_once_proves_nothing,
        a_fresh_report_says_since_when_the_oldest_bid_waits,
        a_shard_decides_while_its_oldest_bid_changes,
        a_shard_has_stopped_when_its_oldest_bid_stays,
        a_report_is_stale_without_renewal,
        shards_beyond_the_last_are_ignored,
        the_clocks_are_those_of_receipt_and_of_durations,
        a_depth_without_a_report_ages_from_the_first_look,
        a_depth_that_falls_ages_anew,
        a_depth_at_a_worker_that_holds_nothing_ages_too,
        the_age_outlives_the_worker_that_reported_it,
        an_empty_queue_without_a_report_is_not_late,
        a_queue_without_consumers_is_not_decided,
        a_queue_without_a_leader_is_no_empty_queue,
        a_queue_with_a_consumer_is_empty_at_once_also_on_a_machine_that_has_just_booted,
        a_worker_that_stalls_decides_none_of_its_shards,
        a_judgement_is_void_while_nobody_looks,
        a_depth_seen_again_after_a_gap_ages_from_the_next_look,
        a_look_just_in_time_keeps_the_age,
        the_last_shard_is_judged,
        bids_are_overdue_beyond_the_setting,
        a_summary_counts_each_shard_for_itself,
        an_auction_set_aside_counts_for_itself_alone,
        an_auction_set_aside_without_a_time_of_receipt_refuses_nothing,
        one_is_a_time_and_zero_is_none,
        only_a_report_and_a_depth_of_each_shard_show_that_nothing_is_undecided,
        a_stale_report_of_an_auction_refuses_nothing,
    };
    Suite *suite = suite_create("gateway_backlog");
    TCase *tcase = tcase_create("backlog");
    tcase_add_checked_fixture(tcase, set, NULL);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(backlog_suite());
}
