/*
 * The bookkeeping of a batch, and the outbox rows made from a decided batch. No command is decided here: the tests set
 * entries, events and outcomes by hand.
 */
#include <stdlib.h>
#include <string.h>

#include "common/protocol/topology.h"
#include "tests/support/batch.h"
#include "tests/support/suite.h"

enum { ROOM = 8, MANY_EVENTS = 4001, PART = 2000 };

static struct batch *batch;
static struct command commands[ROOM];
static struct outbox_batch outbox_batch;
static const struct uuid first_auction = {{1}};
static const struct uuid second_auction = {{2}};

static void set_up(void)
{
    batch = batch_new(ROOM);
    ck_assert_ptr_nonnull(batch);
    outbox_batch = (struct outbox_batch){0};
}

static void tear_down(void)
{
    outbox_batch_free(&outbox_batch);
    batch_free(batch);
}

static struct batch_entry *add(enum command_kind kind, struct uuid auction, uint8_t id)
{
    struct command *command = &commands[batch->work.count];
    *command = (struct command){.kind = kind, .id = {{id}}, .auction_id = auction, .user_id = {{9}}, .amount = id};
    return batch_add(batch, NULL, command);
}

/* --- the batch --- */

START_TEST(a_new_entry_is_trusted_and_undecided)
{
    struct shard_reader_message *message =
        (struct shard_reader_message *)(void *)&outbox_batch; /* stored only, never read */
    static const struct command command;
    struct batch_entry *entry = batch_add(batch, message, &command);
    ck_assert_ptr_eq(entry, &batch->entries[0]);
    ck_assert_ptr_eq(entry->work->message, message);
    ck_assert_ptr_eq(entry->command, &command);
    ck_assert_int_eq(entry->work->quarantine, WORK_TRUSTED);
    ck_assert_int_eq(entry->work->outcome, WORK_UNDECIDED);
    ck_assert_uint_eq(batch->work.count, 1);
    ck_assert_uint_eq(batch->work.max, ROOM);
}
END_TEST

START_TEST(commands_are_grouped_by_auction_in_their_order)
{
    static const size_t order[] = {1, 3, 4, 0, 5};
    (void)add(COMMAND_BID, second_auction, 7);
    (void)add(COMMAND_BID, first_auction, 9);
    (void)add(COMMAND_BID, (struct uuid){{0}}, 1); /* undecodable */
    (void)add(COMMAND_BID, first_auction, 5);
    (void)add(COMMAND_BID, first_auction, 3);
    (void)add(COMMAND_BID, second_auction, 2);
    batch_prepare(batch);
    ck_assert_uint_eq(batch->work.ordered, ARRAY_LEN(order));
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        ck_assert_uint_eq(batch->work.order[i], order[i]);
    }
    ck_assert_uint_eq(batch->auction_count, 2);
    ck_assert(uuid_equal(&batch->auctions[0].id, &first_auction));
    ck_assert_uint_eq(batch->auctions[0].first, 0);
    ck_assert_uint_eq(batch->auctions[0].count, 3);
    ck_assert(uuid_equal(&batch->auctions[1].id, &second_auction));
    ck_assert_uint_eq(batch->auctions[1].first, 3);
    ck_assert_uint_eq(batch->auctions[1].count, 2);
    ck_assert(!batch->auctions[0].voiding && !batch->auctions[0].found && !batch->auctions[0].broken);
}
END_TEST

START_TEST(a_duplicate_refers_to_the_first_command_with_its_id)
{
    static const size_t first_of_id[] = {0, 1, 0, 3, 0, 5, 1, 3};
    (void)add(COMMAND_BID, first_auction, 1);
    (void)add(COMMAND_BID, first_auction, 2);
    (void)add(COMMAND_BID, first_auction, 1);
    (void)add(COMMAND_BID, second_auction, 1);
    (void)add(COMMAND_BID, first_auction, 1);
    (void)add(COMMAND_BID, second_auction, 2);
    (void)add(COMMAND_BID, first_auction, 2);
    (void)add(COMMAND_BID, second_auction, 1);
    batch_prepare(batch);
    for (size_t i = 0; i < ROOM; i++) {
        ck_assert_uint_eq(batch->work.entries[i].first_of_id, first_of_id[i]);
    }
}
END_TEST

