/*
 * The live update of each auction of a batch: its kind, its price and its bids. The tests set rows and events by hand,
 * in the order of decide: auctions by id, rows by auction and seq.
 */
#include "bidworker/live_updates.h"

#include <string.h>

#include "tests/support/suite.h"

enum { ROOM = 30, NOW_MS = 90000, START_MS = 10000, END_MS = 50000 };

static struct batch *batch;
static struct live_update update;
static struct live_updates_cursor cursor;
static const struct uuid before = {{1}}; /* of an auction that does not exist */
static const struct uuid first_id = {{2}};
static const struct uuid second_id = {{3}};

static struct batch_auction *add_auction(struct uuid id)
{
    struct batch_auction *auction = &batch->auctions[batch->auction_count++];
    *auction = (struct batch_auction){
        .id = id,
        .found = true,
        .version = 7,
        .state =
            {
                .starting_price = 100,
                .increments = increments_fixed(50),
                .start_ms = START_MS,
                .end_ms = END_MS,
                .status = RULES_ACTIVE,
                .price = 700,
                .bid_count = 4,
                .has_leader = true,
                .leader_max = 800,
            },
    };
    return auction;
}

static void set_up(void)
{
    batch = batch_new(ROOM);
    ck_assert_ptr_nonnull(batch);
    batch->decided_ms = NOW_MS;
    cursor = (struct live_updates_cursor){0};
    (void)add_auction(first_id);
}

static void tear_down(void)
{
    batch_free(batch);
}

static struct batch_row *add_row(struct uuid auction, const char *kind, const char *status, int64_t amount)
{
    struct batch_row *row = batch_add_row(batch);
    row->auction_id = auction;
    row->seq = (int64_t)batch->row_count;
    row->bid_id = (struct uuid){{7, (uint8_t)batch->row_count}};
    row->bidder_id = (struct uuid){{8, (uint8_t)batch->row_count}};
    row->automatic = strcmp(kind, LEDGER_AUTOMATIC) == 0;
    ck_assert(row->automatic || command_kind_ledger_parse(kind, &row->kind));
    ck_assert(bid_status_parse(status, &row->status));
    row->reason = row->status == BID_REJECTED ? RULES_BID_TOO_LOW : RULES_NONE;
    row->amount = amount;
    return row;
}

static void add_event(struct uuid auction, enum event_kind kind)
{
    struct auction_event *event = batch_add_event(batch);
    event->auction_id = auction;
    event->kind = kind;
}

static void next(size_t index)
{
    live_updates_next(batch, &batch->auctions[index], &cursor, &update);
}

static void again(void)
{
    tear_down();
    set_up();
}

START_TEST(a_bid_is_shown_with_the_new_price)
{
    struct batch_row *row = add_row(first_id, "bid", "accepted", 700);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_BIDS);
    ck_assert(uuid_equal(&update.auction_id, &first_id));
    ck_assert_int_eq(update.version, 7);
    ck_assert_int_eq(update.at_ms, NOW_MS);
    ck_assert_int_eq(update.status, RULES_ACTIVE);
    ck_assert_int_eq(update.end_ms, END_MS);
    ck_assert_int_eq(update.start_ms, START_MS);
    ck_assert(update.priced);
    ck_assert_int_eq(update.current_bid, 700);
    ck_assert_int_eq(update.minimum_bid, 750);
    ck_assert_int_eq(update.bid_count, 4);
    ck_assert_uint_eq(update.bids, 1);
    ck_assert(uuid_equal(&update.newest[0].bid_id, &row->bid_id));
    ck_assert(uuid_equal(&update.newest[0].bidder_id, &row->bidder_id));
    ck_assert_int_eq(update.newest[0].amount, 700);
    ck_assert_int_eq(update.newest[0].at_ms, NOW_MS);
    ck_assert(!update.newest[0].automatic);
}
END_TEST

START_TEST(newest_bids_come_first_and_are_bounded)
{
    for (int i = 0; i < LIVE_BIDS_MAX + 2; i++) {
        (void)add_row(first_id, "bid", "accepted", 100 + i);
    }
    next(0);
    ck_assert_uint_eq(update.bids, LIVE_BIDS_MAX);
    for (int i = 0; i < LIVE_BIDS_MAX; i++) {
        ck_assert_int_eq(update.newest[i].amount, 100 + LIVE_BIDS_MAX + 1 - i);
    }
}
END_TEST

START_TEST(an_automatic_answer_is_an_answer_of_a_maximum)
{
    struct ledger_entry entry;
    ck_assert(live_updates_entry(add_row(first_id, "auto", "accepted", 650), &entry));
    ck_assert(entry.answer && entry.kind == COMMAND_PROXY);
    ck_assert(live_updates_entry(add_row(first_id, "proxy", "accepted", 650), &entry));
    ck_assert(!entry.answer && entry.kind == COMMAND_PROXY);
}
END_TEST

