/*
 * What rostrum-bidworker writes, row by row, against real servers. The expected rows were worked out by hand from the
 * rules of bidding, so a value in the wrong column is noticed. The tests need a migrated deployment without any other
 * bid worker (deploy/private servers).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/topology.h"
#include "tests/support/bidding.h"
#include "tests/support/wrong_clock.h"

enum {
    WINDOW_S = 30,
    EXTENSION_S = 90,
    OTHER_WINDOW_S = 200,
    OTHER_EXTENSION_S = 70,
};

static struct bidding_auction auction;
static struct bidding_auction other;

static const struct bidding_terms plain = {0};
static const struct bidding_terms sniped = {.snipe_window_s = WINDOW_S, .snipe_extension_s = EXTENSION_S};

static int64_t ms(int64_t seconds)
{
    return seconds * 1000;
}

/* --- proxies --- */

START_TEST(rows_of_a_maximum_that_bids_is_raised_answers_and_is_withdrawn)
{
    bidding_open(&auction, &plain);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_ANN, 5000);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 2000);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_BOB, 4000);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_CYD, 6000);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_CYD, 7000);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_CYD, 6500);
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 5150);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_ANN, 7000);
    bidding_add(&auction, COMMAND_WITHDRAW, BIDDING_BOB, 0);
    bidding_add(&auction, COMMAND_BID, BIDDING_SELLER, 9000);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_ANN, 9000);
    bidding_add(&auction, COMMAND_WITHDRAW, BIDDING_ANN, 0);
    bidding_send(&auction);
    bidding_start();
    bidding_wait(&auction, 15);
    ck_assert_str_eq(bidding_ledger(&auction), "proxy Ann accepted 10.00 max 50.00\n"
                                               "bid Bob outbid 20.00\n"
                                               "auto Ann accepted 21.00\n"
                                               "proxy Bob outbid 40.00 max 40.00\n"
                                               "auto Ann accepted 41.00\n"
                                               "proxy Cyd accepted 51.00 max 60.00\n"
                                               "proxy Cyd accepted raise 51.00 max 70.00\n"
                                               "proxy Cyd rejected MAXIMUM_NOT_RAISED max 65.00\n"
                                               "bid Ann rejected BID_TOO_LOW 51.50\n"
                                               "proxy Ann outbid 70.00 max 70.00\n"
                                               "auto Cyd accepted 70.00\n"
                                               "withdraw Bob rejected NO_MAXIMUM\n"
                                               "bid Seller rejected OWN_AUCTION 90.00\n"
                                               "proxy Ann accepted 71.00 max 90.00\n"
                                               "withdraw Ann accepted");
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 71.00 minimum 72.00 leader Ann max 71.00 beaten 70.00 bids 6 extensions 0");
    bidding_verify(&auction);
    bidding_stop();
}
END_TEST

/* The state is read from the row: one maximum per batch. */
START_TEST(a_maximum_is_kept_between_batches)
{
    bidding_open(&auction, &plain);
    bidding_start();
    bidding_add(&auction, COMMAND_PROXY, BIDDING_ANN, 5000);
    bidding_send(&auction);
    bidding_wait(&auction, 1);
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 10.00 minimum 11.00 leader Ann max 50.00 bids 1 extensions 0");
    bidding_add(&auction, COMMAND_PROXY, BIDDING_BOB, 3000);
    bidding_send(&auction);
    bidding_wait(&auction, 3);
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 31.00 minimum 32.00 leader Ann max 50.00 beaten 30.00 bids 2 extensions 0");
    bidding_add(&auction, COMMAND_PROXY, BIDDING_ANN, 8000);
    bidding_send(&auction);
    bidding_wait(&auction, 4);
    bidding_add(&auction, COMMAND_BID, BIDDING_CYD, 7950);
    bidding_send(&auction);
    bidding_wait(&auction, 6);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 8100);
    bidding_send(&auction);
    bidding_wait(&auction, 7);
    ck_assert_str_eq(bidding_ledger(&auction), "proxy Ann accepted 10.00 max 50.00\n"
                                               "proxy Bob outbid 30.00 max 30.00\n"
                                               "auto Ann accepted 31.00\n"
                                               "proxy Ann accepted raise 31.00 max 80.00\n"
                                               "bid Cyd outbid 79.50\n"
                                               "auto Ann accepted 80.00\n"
                                               "bid Bob accepted 81.00");
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 81.00 minimum 82.00 leader Bob max 81.00 beaten 80.00 bids 4 extensions 0");
    bidding_stop();
}
END_TEST