START_TEST(only_a_void_or_a_retraction_loads_the_bids)
{
    static const enum command_kind kinds[] = {COMMAND_VOID, COMMAND_RETRACT, COMMAND_BID};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        batch_clear(batch);
        (void)add(COMMAND_BID, first_auction, 1);
        (void)add(kinds[i], second_auction, 2);
        (void)add(COMMAND_BID, second_auction, 3);
        batch_prepare(batch);
        ck_assert(!batch->auctions[0].voiding);
        ck_assert_int_eq(batch->auctions[1].voiding, kinds[i] != COMMAND_BID);
    }
}
END_TEST

START_TEST(an_auction_of_the_batch_is_found_by_its_id)
{
    static const struct uuid unknown = {{3}};
    (void)add(COMMAND_BID, second_auction, 1);
    (void)add(COMMAND_BID, first_auction, 2);
    batch_prepare(batch);
    ck_assert_ptr_eq(batch_find_auction(batch, &first_auction), &batch->auctions[0]);
    ck_assert_ptr_eq(batch_find_auction(batch, &second_auction), &batch->auctions[1]);
    ck_assert_ptr_null(batch_find_auction(batch, &unknown));
}
END_TEST

/* Sets every field that a failed transaction may have loaded and decided. */
static void fill(void)
{
    struct rules_terms *terms = NULL;
    add(COMMAND_UPDATE, first_auction, 1)->work->banned = true;
    (void)add(COMMAND_VOID, second_auction, 2);
    batch_prepare(batch);
    terms = batch_add_terms(batch);
    terms->starting_price = 1;
    batch->entries[0].terms = terms;
    batch->entries[0].work->outcome = WORK_DECIDED;
    batch->work.entries[1].first_of_id = 0;
    batch_add_row(batch)->seq = 1;
    batch_add_event(batch)->amount = 1;
    batch->work.locked = 1;
    ck_assert(voids_reserve(&batch->auctions[1].voids, 1));
}

static void expect_nothing_decided(void)
{
    ck_assert_uint_eq(batch->row_count, 0);
    ck_assert_uint_eq(batch->terms_count, 0);
    ck_assert_uint_eq(batch->event_count, 0);
    ck_assert_uint_eq(batch->work.locked, 0);
}

START_TEST(preparing_again_clears_decisions)
{
    fill();
    batch->work.entries[0].banned = true;
    work_keep(&batch->work, 1);
    batch_prepare(batch);
    expect_nothing_decided();
    ck_assert_uint_eq(batch->work.count, 1);
    ck_assert_uint_eq(batch->work.ordered, 1);
    ck_assert_uint_eq(batch->auction_count, 1);
    ck_assert_int_eq(batch->entries[0].work->outcome, WORK_UNDECIDED);
    ck_assert(!batch->work.entries[0].banned);
    ck_assert_ptr_null(batch->entries[0].terms);
}
END_TEST

START_TEST(a_cleared_batch_is_empty)
{
    fill();
    batch_clear(batch);
    expect_nothing_decided();
    ck_assert_uint_eq(batch->work.count, 0);
    ck_assert_uint_eq(batch->work.ordered, 0);
    ck_assert_uint_eq(batch->auction_count, 0);
}
END_TEST

START_TEST(rows_terms_and_events_are_added_empty)
{
    fill();
    batch_clear(batch);
    ck_assert_int_eq(batch_add_row(batch)->seq, 0);
    ck_assert_int_eq(batch_add_terms(batch)->starting_price, 0);
    ck_assert_int_eq(batch_add_event(batch)->amount, 0);
    ck_assert_ptr_eq(batch_add_row(batch), &batch->rows[1]);
    ck_assert_ptr_eq(batch_add_terms(batch), &batch->terms[1]);
    ck_assert_ptr_eq(batch_add_event(batch), &batch->events[1]);
}
END_TEST

START_TEST(a_full_batch_has_room_for_all_its_rows_and_events)
{
    for (size_t i = 0; i < ROOM; i++) {
        (void)add(COMMAND_FENCE, first_auction, (uint8_t)i);
        memset(batch_add_row(batch), 1, sizeof *batch->rows);
        memset(batch_add_row(batch), 1, sizeof *batch->rows);
        memset(batch_add_terms(batch), 1, sizeof *batch->terms);
        for (size_t k = 0; k < 3; k++) {
            memset(batch_add_event(batch), 1, sizeof *batch->events);
        }
    }
    ck_assert_uint_eq(batch->work.count, ROOM);
    ck_assert_uint_eq(batch->row_count, (size_t)2 * ROOM);
    ck_assert_uint_eq(batch->event_count, (size_t)3 * ROOM);
}
END_TEST

