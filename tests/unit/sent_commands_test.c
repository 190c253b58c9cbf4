/*
 * endworker/sent_commands: when the scheduler may send a command again.
 */
#include <check.h>
#include <string.h>

#include "common/protocol/message.h"
#include "endworker/sent_commands.h"
#include "tests/support/suite.h"

enum { REPEAT_MS = 100 };

static struct sent *sent;
static struct uuid auction;

static void set_up(void)
{
    sent = sent_new(REPEAT_MS);
    ck_assert_ptr_nonnull(sent);
    auction = uuid_new();
}

static void tear_down(void)
{
    sent_free(sent);
}

static enum sent_answer ask(int64_t due_ms, int64_t mono_ms)
{
    return sent_ask(sent, COMMAND_FENCE, &auction, due_ms, mono_ms);
}

static void note(int64_t mono_ms)
{
    sent_note(sent, COMMAND_FENCE, &auction, mono_ms);
}

START_TEST(a_repetition_is_due_after_a_distance_that_doubles_up_to_a_bound)
{
    int64_t now_ms = 5000;
    int64_t factor = 1;
    ck_assert_int_eq(ask(1, now_ms), SENT_DUE);
    for (int i = 0; i < 8; i++) {
        note(now_ms);
        ck_assert_int_eq(ask(1, now_ms + factor * REPEAT_MS - 1), SENT_EARLY);
        ck_assert_int_eq(ask(1, now_ms + factor * REPEAT_MS), SENT_DUE);
        now_ms += factor * REPEAT_MS;
        factor = factor < SENT_BACK_OFF_MAX ? factor * 2 : factor;
    }
}
END_TEST

START_TEST(a_command_that_was_not_sent_stays_due)
{
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
}
END_TEST

START_TEST(a_new_due_time_is_due_at_once)
{
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
    note(0);
    ck_assert_int_eq(ask(1, 1), SENT_EARLY);
    ck_assert_int_eq(ask(2, 1), SENT_DUE);
}
END_TEST

START_TEST(a_new_due_time_restarts_the_distance)
{
    for (int i = 0; i < 4; i++) {
        ck_assert(ask(1, 0) != SENT_FULL);
        note(0);
    }
    ck_assert_int_eq(ask(2, 1), SENT_DUE);
    note(1);
    ck_assert_int_eq(ask(2, REPEAT_MS), SENT_EARLY);
    ck_assert_int_eq(ask(2, REPEAT_MS + 1), SENT_DUE);
}
END_TEST

START_TEST(an_unconfirmed_command_is_due_after_one_distance)
{
    for (int i = 0; i < 4; i++) {
        ck_assert(ask(1, 0) != SENT_FULL);
        note(0);
    }
    sent_failed(sent, COMMAND_FENCE, &auction, 0);
    ck_assert_int_eq(ask(1, REPEAT_MS - 1), SENT_EARLY);
    ck_assert_int_eq(ask(1, REPEAT_MS), SENT_DUE);
    note(REPEAT_MS);
    ck_assert_int_eq(ask(1, 3 * (int64_t)REPEAT_MS - 1), SENT_EARLY);
    ck_assert_int_eq(ask(1, 3 * (int64_t)REPEAT_MS), SENT_DUE);
}
END_TEST

START_TEST(a_start_and_a_fence_are_counted_separately)
{
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
    note(0);
    ck_assert_int_eq(sent_ask(sent, COMMAND_START, &auction, 1, 0), SENT_DUE);
    ck_assert_int_eq(ask(1, 0), SENT_EARLY);
}
END_TEST

START_TEST(an_entry_unused_for_a_whole_cycle_is_removed)
{
    struct uuid other = uuid_new();
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
    note(0);
    ck_assert_int_eq(sent_ask(sent, COMMAND_FENCE, &other, 1, 0), SENT_DUE);
    sent_end_cycle(sent);
    ck_assert_uint_eq(sent_count(sent), 2);
    ck_assert_int_eq(sent_ask(sent, COMMAND_FENCE, &other, 1, 0), SENT_DUE);
    sent_end_cycle(sent);
    ck_assert_uint_eq(sent_count(sent), 1);
    ck_assert_int_eq(ask(1, 1), SENT_DUE);
}
END_TEST

START_TEST(the_last_unused_entry_is_removed)
{
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
    sent_end_cycle(sent);
    ck_assert_uint_eq(sent_count(sent), 1);
    sent_end_cycle(sent);
    ck_assert_uint_eq(sent_count(sent), 0);
}
END_TEST

START_TEST(an_entry_in_use_keeps_its_distance_after_a_cycle)
{
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
    note(0);
    sent_end_cycle(sent);
    ck_assert_int_eq(ask(1, REPEAT_MS - 1), SENT_EARLY);
    ck_assert_int_eq(ask(1, REPEAT_MS), SENT_DUE);
}
END_TEST

/* Every second slot is then in use, the first one too, so that each further id has a neighbour that is free. */
START_TEST(a_full_table_finds_and_keeps_every_entry)
{
    struct uuid id = {{0}};
    for (uint32_t i = 0; i <= SENT_MAX; i++) {
        uint32_t hash = 2 * i - (uint32_t)COMMAND_FENCE;
        memcpy(id.bytes + 12, &hash, sizeof(hash));
        ck_assert_int_eq(sent_ask(sent, COMMAND_FENCE, &id, 1, 0), i < SENT_MAX ? SENT_DUE : SENT_FULL);
    }
    sent_end_cycle(sent);
    ck_assert_uint_eq(sent_count(sent), SENT_MAX);
}
END_TEST

START_TEST(the_table_is_bounded_and_frees_its_slots)
{
    for (int i = 0; i < SENT_MAX; i++) {
        struct uuid id = uuid_new();
        ck_assert_int_eq(sent_ask(sent, COMMAND_FENCE, &id, 1, 0), SENT_DUE);
        sent_note(sent, COMMAND_FENCE, &id, 0);
    }
    ck_assert_int_eq(ask(1, 0), SENT_FULL);
    sent_failed(sent, COMMAND_FENCE, &auction, 0); /* unknown: no effect */
    ck_assert_uint_eq(sent_count(sent), SENT_MAX);
    sent_end_cycle(sent);
    sent_end_cycle(sent);
    ck_assert_uint_eq(sent_count(sent), 0);
    ck_assert_int_eq(ask(1, 0), SENT_DUE);
}
END_TEST

static Suite *sent_suite(void)
{
    Suite *suite = suite_create("sent");
    TCase *tests = tcase_create("sent");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_repetition_is_due_after_a_distance_that_doubles_up_to_a_bound);
    tcase_add_test(tests, a_command_that_was_not_sent_stays_due);
    tcase_add_test(tests, a_new_due_time_is_due_at_once);
    tcase_add_test(tests, a_new_due_time_restarts_the_distance);
    tcase_add_test(tests, an_unconfirmed_command_is_due_after_one_distance);
    tcase_add_test(tests, a_start_and_a_fence_are_counted_separately);
    tcase_add_test(tests, an_entry_unused_for_a_whole_cycle_is_removed);
    tcase_add_test(tests, the_last_unused_entry_is_removed);
    tcase_add_test(tests, an_entry_in_use_keeps_its_distance_after_a_cycle);
    tcase_add_test(tests, a_full_table_finds_and_keeps_every_entry);
    tcase_add_test(tests, the_table_is_bounded_and_frees_its_slots);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(sent_suite());
}