START_TEST(a_lost_lead_publishes_proxy_exhausted_or_outbid)
{
    struct auction_event event;
    bidding_open(&auction, &plain);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_ANN, 2000);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 3000);
    bidding_send(&auction);
    bidding_start();
    bidding_event(&auction, EVENT_PROXY_EXHAUSTED, &event);
    ck_assert(uuid_equal(&event.user_id, &bidding.users[BIDDING_ANN]));
    ck_assert_int_eq(event.amount, 3000);
    ck_assert_int_eq(event.end_ms, 0);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_CYD, 9000);
    bidding_send(&auction);
    bidding_event(&auction, EVENT_OUTBID, &event);
    ck_assert(uuid_equal(&event.user_id, &bidding.users[BIDDING_BOB]));
    ck_assert_int_eq(event.amount, 3100);
    bidding_stop();
}
END_TEST

/* --- the anti-snipe extension --- */

START_TEST(a_bid_in_the_window_moves_the_end_by_the_extension)
{
    struct auction_event event;
    bidding_open(&auction, &sniped);
    /* Before the window, but less than the extension's length before the end. */
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 1000)->received_ms = auction.end_ms - ms(WINDOW_S) - 1;
    bidding_send(&auction);
    bidding_start();
    bidding_wait(&auction, 1);
    ck_assert_int_eq(bidding_moved_ms(&auction), 0);
    /* The first millisecond of the window. */
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 1100)->received_ms = auction.end_ms - ms(WINDOW_S);
    bidding_send(&auction);
    bidding_wait(&auction, 2);
    ck_assert_int_eq(bidding_moved_ms(&auction), ms(EXTENSION_S - WINDOW_S));
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 11.00 minimum 12.00 leader Bob max 11.00 beaten 10.00 bids 2 extensions 1");
    bidding_event(&auction, EVENT_EXTENDED, &event);
    ck_assert_int_eq(event.end_ms, auction.end_ms + ms(EXTENSION_S - WINDOW_S));
    bidding_verify(&auction);
    bidding_stop();
}
END_TEST

START_TEST(extensions_in_one_batch_publish_the_last_end)
{
    struct auction_event event;
    bidding_open(&auction, &sniped);
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 1000)->received_ms = auction.end_ms - ms(1);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 1100)->received_ms = auction.end_ms + ms(70);
    bidding_send(&auction);
    bidding_start();
    bidding_event(&auction, EVENT_EXTENDED, &event);
    ck_assert_int_eq(event.end_ms, auction.end_ms + ms(70 + EXTENSION_S));
    ck_assert_int_eq(bidding_moved_ms(&auction), ms(70 + EXTENSION_S));
    /* An admin's extension is published in the same way and has a row in the ledger. */
    int64_t end_ms = auction.end_ms + ms(700);
    struct command *extend = bidding_add(&auction, COMMAND_EXTEND, BIDDING_SELLER, 0);
    extend->end_ms = end_ms;
    bidding_send(&auction);
    bidding_event(&auction, EVENT_EXTENDED, &event);
    ck_assert_int_eq(event.end_ms, end_ms);
    ck_assert_int_eq(sql_int(bidding.sql,
                             "SELECT (extract(epoch FROM end_time) * 1000)::bigint FROM bids"
                             " WHERE auction_id = $1::uuid AND kind = 'extend'",
                             auction.text, NULL),
                     end_ms);
    bidding_verify(&auction);
    bidding_stop();
}
END_TEST

/* --- updates --- */

/* The auction's terms, one column each. */
static const char *terms_of(void)
{
    return sql_text(bidding.sql,
                    "SELECT concat_ws(' ', title, starting_price, 'reserve ' || reserve_price, 'buy ' || buy_now_price,"
                    " increments -> 0 ->> 'increment', 'window', snipe_window_s, 'extension', snipe_extension_s,"
                    " 'most ' || snipe_max, 'version', terms_version, 'length',"
                    " extract(epoch FROM original_end_time - start_time)::integer) FROM auctions WHERE id = $1::uuid",
                    auction.text, NULL);
}

