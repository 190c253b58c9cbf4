/*
 * The conversion of a PostgreSQL row into the auction that the rules use: each column's field, and the rows that count
 * as broken. libpq makes the results without a server.
 */
#include <string.h>

#include "bidworker/ledger_write.h"
#include "bidworker/statements.h"
#include "tests/support/pg_row.h"
#include "tests/support/suite.h"

enum { COLUMNS = LOCK_BUY_NOW_PRICE + 1 };

static const char *lock[COLUMNS]; /* each test changes the columns under test */

static void set(void)
{
    static const char *const values[COLUMNS] = {
        [LOCK_ID] = "01000000-0000-0000-0000-000000000000",
        [LOCK_SELLER] = "02000000-0000-0000-0000-000000000000",
        [LOCK_STARTING_PRICE] = "1.01",
        [LOCK_RESERVE_PRICE] = "1.02",
        [LOCK_INCREMENTS] = "[{\"from\": 0, \"increment\": 0.50}]",
        [LOCK_SNIPE_WINDOW_S] = "3",
        [LOCK_SNIPE_EXTENSION_S] = "4",
        [LOCK_SNIPE_MAX] = "5",
        [LOCK_START_MS] = "6",
        [LOCK_TERMS_VERSION] = "7",
        [LOCK_STATUS] = "active",
        [LOCK_END_MS] = "8",
        [LOCK_EXTENSIONS_USED] = "9",
        [LOCK_CURRENT_BID] = "1.10",
        [LOCK_BID_COUNT] = "11",
        [LOCK_LEADER] = "03000000-0000-0000-0000-000000000000",
        [LOCK_LEADER_MAX] = "1.20",
        [LOCK_LEADER_BID] = "04000000-0000-0000-0000-000000000000",
        [LOCK_LEADER_BY_PROXY] = "t",
        [LOCK_RUNNER_UP_MAX] = "1.05",
        [LOCK_LEDGER_SEQ] = "12",
        [LOCK_VERSION] = "13",
        [LOCK_BUY_NOW_PRICE] = "9.99",
    };
    memcpy(lock, values, sizeof values);
}

static struct batch_auction read_auction(void)
{
    struct batch_auction auction = {.id = {{1}}};
    PGresult *result = pg_row(lock, COLUMNS);
    ledger_read_auction(&auction, result, 0);
    PQclear(result);
    return auction;
}

START_TEST(every_column_of_an_auction_is_read_into_its_field)
{
    static const struct uuid ids[] = {{{2}}, {{3}}, {{4}}};
    struct batch_auction auction = read_auction();
    const struct rules_auction *state = &auction.state;
    ck_assert(auction.found && !auction.broken);
    ck_assert(uuid_equal(&state->seller_id, &ids[0]));
    ck_assert_int_eq(state->starting_price, 101);
    ck_assert_int_eq(state->reserve_price, 102);
    ck_assert_int_eq(state->buy_now_price, 999);
    ck_assert_int_eq(increments_at(&state->increments, 0), 50);
    ck_assert_int_eq(state->snipe_window_ms, 3000);
    ck_assert_int_eq(state->snipe_extension_ms, 4000);
    ck_assert_int_eq(state->snipe_max, 5);
    ck_assert_int_eq(state->start_ms, 6);
    ck_assert_int_eq(state->terms_version, 7);
    ck_assert_int_eq(state->status, RULES_ACTIVE);
    ck_assert_int_eq(state->end_ms, 8);
    ck_assert_int_eq(state->extensions_used, 9);
    ck_assert_int_eq(state->price, 110);
    ck_assert_int_eq(state->bid_count, 11);
    ck_assert(state->has_leader && uuid_equal(&state->leader_id, &ids[1]));
    ck_assert(uuid_equal(&state->leader_bid_id, &ids[2]) && state->leader_by_proxy);
    ck_assert_int_eq(state->leader_max, 120);
    ck_assert_int_eq(state->runner_up_max, 105);
    ck_assert_int_eq(auction.seq, 12);
    ck_assert_int_eq(auction.version, 13);
}
END_TEST