/* --- outbox rows --- */

static void add_event(enum event_kind kind, int64_t amount)
{
    struct auction_event *event = batch_add_event(batch);
    event->kind = kind;
    event->auction_id = first_auction;
    event->amount = amount;
}

/* Reads the events of an outbox row and compares their amounts. */
static void expect_events(size_t index, const char *key, enum event_kind kind, const int64_t *amounts, size_t count)
{
    static struct auction_event read[MESSAGE_EVENTS_MAX];
    const struct outbox_row *row = &outbox_batch.rows[index];
    const char *reason = NULL;
    size_t found = 0;
    ck_assert_uint_gt(outbox_batch.count, index);
    ck_assert_str_eq(row->exchange, TOPOLOGY_EVENTS_EXCHANGE);
    ck_assert_str_eq(row->routing_key, key);
    ck_assert_ptr_null(row->reason);
    ck_assert_ptr_eq(row->body, outbox_batch.bodies[index]);
    ck_assert(message_read_events(row->body, strlen(row->body), read, MESSAGE_EVENTS_MAX, &found, &reason));
    ck_assert_uint_eq(found, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(read[i].kind, kind);
        ck_assert_int_eq(read[i].amount, amounts[i]);
    }
}

START_TEST(a_batch_without_decisions_makes_no_outbox_row)
{
    (void)add(COMMAND_BID, first_auction, 1);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 0);
}
END_TEST

START_TEST(one_event_makes_one_outbox_row)
{
    add_event(EVENT_OUTBID, 1);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 1);
    expect_events(0, TOPOLOGY_KEY_BATCH, EVENT_OUTBID, (const int64_t[]){1}, 1);
}
END_TEST

START_TEST(ended_events_have_an_outbox_row_of_their_own)
{
    add_event(EVENT_ENDED, 1);
    add_event(EVENT_OUTBID, 2);
    add_event(EVENT_ENDED, 3);
    add_event(EVENT_OUTBID, 4);
    add_event(EVENT_OUTBID, 5);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 2);
    expect_events(0, TOPOLOGY_KEY_BATCH, EVENT_OUTBID, (const int64_t[]){2, 4, 5}, 3);
    expect_events(1, TOPOLOGY_KEY_ENDED, EVENT_ENDED, (const int64_t[]){3, 1}, 2);
}
END_TEST

START_TEST(ended_events_alone_make_one_outbox_row)
{
    add_event(EVENT_ENDED, 1);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 1);
    expect_events(0, TOPOLOGY_KEY_ENDED, EVENT_ENDED, (const int64_t[]){1}, 1);
}
END_TEST

START_TEST(many_events_are_split_into_several_outbox_rows)
{
    static int64_t amounts[MANY_EVENTS];
    batch_free(batch);
    batch = batch_new(MANY_EVENTS);
    ck_assert_ptr_nonnull(batch);
    for (size_t i = 0; i < MANY_EVENTS; i++) {
        amounts[i] = (int64_t)i + 1;
        add_event(EVENT_OUTBID, amounts[i]);
    }
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 3);
    expect_events(0, TOPOLOGY_KEY_BATCH, EVENT_OUTBID, amounts, PART);
    expect_events(1, TOPOLOGY_KEY_BATCH, EVENT_OUTBID, amounts + PART, PART);
    expect_events(2, TOPOLOGY_KEY_BATCH, EVENT_OUTBID, amounts + (size_t)2 * PART, MANY_EVENTS - 2 * PART);
}
END_TEST

START_TEST(a_full_message_is_not_followed_by_an_empty_one)
{
    batch_free(batch);
    batch = batch_new(PART);
    ck_assert_ptr_nonnull(batch);
    for (size_t i = 0; i < PART; i++) {
        add_event(EVENT_OUTBID, 1);
    }
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 1);
}
END_TEST

static void expect_dead(size_t index, const char *body)
{
    const struct outbox_row *row = &outbox_batch.rows[index];
    ck_assert_uint_gt(outbox_batch.count, index);
    ck_assert_str_eq(row->exchange, TOPOLOGY_DEAD_EXCHANGE);
    ck_assert_str_eq(row->routing_key, TOPOLOGY_KEY_DEAD_BIDS);
    ck_assert_str_eq(row->reason, "for a test");
    ck_assert_str_eq(row->body, body);
}