/* An update by the seller, based on `version`. Each of its terms differs from the auction's. */
static void update(int64_t version, const char *title)
{
    char id[UUID_TEXT_SIZE];
    char statement[1024];
    struct command *command = bidding_add(&auction, COMMAND_UPDATE, BIDDING_SELLER, 0);
    command->version = version;
    uuid_format(&command->id, id);
    (void)snprintf(statement, sizeof statement,
                   "INSERT INTO terms (auction_id, id, title, description, category, starting_price, reserve_price,"
                   " buy_now_price, increments, bid_increment, snipe_window_s, snipe_extension_s, snipe_max,"
                   " start_time, end_time, created_at) SELECT id, $2::uuid, $3, 'new', 'new', 20, 30, 40,"
                   " '[{\"from\": 0, \"increment\": 5.00}]', 5, %d, %d, 7, start_time,"
                   " end_time + interval '10 minutes', now() FROM auctions WHERE id = $1::uuid RETURNING 1",
                   OTHER_WINDOW_S, OTHER_EXTENSION_S);
    ck_assert_int_eq(sql_int(bidding.sql, statement, auction.text, id, title, NULL), 1);
}

static const char old_terms[] = "A chair 10.00 1.00 window 30 extension 90 version 1 length 7200";
static const char new_terms[] = "A stool 20.00 reserve 30.00 buy 40.00 5.00 window 200 extension 70 most 7 version 2"
                                " length 7800";

START_TEST(an_update_applies_to_the_next_bids)
{
    bidding_open(&auction, &sniped);
    ck_assert_str_eq(terms_of(), old_terms);
    update(1, "A stool");
    int64_t end_ms = auction.end_ms + ms(600);
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 1900);
    /* Both are in the new window. Only the second is so late that the extension moves the end. */
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 2000)->received_ms = end_ms - ms(100);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 2500)->received_ms = end_ms - ms(50);
    bidding_send(&auction);
    bidding_start();
    bidding_wait(&auction, 4);
    ck_assert_str_eq(terms_of(), new_terms);
    ck_assert_int_eq(bidding_moved_ms(&auction), ms(620));
    /* In a batch of its own, so it is decided by the stored terms. */
    bidding_add(&auction, COMMAND_BID, BIDDING_CYD, 2900);
    bidding_add(&auction, COMMAND_BID, BIDDING_CYD, 3000)->received_ms = end_ms - ms(10);
    bidding_send(&auction);
    bidding_wait(&auction, 6);
    ck_assert_int_eq(bidding_moved_ms(&auction), ms(660));
    ck_assert_str_eq(bidding_ledger(&auction), "update Seller accepted\n"
                                               "bid Ann rejected BID_TOO_LOW 19.00\n"
                                               "bid Ann accepted 20.00\n"
                                               "bid Bob accepted 25.00\n"
                                               "bid Cyd rejected BID_TOO_LOW 29.00\n"
                                               "bid Cyd accepted 30.00");
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 30.00 minimum 35.00 leader Cyd max 30.00 beaten 25.00 bids 3 extensions 2");
    /* A replay begins with the terms at publication. They are stored under the auction's own id. */
    ck_assert_str_eq(sql_text(bidding.sql,
                              "SELECT concat_ws(' ', title, starting_price, 'window', snipe_window_s, 'extension',"
                              " snipe_extension_s, 'length', extract(epoch FROM end_time - start_time)::integer)"
                              " FROM terms WHERE auction_id = $1::uuid AND id = $1::uuid",
                              auction.text, NULL),
                     "A chair 10.00 window 30 extension 90 length 7200");
    bidding_verify(&auction);
    bidding_stop();
}
END_TEST

START_TEST(a_refused_update_changes_no_terms)
{
    bidding_open(&auction, &sniped);
    update(9, "A version that nobody saw");
    bidding_send(&auction);
    bidding_start();
    bidding_wait(&auction, 1);
    ck_assert_str_eq(terms_of(), old_terms);
    ck_assert_int_eq(bidding_moved_ms(&auction), 0);
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 1000);
    update(3, "After a bid");
    bidding_send(&auction);
    bidding_wait(&auction, 3);
    ck_assert_str_eq(terms_of(), old_terms);
    ck_assert_int_eq(bidding_moved_ms(&auction), 0);
    ck_assert_str_eq(bidding_ledger(&auction), "update Seller rejected VERSION_CONFLICT\n"
                                               "bid Ann accepted 10.00\n"
                                               "update Seller rejected HAS_BIDS");
    bidding_verify(&auction);
    bidding_stop();
}
END_TEST