START_TEST(only_an_outbid_maximum_is_shown)
{
    add_row(first_id, "proxy", "accepted", 300)->max_amount = 900;
    add_row(first_id, "proxy", "outbid", 400)->max_amount = 500;
    (void)add_row(first_id, "bid", "outbid", 600);
    (void)add_row(first_id, "auto", "accepted", 650);
    next(0);
    ck_assert_uint_eq(update.bids, 4);
    ck_assert_int_eq(update.newest[3].amount, 300);
    ck_assert_int_eq(update.newest[2].amount, 500);
    ck_assert_int_eq(update.newest[1].amount, 600);
    ck_assert_int_eq(update.newest[0].amount, 650);
    ck_assert(update.newest[3].automatic && update.newest[2].automatic && update.newest[0].automatic);
    ck_assert(!update.newest[1].automatic);
}
END_TEST

START_TEST(a_raise_is_not_shown_as_a_bid)
{
    add_row(first_id, "proxy", "accepted", 700)->raise = true;
    next(0);
    ck_assert_int_eq(update.kind, LIVE_BIDS);
    ck_assert_uint_eq(update.bids, 0);
}
END_TEST

START_TEST(accepted_and_outbid_bids_with_an_amount_are_public)
{
    static const struct {
        const char *kind;
        const char *status;
        int64_t amount;
        bool shown;
    } cases[] = {{"bid", "accepted", 1, true},   {"proxy", "accepted", 1, true},     {"auto", "accepted", 1, true},
                 {"buy", "accepted", 1, true},   {"bid", "outbid", 1, true},         {"bid", "rejected", 1, false},
                 {"bid", "accepted", 0, false},  {"withdraw", "accepted", 1, false}, {"end", "accepted", 1, false},
                 {"start", "accepted", 1, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ledger_entry entry;
        struct batch_row *row = NULL;
        again();
        row = add_row(first_id, cases[i].kind, cases[i].status, cases[i].amount);
        ck_assert_msg(live_updates_entry(row, &entry) == cases[i].shown, "case %zu", i);
        next(0);
        ck_assert_uint_eq(update.bids, cases[i].shown ? 1 : 0);
    }
}
END_TEST

START_TEST(a_withdrawal_sends_bids_and_a_rejected_command_sends_updated)
{
    (void)add_row(first_id, "withdraw", "accepted", 0);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_BIDS);
    again();
    (void)add_row(first_id, "withdraw", "rejected", 0);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_UPDATED);
    again();
    (void)add_row(first_id, "bid", "rejected", 10);
    (void)add_row(first_id, "extend", "accepted", 0);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_UPDATED);
    ck_assert_uint_eq(update.bids, 0);
}
END_TEST

START_TEST(an_event_sets_the_kind_of_its_update)
{
    static const struct {
        enum event_kind event;
        enum live_kind kind;
    } cases[] = {
        {EVENT_STARTED, LIVE_STARTED},     {EVENT_EXTENDED, LIVE_EXTENDED}, {EVENT_ENDED, LIVE_ENDED},
        {EVENT_CANCELLED, LIVE_CANCELLED}, {EVENT_OUTBID, LIVE_BIDS},       {EVENT_PROXY_EXHAUSTED, LIVE_BIDS},
        {EVENT_VOIDED, LIVE_BIDS},         {EVENT_ENDING_SOON, LIVE_BIDS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        again();
        (void)add_row(first_id, "bid", "accepted", 100);
        add_event(first_id, cases[i].event);
        next(0);
        ck_assert_int_eq(update.kind, cases[i].kind);
    }
}
END_TEST

START_TEST(the_status_decides_between_sold_and_unsold)
{
    static const struct {
        enum rules_status status;
        enum live_kind kind;
        const char *text;
    } cases[] = {{RULES_SOLD, LIVE_SOLD, "sold"}, {RULES_UNSOLD, LIVE_UNSOLD, "unsold"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        again();
        batch->auctions[0].state.status = cases[i].status;
        (void)add_row(first_id, "void", "accepted", 0);
        add_event(first_id, EVENT_SETTLED);
        next(0);
        ck_assert_int_eq(update.kind, cases[i].kind);
        ck_assert_int_eq(update.status, cases[i].status);
    }
}
END_TEST

START_TEST(of_several_events_the_most_important_sets_the_kind)
{
    (void)add_row(first_id, "bid", "accepted", 100);
    add_event(first_id, EVENT_STARTED);
    add_event(first_id, EVENT_ENDED);
    add_event(first_id, EVENT_OUTBID);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_ENDED);
}
END_TEST

START_TEST(each_auction_gets_its_own_rows_and_events)
{
    struct batch_row *row = NULL;
    add_auction(second_id)->version = 9;
    (void)add_row(before, "bid", "rejected", 5);
    (void)add_row(before, "bid", "rejected", 6);
    (void)add_row(first_id, "bid", "accepted", 100);
    (void)add_row(first_id, "bid", "accepted", 200);
    row = add_row(second_id, "bid", "accepted", 300);
    add_event(first_id, EVENT_OUTBID);
    add_event(second_id, EVENT_EXTENDED);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_BIDS);
    ck_assert_uint_eq(update.bids, 2);
    ck_assert_int_eq(update.newest[0].amount, 200);
    ck_assert_int_eq(update.newest[1].amount, 100);
    next(1);
    ck_assert_int_eq(update.kind, LIVE_EXTENDED);
    ck_assert(uuid_equal(&update.auction_id, &second_id));
    ck_assert_int_eq(update.version, 9);
    ck_assert_uint_eq(update.bids, 1);
    ck_assert(uuid_equal(&update.newest[0].bid_id, &row->bid_id));
    ck_assert_uint_eq(cursor.row, batch->row_count);
    ck_assert_uint_eq(cursor.event, batch->event_count);
}
END_TEST