START_TEST(an_auction_without_bids_has_no_leader_and_no_extension_limit)
{
    lock[LOCK_SNIPE_MAX] = NULL;
    lock[LOCK_RESERVE_PRICE] = NULL;
    lock[LOCK_BUY_NOW_PRICE] = NULL;
    lock[LOCK_CURRENT_BID] = NULL;
    lock[LOCK_LEADER] = NULL;
    lock[LOCK_LEADER_MAX] = NULL;
    lock[LOCK_LEADER_BID] = NULL;
    lock[LOCK_LEADER_BY_PROXY] = "f";
    lock[LOCK_RUNNER_UP_MAX] = NULL;
    struct batch_auction auction = read_auction();
    ck_assert(!auction.broken && !auction.state.has_leader && !auction.state.leader_by_proxy);
    ck_assert_int_eq(auction.state.snipe_max, -1);
    ck_assert_int_eq(auction.state.price, 0);
    ck_assert_int_eq(auction.state.buy_now_price, 0);
}
END_TEST

static bool broken_with(int column, const char *value)
{
    set();
    lock[column] = value;
    return read_auction().broken;
}

START_TEST(an_invalid_row_is_broken)
{
    ck_assert(!broken_with(LOCK_RUNNER_UP_MAX, "1.10"));
    ck_assert(!broken_with(LOCK_LEADER_MAX, "1.10"));
    ck_assert_msg(broken_with(LOCK_RUNNER_UP_MAX, "1.11"), "the second maximum is above the price");
    ck_assert_msg(broken_with(LOCK_LEADER_MAX, "1.09"), "the price is above the leader's maximum");
    ck_assert_msg(broken_with(LOCK_CURRENT_BID, NULL), "a leader without a price");
    ck_assert_msg(broken_with(LOCK_LEADER, NULL), "a price without a leader");
    ck_assert_msg(broken_with(LOCK_STATUS, "asleep"), "no such status");
    ck_assert_msg(broken_with(LOCK_INCREMENTS, "[]"), "no increments");
    ck_assert_msg(broken_with(LOCK_INCREMENTS, "{"), "no JSON");
}
END_TEST

START_TEST(every_column_of_terms_is_read_into_its_field)
{
    const char *values[TERMS_END_MS + 1] = {
        [TERMS_NUMBER] = "1",
        [TERMS_STARTING_PRICE] = "1.01",
        [TERMS_RESERVE_PRICE] = "1.02",
        [TERMS_BUY_NOW_PRICE] = "1.03",
        [TERMS_INCREMENTS] = "[{\"from\": 0, \"increment\": 0.50}]",
        [TERMS_SNIPE_WINDOW_S] = "3",
        [TERMS_SNIPE_EXTENSION_S] = "4",
        [TERMS_SNIPE_MAX] = "5",
        [TERMS_START_MS] = "6",
        [TERMS_END_MS] = "7",
    };
    struct rules_terms terms;
    PGresult *result = pg_row(values, TERMS_END_MS + 1);
    ck_assert(ledger_read_terms(&terms, result, 0));
    PQclear(result);
    ck_assert_int_eq(terms.starting_price, 101);
    ck_assert_int_eq(terms.reserve_price, 102);
    ck_assert_int_eq(terms.buy_now_price, 103);
    ck_assert_int_eq(increments_at(&terms.increments, 0), 50);
    ck_assert_int_eq(terms.snipe_window_ms, 3000);
    ck_assert_int_eq(terms.snipe_extension_ms, 4000);
    ck_assert_int_eq(terms.snipe_max, 5);
    ck_assert_int_eq(terms.start_ms, 6);
    ck_assert_int_eq(terms.end_ms, 7);
    values[TERMS_SNIPE_MAX] = NULL;
    values[TERMS_INCREMENTS] = "7";
    result = pg_row(values, TERMS_END_MS + 1);
    ck_assert(!ledger_read_terms(&terms, result, 0));
    ck_assert_int_eq(terms.snipe_max, -1);
    PQclear(result);
}
END_TEST