START_TEST(of_two_updates_in_one_batch_only_the_first_is_accepted)
{
    bidding_open(&auction, &sniped);
    update(1, "A stool");
    update(1, "A bench");
    bidding_send(&auction);
    bidding_start();
    bidding_wait(&auction, 2);
    ck_assert_str_eq(bidding_ledger(&auction), "update Seller accepted\nupdate Seller rejected VERSION_CONFLICT");
    ck_assert_str_eq(terms_of(), new_terms);
    bidding_stop();
}
END_TEST

/* --- rows of auctions --- */

/* No program writes such rows; an operator changed the database by hand. */
static const struct broken_row {
    const char *broken;
    const char *repaired;
} broken_rows[] = {
    {"increments = '[]'", "increments = '[{\"from\": 0, \"increment\": 1.00}]'"},
    {"current_bid = 50, leader_max = 40", "current_bid = 10, leader_max = 10"},
    {"runner_up_max = 11", "runner_up_max = NULL"},
    {"leader_id = NULL", "leader_id = (SELECT bidder_id FROM bids b WHERE b.auction_id = a.id AND b.seq = 1)"},
};

static void change_row(const char *set)
{
    char statement[SQL_TEXT_SIZE];
    (void)snprintf(statement, sizeof statement, "UPDATE auctions a SET %s WHERE id = $1::uuid RETURNING 1", set);
    ck_assert_int_eq(sql_int(bidding.sql, statement, auction.text, NULL), 1);
}

START_TEST(an_invalid_auction_row_rejects_only_its_own_bids)
{
    char dead[QUEUES_NAME_SIZE];
    struct queues_message letter;
    queues_tap(bidding.queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_BIDS, dead);
    bidding_open(&auction, &plain);
    bidding_open(&other, &plain);
    bidding_start();
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 1000);
    bidding_send(&auction);
    bidding_wait(&auction, 1);
    change_row(broken_rows[_i].broken);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 6000);
    bidding_add(&auction, COMMAND_PROXY, BIDDING_CYD, 7000);
    bidding_add(&auction, COMMAND_FENCE, BIDDING_SELLER, 0)->received_ms = auction.end_ms;
    bidding_add(&other, COMMAND_BID, BIDDING_BOB, 1000);
    bidding_send(&auction);
    bidding_send(&other);
    bidding_wait(&auction, 3);
    bidding_wait(&other, 1);
    ck_assert_str_eq(bidding_ledger(&other), "bid Bob accepted 10.00");
    for (int i = 0; i < 2; i++) {
        SUITE_WAIT(queues_take(bidding.queues, dead, &letter), BIDDING_DEADLINE_MS);
        ck_assert_str_eq(letter.reason, "the auction's row is invalid");
        ck_assert_ptr_nonnull(strstr(letter.body, auction.text));
        free(letter.body);
    }
    /* The row was not overwritten; once it is repaired, bidding continues. */
    change_row(broken_rows[_i].repaired);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 1100);
    bidding_send(&auction);
    bidding_wait(&auction, 4);
    ck_assert_str_eq(bidding_ledger(&auction), "bid Ann accepted 10.00\n"
                                               "bid Bob rejected INTERNAL_ERROR 60.00\n"
                                               "proxy Cyd rejected INTERNAL_ERROR max 70.00\n"
                                               "bid Bob accepted 11.00");
    ck_assert_str_eq(bidding_state(&auction),
                     "active price 11.00 minimum 12.00 leader Bob max 11.00 beaten 10.00 bids 2 extensions 0");
    bidding_stop();
}
END_TEST

/* Bids are decided by the row as locked, not by a copy that was read before it changed. */
START_TEST(a_row_locked_by_another_transaction_is_read_as_committed)
{
    char leader[UUID_TEXT_SIZE];
    struct sql *holder = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(holder);
    bidding_open(&auction, &plain);
    uuid_format(&bidding.users[BIDDING_ANN], leader);
    PQclear(sql_rows(holder, "BEGIN", NULL));
    ck_assert_int_eq(sql_int(holder,
                             "UPDATE auctions SET current_bid = 50, minimum_bid = 51, bid_count = 1, leader_id ="
                             " $2::uuid, leader_max = 80, leader_by_proxy = true, leader_bid_id = gen_random_uuid()"
                             " WHERE id = $1::uuid RETURNING 1",
                             auction.text, leader, NULL),
                     1);
    bidding_add(&auction, COMMAND_BID, BIDDING_BOB, 2000);
    bidding_add(&auction, COMMAND_BID, BIDDING_CYD, 6000);
    bidding_send(&auction);
    do {
        bidding_open(&other, &plain);
    } while (ids_shard(&other.id, bidding.shards) != ids_shard(&auction.id, bidding.shards));
    bidding_add(&other, COMMAND_BID, BIDDING_ANN, 1000);
    bidding_send(&other);
    bidding_start();
    bidding_wait(&other, 1); /* these bids were tried before, and left */
    PQclear(sql_rows(holder, "COMMIT", NULL));
    sql_close(holder);
    bidding_wait(&auction, 3);
    ck_assert_str_eq(bidding_ledger(&auction), "bid Bob rejected BID_TOO_LOW 20.00\n"
                                               "bid Cyd outbid 60.00\n"
                                               "auto Ann accepted 61.00");
    bidding_stop();
}
END_TEST