START_TEST(updates_voids_and_redeliveries_send_look)
{
    next(0); /* no rows: redelivered */
    ck_assert_int_eq(update.kind, LIVE_LOOK);
    again();
    (void)add_row(first_id, "bid", "accepted", 100);
    (void)add_row(first_id, "update", "accepted", 0);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_LOOK);
    ck_assert_uint_eq(update.bids, 0);
    again();
    (void)add_row(first_id, "bid", "accepted", 100);
    (void)add_row(first_id, "update", "rejected", 0);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_BIDS);
    ck_assert_uint_eq(update.bids, 1);
    again();
    batch->auctions[0].voiding = true;
    (void)add_row(first_id, "bid", "accepted", 100);
    next(0);
    ck_assert_int_eq(update.kind, LIVE_LOOK);
    ck_assert_uint_eq(update.bids, 0);
}
END_TEST

static bool reserve_met(int64_t reserve, int64_t price)
{
    again();
    batch->auctions[0].state.reserve_price = reserve;
    batch->auctions[0].state.price = price;
    (void)add_row(first_id, "bid", "accepted", 100);
    next(0);
    return update.reserve_met;
}

START_TEST(the_reserve_is_met_from_its_amount_on)
{
    ck_assert(reserve_met(0, 0));
    ck_assert(reserve_met(0, 100));
    ck_assert(!reserve_met(500, 0));
    ck_assert(!reserve_met(500, 499));
    ck_assert(reserve_met(500, 500));
    ck_assert(reserve_met(1, 1));
}
END_TEST

START_TEST(the_minimum_is_capped_at_the_largest_amount)
{
    batch->auctions[0].state.price = MONEY_MAX;
    batch->auctions[0].state.leader_max = MONEY_MAX;
    (void)add_row(first_id, "bid", "accepted", MONEY_MAX);
    next(0);
    ck_assert_int_eq(update.minimum_bid, MONEY_MAX);
    again();
    batch->auctions[0].state.price = MONEY_MAX - 50;
    (void)add_row(first_id, "bid", "accepted", MONEY_MAX - 50);
    next(0);
    ck_assert_int_eq(update.minimum_bid, MONEY_MAX);
}
END_TEST

/* Exact allocations, so that a sanitizer detects a read past the end. */
START_TEST(no_row_past_the_last_is_read)
{
    for (int of_other = 0; of_other < 2; of_other++) {
        tear_down();
        batch = batch_new(1);
        ck_assert_ptr_nonnull(batch);
        cursor = (struct live_updates_cursor){0};
        (void)add_auction(first_id);
        (void)add_row(of_other == 1 ? before : first_id, "bid", "accepted", 100);
        (void)add_row(of_other == 1 ? before : first_id, "bid", "accepted", 200);
        next(0);
        ck_assert_uint_eq(update.bids, of_other == 1 ? 0 : 2);
        ck_assert_uint_eq(cursor.row, 2);
    }
}
END_TEST

static Suite *live_updates_suite(void)
{
    Suite *suite = suite_create("bidworker_live_updates");
    TCase *tcase = tcase_create("live_updates");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_bid_is_shown_with_the_new_price);
    tcase_add_test(tcase, newest_bids_come_first_and_are_bounded);
    tcase_add_test(tcase, an_automatic_answer_is_an_answer_of_a_maximum);
    tcase_add_test(tcase, only_an_outbid_maximum_is_shown);
    tcase_add_test(tcase, a_raise_is_not_shown_as_a_bid);
    tcase_add_test(tcase, accepted_and_outbid_bids_with_an_amount_are_public);
    tcase_add_test(tcase, a_withdrawal_sends_bids_and_a_rejected_command_sends_updated);
    tcase_add_test(tcase, an_event_sets_the_kind_of_its_update);
    tcase_add_test(tcase, the_status_decides_between_sold_and_unsold);
    tcase_add_test(tcase, of_several_events_the_most_important_sets_the_kind);
    tcase_add_test(tcase, each_auction_gets_its_own_rows_and_events);
    tcase_add_test(tcase, updates_voids_and_redeliveries_send_look);
    tcase_add_test(tcase, the_reserve_is_met_from_its_amount_on);
    tcase_add_test(tcase, the_minimum_is_capped_at_the_largest_amount);
    tcase_add_test(tcase, no_row_past_the_last_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(live_updates_suite());
}