/* --- bids of an auction in which one is voided --- */

static struct batch_auction auction;

static void read_entry(const char *seq, const char *kind, const char *amount, const char *max, const char *counts,
                       const char *outbid)
{
    const char *values[ENTRIES_EFFECTIVE_BIDDER + 1] = {
        [ENTRIES_AUCTION] = "01000000-0000-0000-0000-000000000000",
        [ENTRIES_SEQ] = seq,
        [ENTRIES_ID] = "05000000-0000-0000-0000-000000000000",
        [ENTRIES_BIDDER] = "06000000-0000-0000-0000-000000000000",
        [ENTRIES_KIND] = kind,
        [ENTRIES_AMOUNT] = amount,
        [ENTRIES_MAX_AMOUNT] = max,
        [ENTRIES_RECEIVED_MS] = "7",
        [ENTRIES_EFFECTIVE] = counts,
        [ENTRIES_EFFECTIVE_OUTBID] = outbid,
        [ENTRIES_EFFECTIVE_RAISE] = "f",
        [ENTRIES_EFFECTIVE_AMOUNT] = amount,
        [ENTRIES_EFFECTIVE_BIDDER] = "08000000-0000-0000-0000-000000000000",
    };
    PGresult *result = pg_row(values, ENTRIES_EFFECTIVE_BIDDER + 1);
    ck_assert(ledger_read_entry(&auction, result, 0));
    PQclear(result);
}

START_TEST(more_than_64_bids_are_read_with_their_effective_state)
{
    static const struct uuid answerer = {{8}};
    auction = (struct batch_auction){.id = {{1}}};
    read_entry("1", "auto", "9.00", NULL, "t", "f"); /* answers no bid, so it is skipped */
    for (int i = 0; i < 40; i++) {
        read_entry("2", "bid", "1.00", NULL, "t", "t");
        read_entry("3", "auto", "1.50", NULL, "t", "f");
        read_entry("4", "proxy", "2.00", "3.00", "f", "f");
        read_entry("5", "auto", "2.50", NULL, "f", "f");
    }
    ck_assert_uint_eq(auction.voids.count, 80);
    for (size_t i = 0; i < auction.voids.count; i += 2) {
        const struct voids_entry *bid = &auction.voids.entries[i];
        const struct voids_entry *proxy = bid + 1;
        ck_assert(bid->kind == COMMAND_BID && bid->seq == 2 && bid->amount == 100 && bid->received_ms == 7);
        ck_assert(bid->answered && bid->standing.effective && bid->standing.answered &&
                  bid->standing.verdict == RULES_OUTBID);
        ck_assert(bid->standing.answer_amount == 150 && uuid_equal(&bid->standing.answer_bidder, &answerer));
        ck_assert(proxy->kind == COMMAND_PROXY && proxy->seq == 4 && proxy->amount == 300);
        ck_assert(proxy->answered && !proxy->standing.effective && !proxy->standing.answered &&
                  proxy->standing.amount == 0);
    }
    voids_free(&auction.voids);
}
END_TEST

static Suite *read_suite(void)
{
    Suite *suite = suite_create("bidworker_read");
    TCase *tcase = tcase_create("read");
    tcase_add_checked_fixture(tcase, set, NULL);
    tcase_add_test(tcase, every_column_of_an_auction_is_read_into_its_field);
    tcase_add_test(tcase, an_auction_without_bids_has_no_leader_and_no_extension_limit);
    tcase_add_test(tcase, an_invalid_row_is_broken);
    tcase_add_test(tcase, every_column_of_terms_is_read_into_its_field);
    tcase_add_test(tcase, more_than_64_bids_are_read_with_their_effective_state);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(read_suite());
}