static struct batch_entry *add_doubtful(uint8_t id, enum work_outcome outcome)
{
    struct batch_entry *entry = add(COMMAND_BID, first_auction, id);
    entry->work->quarantine = WORK_POISON;
    entry->work->reason = "for a test";
    entry->work->outcome = outcome;
    return entry;
}

START_TEST(quarantined_commands_are_dead_lettered_when_decided_or_set_aside)
{
    add_doubtful(1, WORK_DECIDED)->work->raw = "decided";
    add_doubtful(2, WORK_ASIDE)->work->raw = "aside";
    add_doubtful(3, WORK_KNOWN)->work->raw = "known";
    add_doubtful(4, WORK_DROPPED)->work->raw = "dropped";
    add(COMMAND_BID, first_auction, 5)->work->outcome = WORK_DECIDED;
    add_event(EVENT_OUTBID, 1);
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 3);
    expect_events(0, TOPOLOGY_KEY_BATCH, EVENT_OUTBID, (const int64_t[]){1}, 1);
    expect_dead(1, "decided");
    expect_dead(2, "aside");
}
END_TEST

START_TEST(an_undecodable_delivery_is_dead_lettered_once)
{
    struct batch_entry *entry = add_doubtful(1, WORK_ASIDE);
    entry->work->command.unreadable = "for a test";
    entry->work->raw = "the delivery";
    add_doubtful(2, WORK_ASIDE)->work->command.unreadable = "for a test";
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, 1);
    expect_dead(0, "the delivery");
}
END_TEST

/* More commands than the first allocation holds. */
START_TEST(a_decodable_command_is_dead_lettered_as_its_own_message)
{
    for (size_t i = 0; i < ROOM; i++) {
        (void)add_doubtful((uint8_t)(i + 1), WORK_DECIDED);
    }
    ck_assert(batch_outbox(&outbox_batch, batch));
    ck_assert_uint_eq(outbox_batch.count, ROOM);
    for (size_t i = 0; i < ROOM; i++) {
        struct command_item items[2];
        size_t count = 0;
        const char *reason = NULL;
        const char *body = outbox_batch.rows[i].body;
        ck_assert(message_read_commands(body, strlen(body), items, ARRAY_LEN(items), &count, &reason));
        ck_assert_uint_eq(count, 1);
        ck_assert(items[0].readable && uuid_equal(&items[0].command.id, &commands[i].id));
        expect_dead(i, body);
    }
}
END_TEST

static Suite *batch_suite(void)
{
    Suite *suite = suite_create("bidworker_batch");
    TCase *tcase = tcase_create("batch");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_new_entry_is_trusted_and_undecided);
    tcase_add_test(tcase, commands_are_grouped_by_auction_in_their_order);
    tcase_add_test(tcase, a_duplicate_refers_to_the_first_command_with_its_id);
    tcase_add_test(tcase, only_a_void_or_a_retraction_loads_the_bids);
    tcase_add_test(tcase, an_auction_of_the_batch_is_found_by_its_id);
    tcase_add_test(tcase, preparing_again_clears_decisions);
    tcase_add_test(tcase, a_cleared_batch_is_empty);
    tcase_add_test(tcase, rows_terms_and_events_are_added_empty);
    tcase_add_test(tcase, a_full_batch_has_room_for_all_its_rows_and_events);
    tcase_add_test(tcase, a_batch_without_decisions_makes_no_outbox_row);
    tcase_add_test(tcase, one_event_makes_one_outbox_row);
    tcase_add_test(tcase, ended_events_have_an_outbox_row_of_their_own);
    tcase_add_test(tcase, ended_events_alone_make_one_outbox_row);
    tcase_add_test(tcase, many_events_are_split_into_several_outbox_rows);
    tcase_add_test(tcase, a_full_message_is_not_followed_by_an_empty_one);
    tcase_add_test(tcase, quarantined_commands_are_dead_lettered_when_decided_or_set_aside);
    tcase_add_test(tcase, an_undecodable_delivery_is_dead_lettered_once);
    tcase_add_test(tcase, a_decodable_command_is_dead_lettered_as_its_own_message);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(batch_suite());
}