/*
 * The worker's clock is an hour ahead, and the row is locked for a while. An auction that does not exist has no row to
 * be locked.
 */
START_TEST(decisions_have_the_time_of_the_database_when_the_row_was_locked)
{
    struct wrong_clock clock;
    struct sql *holder = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(holder);
    wrong_clock_open(&clock);
    atomic_store(&clock.offsets->wrong_ms, INT64_C(3600000));
    bidding_open(&auction, &plain);
    other = (struct bidding_auction){.id = uuid_new()};
    uuid_format(&other.id, other.text);
    PQclear(sql_rows(holder, "BEGIN", NULL));
    PQclear(sql_rows(holder, "SELECT 1 FROM auctions WHERE id = $1::uuid FOR UPDATE", auction.text, NULL));
    bidding_add(&auction, COMMAND_BID, BIDDING_ANN, 1000);
    bidding_add(&other, COMMAND_BID, BIDDING_ANN, 1000);
    bidding_send(&other);
    bidding.worker = wrong_clock_start(&clock, "rostrum-bidworker", bidding.settings);
    bidding_wait(&other, 1);
    bidding_send(&auction);
    bidding_add(&other, COMMAND_BID, BIDDING_BOB, 1000);
    bidding_send(&other);
    bidding_wait(&other, 2); /* the bid on the locked auction, sent before, was tried and waits */
    char released[CLOCK_TEXT_SIZE];
    clock_format(sql_int(bidding.sql, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", NULL), released);
    PQclear(sql_rows(holder, "ROLLBACK", NULL));
    sql_close(holder);
    bidding_wait(&auction, 1);
    ck_assert_str_eq(bidding_ledger(&auction), "bid Ann accepted 10.00");
    ck_assert_str_eq(bidding_ledger(&other), "bid Ann rejected NOT_FOUND 10.00\n"
                                             "bid Bob rejected NOT_FOUND 10.00");
    ck_assert_int_eq(sql_int(bidding.sql,
                             "SELECT count(*) FROM bids b JOIN auctions a ON a.id = b.auction_id WHERE a.id = $1::uuid"
                             " AND decided_at >= $2::timestamptz AND decided_at <= clock_timestamp()"
                             " AND updated_at = decided_at",
                             auction.text, released, NULL),
                     1);
    ck_assert_int_eq(sql_int(bidding.sql,
                             "SELECT count(*) FROM bids WHERE auction_id = $1::uuid"
                             " AND abs(extract(epoch FROM clock_timestamp() - decided_at)) < 600",
                             other.text, NULL),
                     2);
    bidding_stop();
    wrong_clock_close(&clock);
}
END_TEST

static Suite *decisions_suite(void)
{
    const TTest *const tests[] = {
        rows_of_a_maximum_that_bids_is_raised_answers_and_is_withdrawn,
        a_maximum_is_kept_between_batches,
        a_lost_lead_publishes_proxy_exhausted_or_outbid,
        a_bid_in_the_window_moves_the_end_by_the_extension,
        extensions_in_one_batch_publish_the_last_end,
        an_update_applies_to_the_next_bids,
        a_refused_update_changes_no_terms,
        of_two_updates_in_one_batch_only_the_first_is_accepted,
        a_row_locked_by_another_transaction_is_read_as_committed,
        decisions_have_the_time_of_the_database_when_the_row_was_locked,
    };
    Suite *suite = suite_create("bidworker_decisions");
    TCase *tcase = tcase_create("decisions");
    tcase_add_checked_fixture(tcase, bidding_set_up, bidding_tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    tcase_add_loop_test(tcase, an_invalid_auction_row_rejects_only_its_own_bids, 0, (int)ARRAY_LEN(broken_rows));
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(decisions_suite());
}
