/*
 * Each rule of bidding (API.md) with its edges, one auction at a time. Amounts are in cents, the increment is 1.00
 * unless a test says otherwise, and the auction runs from START_MS to END_MS.
 */
#include "bidworker/rules.h"

#include "tests/support/suite.h"

enum { START_MS = 1000000, END_MS = 2000000, WINDOW_MS = 120000, EXTENSION_MS = 120000, NOW_MS = 1500000 };
enum { SELLER = 1, ANN, BOB, CYD };

static struct rules_auction house;
static uint8_t next_id;

static struct uuid user(int number)
{
    struct uuid id = {.bytes = {[15] = (uint8_t)number}};
    return id;
}

static void setup(void)
{
    next_id = 0;
    house = (struct rules_auction){
        .seller_id = user(SELLER),
        .starting_price = 1000,
        .increments = increments_fixed(100),
        .snipe_window_ms = WINDOW_MS,
        .snipe_extension_ms = EXTENSION_MS,
        .snipe_max = -1,
        .start_ms = START_MS,
        .terms_version = 3,
        .status = RULES_ACTIVE,
        .end_ms = END_MS,
    };
}

static struct rules_decision send_at(enum rules_kind kind, int bidder, int64_t amount, int64_t at_ms)
{
    struct rules_command command = {
        .kind = kind,
        .id = {.bytes = {[0] = 0xb1, [15] = ++next_id}},
        .bidder_id = user(bidder),
        .amount = amount,
        .received_ms = at_ms,
        .terms_version = house.terms_version,
    };
    return rules_decide(&house, &command);
}

static struct rules_decision bid(int bidder, int64_t amount)
{
    return send_at(RULES_BID, bidder, amount, NOW_MS);
}

static struct rules_decision proxy(int bidder, int64_t amount)
{
    return send_at(RULES_PROXY, bidder, amount, NOW_MS);
}

static void check_rejected(struct rules_decision decision, enum rules_reason reason)
{
    ck_assert_int_eq(decision.verdict, RULES_REJECTED);
    ck_assert_str_eq(rules_reason_text(decision.reason), rules_reason_text(reason));
    ck_assert_int_eq(decision.amount, 0);
    ck_assert(!decision.automatic && !decision.extended && !decision.lead_lost && !decision.raise && !decision.ended);
}

static void check_accepted(struct rules_decision decision, int64_t amount)
{
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert_int_eq(decision.reason, RULES_NONE);
    ck_assert_int_eq(decision.amount, amount);
    ck_assert(!decision.automatic);
}

static void check_outbid(struct rules_decision decision, int64_t amount, int by, int64_t answer)
{
    struct uuid answerer = user(by);
    ck_assert_int_eq(decision.verdict, RULES_OUTBID);
    ck_assert_int_eq(decision.amount, amount);
    ck_assert(decision.automatic && !decision.lead_lost);
    ck_assert(uuid_equal(&decision.automatic_bidder, &answerer));
    ck_assert_int_eq(decision.automatic_amount, answer);
}

static void check_house(int leader, int64_t price, int64_t leader_max, int64_t bid_count)
{
    struct uuid id = user(leader);
    ck_assert(house.has_leader && uuid_equal(&house.leader_id, &id));
    ck_assert_int_eq(house.price, price);
    ck_assert_int_eq(house.leader_max, leader_max);
    ck_assert_int_eq(house.bid_count, bid_count);
}

static void check_lost(struct rules_decision decision, int loser, bool by_proxy)
{
    struct uuid id = user(loser);
    ck_assert(decision.lead_lost && uuid_equal(&decision.loser, &id));
    ck_assert_int_eq(decision.loser_by_proxy, by_proxy);
}

/* --- rule 1 --- */

START_TEST(minimum_is_the_starting_price_before_the_first_bid)
{
    ck_assert_int_eq(rules_minimum_bid(&house), 1000);
    check_rejected(bid(ANN, 999), RULES_BID_TOO_LOW);
    check_rejected(proxy(ANN, 999), RULES_BID_TOO_LOW);
    check_accepted(bid(ANN, 1000), 1000);
    check_house(ANN, 1000, 1000, 1);
    ck_assert_int_eq(rules_minimum_bid(&house), 1100);
}
END_TEST

START_TEST(any_amount_from_the_minimum_up_is_valid)
{
    check_accepted(bid(ANN, 1000), 1000);
    check_rejected(bid(BOB, 1099), RULES_BID_TOO_LOW);
    check_accepted(bid(BOB, 1101), 1101);
    check_rejected(bid(ANN, 1200), RULES_BID_TOO_LOW);
    check_accepted(bid(ANN, 1201), 1201);
}
END_TEST

START_TEST(minimum_follows_the_step_of_the_price)
{
    house.increments = increments_ebay_us();
    check_accepted(bid(ANN, 2499), 2499);
    ck_assert_int_eq(rules_minimum_bid(&house), 2549);
    check_accepted(bid(BOB, 2549), 2549);
    ck_assert_int_eq(rules_minimum_bid(&house), 2649);
}
END_TEST

START_TEST(nothing_is_valid_above_the_largest_amount)
{
    check_rejected(bid(ANN, 0), RULES_INVALID_AMOUNT);
    check_rejected(bid(ANN, -1), RULES_INVALID_AMOUNT);
    check_rejected(bid(ANN, MONEY_MAX + 1), RULES_INVALID_AMOUNT);
    check_rejected(proxy(ANN, INT64_MAX), RULES_INVALID_AMOUNT);
    check_accepted(bid(ANN, MONEY_MAX - 100), MONEY_MAX - 100);
    ck_assert_int_eq(rules_minimum_bid(&house), MONEY_MAX);
    check_accepted(bid(BOB, MONEY_MAX), MONEY_MAX);
    ck_assert_int_eq(rules_minimum_bid(&house), MONEY_MAX + 1);
    check_rejected(bid(ANN, MONEY_MAX), RULES_BID_TOO_LOW);
}
END_TEST

START_TEST(an_increment_past_the_largest_amount_is_capped)
{
    house.increments = increments_fixed(MONEY_MAX);
    check_accepted(proxy(ANN, MONEY_MAX - 1), 1000);
    ck_assert_int_eq(rules_minimum_bid(&house), MONEY_MAX + 1);
    check_rejected(proxy(BOB, MONEY_MAX), RULES_BID_TOO_LOW);
    house.increments = increments_fixed(100);
    check_accepted(proxy(BOB, MONEY_MAX), MONEY_MAX);
    check_house(BOB, MONEY_MAX, MONEY_MAX, 2);
}
END_TEST

/* --- rule 2 --- */

START_TEST(a_plain_bid_that_leads_sets_the_price)
{
    check_accepted(bid(ANN, 5000), 5000);
    check_house(ANN, 5000, 5000, 1);
    ck_assert(!house.leader_by_proxy);
    struct rules_decision decision = bid(BOB, 9000);
    check_accepted(decision, 9000);
    check_lost(decision, ANN, false);
    check_house(BOB, 9000, 9000, 2);
    ck_assert_int_eq(house.runner_up_max, 5000);
}
END_TEST

START_TEST(the_first_proxy_opens_at_the_starting_price)
{
    struct rules_decision decision = proxy(ANN, 9000);
    check_accepted(decision, 1000);
    ck_assert(!decision.lead_lost);
    check_house(ANN, 1000, 9000, 1);
    ck_assert(house.leader_by_proxy);
    ck_assert_int_eq(house.leader_bid_id.bytes[15], 1);
}
END_TEST

/* --- rule 3 --- */

START_TEST(a_higher_proxy_pays_one_increment_over_the_other)
{
    check_accepted(proxy(ANN, 5000), 1000);
    struct rules_decision decision = proxy(BOB, 9000);
    check_accepted(decision, 5100);
    check_lost(decision, ANN, true);
    check_house(BOB, 5100, 9000, 2);
    check_outbid(proxy(CYD, 7000), 7000, BOB, 7100);
    check_house(BOB, 7100, 9000, 3);
}
END_TEST

START_TEST(the_price_never_passes_the_winners_maximum)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_accepted(proxy(BOB, 5050), 5050);
    check_house(BOB, 5050, 5050, 2);
    ck_assert_int_eq(rules_minimum_bid(&house), 5150);
}
END_TEST

START_TEST(of_equal_maxima_the_earlier_leads_at_that_price)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_outbid(proxy(BOB, 5000), 5000, ANN, 5000);
    check_house(ANN, 5000, 5000, 2);
    /* The next accepted amount is a step higher: no two accepted ones are equal. */
    check_rejected(bid(CYD, 5000), RULES_BID_TOO_LOW);
    check_accepted(bid(CYD, 5100), 5100);
}
END_TEST

START_TEST(a_proxy_over_a_plain_leader_pays_an_increment_over_its_bid)
{
    check_accepted(bid(ANN, 5000), 5000);
    struct rules_decision decision = proxy(BOB, 9000);
    check_accepted(decision, 5100);
    check_lost(decision, ANN, false);
}
END_TEST

START_TEST(the_increment_is_that_of_the_second_maximum)
{
    house.increments = increments_ebay_us();
    check_accepted(proxy(ANN, 50000), 1000);
    check_outbid(proxy(BOB, 2499), 2499, ANN, 2549);
    check_outbid(proxy(BOB, 9999), 9999, ANN, 10099);
    check_outbid(proxy(BOB, 10500), 10500, ANN, 10750);
}
END_TEST

START_TEST(a_falling_increment_cannot_lower_the_price)
{
    house.increments =
        (struct increments){.count = 2, .steps = {{.from = 0, .increment = 1000}, {.from = 4950, .increment = 1}}};
    check_accepted(bid(ANN, 4900), 4900);
    ck_assert_int_eq(rules_minimum_bid(&house), 5900);
    check_accepted(proxy(BOB, 6000), 5900);
    check_accepted(proxy(CYD, 9000), 6001);
    check_house(CYD, 6001, 9000, 3);
}
END_TEST

/* --- rule 4 --- */

START_TEST(a_plain_bid_under_a_proxy_is_outbid_and_answered)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_outbid(bid(BOB, 3000), 3000, ANN, 3100);
    check_house(ANN, 3100, 5000, 2);
    ck_assert_int_eq(house.leader_bid_id.bytes[15], 1);
    check_outbid(bid(BOB, 4950), 4950, ANN, 5000);
    check_house(ANN, 5000, 5000, 3);
}
END_TEST

START_TEST(a_plain_bid_equal_to_the_proxy_is_outbid_at_that_price)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_outbid(bid(BOB, 5000), 5000, ANN, 5000);
    check_house(ANN, 5000, 5000, 2);
}
END_TEST

START_TEST(a_plain_bid_over_the_proxy_wins_at_its_amount)
{
    check_accepted(proxy(ANN, 5000), 1000);
    struct rules_decision decision = bid(BOB, 5001);
    check_accepted(decision, 5001);
    check_lost(decision, ANN, true);
    check_house(BOB, 5001, 5001, 2);
    ck_assert(!house.leader_by_proxy);
}
END_TEST

/* --- rule 5 --- */

START_TEST(a_raise_is_no_bid_and_leaves_the_price)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_outbid(bid(BOB, 3000), 3000, ANN, 3100);
    struct rules_decision decision = proxy(ANN, 5001); /* minimumBid does not apply */
    check_accepted(decision, 3100);
    ck_assert(decision.raise && !decision.extended && !decision.lead_lost);
    check_house(ANN, 3100, 5001, 2);
    ck_assert_int_eq(house.leader_bid_id.bytes[15], 3);
}
END_TEST

START_TEST(a_maximum_that_is_not_above_is_not_raised)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_rejected(proxy(ANN, 5000), RULES_MAXIMUM_NOT_RAISED);
    check_rejected(proxy(ANN, 4000), RULES_MAXIMUM_NOT_RAISED);
    check_rejected(proxy(ANN, 1), RULES_MAXIMUM_NOT_RAISED);
    check_house(ANN, 1000, 5000, 1);
}
END_TEST

START_TEST(a_raise_pays_the_increment_that_was_cut)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_accepted(proxy(BOB, 5050), 5050);
    struct rules_decision decision = proxy(BOB, 5080);
    check_accepted(decision, 5080);
    ck_assert(decision.raise);
    check_accepted(proxy(BOB, 9000), 5100);
    check_house(BOB, 5100, 9000, 2);
    check_accepted(proxy(BOB, 9500), 5100);
}
END_TEST

START_TEST(after_a_tie_a_raise_pays_the_whole_increment)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_outbid(proxy(BOB, 5000), 5000, ANN, 5000);
    check_accepted(proxy(ANN, 6000), 5100);
    check_house(ANN, 5100, 6000, 2);
}
END_TEST

START_TEST(a_plain_leader_may_stand_behind_a_maximum)
{
    check_accepted(bid(ANN, 2000), 2000);
    check_rejected(proxy(ANN, 2000), RULES_MAXIMUM_NOT_RAISED);
    struct rules_decision decision = proxy(ANN, 2001);
    check_accepted(decision, 2000);
    ck_assert(decision.raise && house.leader_by_proxy);
    check_accepted(proxy(ANN, 5000), 2000);
    check_outbid(bid(BOB, 2100), 2100, ANN, 2200);
}
END_TEST

START_TEST(the_leaders_plain_bid_keeps_a_higher_maximum)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_rejected(bid(ANN, 1099), RULES_BID_TOO_LOW);
    struct rules_decision decision = bid(ANN, 2000);
    check_accepted(decision, 2000);
    ck_assert(!decision.raise && !decision.lead_lost);
    check_house(ANN, 2000, 5000, 2);
    ck_assert(house.leader_by_proxy);
    check_outbid(bid(BOB, 3000), 3000, ANN, 3100);
}
END_TEST

START_TEST(the_leaders_plain_bid_replaces_a_lower_maximum)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_accepted(bid(ANN, 6000), 6000);
    check_house(ANN, 6000, 6000, 2);
    ck_assert(!house.leader_by_proxy);
    check_accepted(bid(BOB, 6100), 6100);
}
END_TEST

START_TEST(the_leaders_plain_bid_equal_to_the_maximum_spends_it)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_accepted(bid(ANN, 5000), 5000);
    check_house(ANN, 5000, 5000, 2);
    ck_assert(!house.leader_by_proxy);
}
END_TEST

START_TEST(withdrawing_brings_the_maximum_down_to_the_price)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_outbid(bid(BOB, 2000), 2000, ANN, 2100);
    check_rejected(send_at(RULES_WITHDRAW, BOB, 0, NOW_MS), RULES_NO_MAXIMUM);
    check_accepted(send_at(RULES_WITHDRAW, ANN, 0, NOW_MS), 0);
    check_house(ANN, 2100, 2100, 2);
    check_rejected(send_at(RULES_WITHDRAW, ANN, 0, NOW_MS), RULES_NO_MAXIMUM);
    check_rejected(proxy(ANN, 2100), RULES_MAXIMUM_NOT_RAISED);
    struct rules_decision decision = bid(BOB, 2200);
    check_accepted(decision, 2200);
    check_lost(decision, ANN, false);
}
END_TEST

START_TEST(nothing_to_withdraw)
{
    check_rejected(send_at(RULES_WITHDRAW, ANN, 0, NOW_MS), RULES_NO_MAXIMUM);
    check_accepted(bid(ANN, 1000), 1000);
    check_rejected(send_at(RULES_WITHDRAW, ANN, 0, NOW_MS), RULES_NO_MAXIMUM);
    check_rejected(send_at(RULES_WITHDRAW, ANN, 0, END_MS), RULES_AUCTION_ENDED);
}
END_TEST

START_TEST(a_maximum_may_be_set_again_after_withdrawing)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_accepted(proxy(BOB, 5050), 5050);
    check_accepted(send_at(RULES_WITHDRAW, BOB, 0, NOW_MS), 0);
    struct rules_decision decision = proxy(BOB, 9000);
    check_accepted(decision, 5100);
    ck_assert(decision.raise && house.leader_by_proxy);
}
END_TEST

/* --- rule 6 --- */

START_TEST(a_first_proxy_that_reaches_the_reserve_pays_it)
{
    house.reserve_price = 4000;
    check_accepted(proxy(ANN, 4000), 4000);
    check_house(ANN, 4000, 4000, 1);
    setup();
    house.reserve_price = 4000;
    check_accepted(proxy(ANN, 9000), 4000);
    check_outbid(bid(BOB, 4100), 4100, ANN, 4200);
    ck_assert_int_eq(rules_outcome(&house), RULES_SOLD);
}
END_TEST

START_TEST(below_the_reserve_bidding_goes_on_as_without)
{
    house.reserve_price = 4000;
    check_accepted(proxy(ANN, 3999), 1000);
    check_outbid(bid(BOB, 2000), 2000, ANN, 2100);
    check_house(ANN, 2100, 3999, 2);
    ck_assert_int_eq(rules_outcome(&house), RULES_UNSOLD);
    check_accepted(bid(BOB, 4050), 4050);
    ck_assert_int_eq(rules_outcome(&house), RULES_SOLD);
}
END_TEST

START_TEST(a_bid_meets_the_reserve)
{
    house.reserve_price = 4000;
    check_accepted(bid(ANN, 2000), 2000);
    check_accepted(proxy(BOB, 4500), 4000);
    check_house(BOB, 4000, 4500, 2);
}
END_TEST

START_TEST(a_raise_meets_the_reserve)
{
    house.reserve_price = 4000;
    check_accepted(proxy(ANN, 3000), 1000);
    check_accepted(proxy(ANN, 3999), 1000);
    struct rules_decision decision = send_at(RULES_PROXY, ANN, 4000, END_MS - 1);
    check_accepted(decision, 4000);
    ck_assert(decision.raise && decision.extended); /* it changed the price */
    check_house(ANN, 4000, 4000, 1);
    ck_assert_int_eq(rules_minimum_bid(&house), 4100);
}
END_TEST

START_TEST(a_second_maximum_above_the_reserve_counts_more)
{
    house.reserve_price = 4000;
    check_accepted(proxy(ANN, 3900), 1000);
    check_accepted(proxy(BOB, 9000), 4000); /* both 3900 + 100 and the reserve */
    setup();
    house.reserve_price = 4000;
    check_accepted(bid(ANN, 3950), 3950);
    check_accepted(proxy(BOB, 9000), 4050);
}
END_TEST

static void add_money_tests(TCase *tcase)
{
    tcase_add_test(tcase, minimum_is_the_starting_price_before_the_first_bid);
    tcase_add_test(tcase, any_amount_from_the_minimum_up_is_valid);
    tcase_add_test(tcase, minimum_follows_the_step_of_the_price);
    tcase_add_test(tcase, nothing_is_valid_above_the_largest_amount);
    tcase_add_test(tcase, an_increment_past_the_largest_amount_is_capped);
    tcase_add_test(tcase, a_plain_bid_that_leads_sets_the_price);
    tcase_add_test(tcase, the_first_proxy_opens_at_the_starting_price);
    tcase_add_test(tcase, a_higher_proxy_pays_one_increment_over_the_other);
    tcase_add_test(tcase, the_price_never_passes_the_winners_maximum);
    tcase_add_test(tcase, of_equal_maxima_the_earlier_leads_at_that_price);
    tcase_add_test(tcase, a_proxy_over_a_plain_leader_pays_an_increment_over_its_bid);
    tcase_add_test(tcase, the_increment_is_that_of_the_second_maximum);
    tcase_add_test(tcase, a_falling_increment_cannot_lower_the_price);
    tcase_add_test(tcase, a_plain_bid_under_a_proxy_is_outbid_and_answered);
    tcase_add_test(tcase, a_plain_bid_equal_to_the_proxy_is_outbid_at_that_price);
    tcase_add_test(tcase, a_plain_bid_over_the_proxy_wins_at_its_amount);
    tcase_add_test(tcase, a_raise_is_no_bid_and_leaves_the_price);
    tcase_add_test(tcase, a_maximum_that_is_not_above_is_not_raised);
    tcase_add_test(tcase, a_raise_pays_the_increment_that_was_cut);
    tcase_add_test(tcase, after_a_tie_a_raise_pays_the_whole_increment);
    tcase_add_test(tcase, a_plain_leader_may_stand_behind_a_maximum);
    tcase_add_test(tcase, the_leaders_plain_bid_keeps_a_higher_maximum);
    tcase_add_test(tcase, the_leaders_plain_bid_replaces_a_lower_maximum);
    tcase_add_test(tcase, the_leaders_plain_bid_equal_to_the_maximum_spends_it);
    tcase_add_test(tcase, withdrawing_brings_the_maximum_down_to_the_price);
    tcase_add_test(tcase, nothing_to_withdraw);
    tcase_add_test(tcase, a_maximum_may_be_set_again_after_withdrawing);
    tcase_add_test(tcase, a_first_proxy_that_reaches_the_reserve_pays_it);
    tcase_add_test(tcase, below_the_reserve_bidding_goes_on_as_without);
    tcase_add_test(tcase, a_bid_meets_the_reserve);
    tcase_add_test(tcase, a_raise_meets_the_reserve);
    tcase_add_test(tcase, a_second_maximum_above_the_reserve_counts_more);
}

/* --- rule 7 --- */

START_TEST(a_late_bid_moves_the_end)
{
    ck_assert(!send_at(RULES_BID, ANN, 1000, END_MS - WINDOW_MS - 1).extended);
    ck_assert_int_eq(house.end_ms, END_MS);
    ck_assert(!send_at(RULES_BID, BOB, 1100, END_MS - WINDOW_MS).extended); /* in the window, but to no later end */
    ck_assert_int_eq(house.extensions_used, 0);
    ck_assert(send_at(RULES_BID, ANN, 1200, END_MS - WINDOW_MS + 1).extended);
    ck_assert_int_eq(house.end_ms, END_MS + 1);
    ck_assert_int_eq(house.extensions_used, 1);
    ck_assert(send_at(RULES_BID, BOB, 1300, END_MS).extended); /* the end that holds now */
    ck_assert_int_eq(house.end_ms, END_MS + EXTENSION_MS);
}
END_TEST

START_TEST(the_first_millisecond_of_the_window_counts)
{
    house.snipe_extension_ms = 2 * (int64_t)WINDOW_MS;
    ck_assert(!send_at(RULES_BID, ANN, 1000, END_MS - WINDOW_MS - 1).extended);
    ck_assert(send_at(RULES_BID, BOB, 1100, END_MS - WINDOW_MS).extended);
    ck_assert_int_eq(house.end_ms, END_MS + WINDOW_MS);
}
END_TEST

START_TEST(the_last_millisecond_and_the_end)
{
    check_rejected(send_at(RULES_BID, ANN, 1000, END_MS), RULES_AUCTION_ENDED);
    ck_assert_int_eq(house.end_ms, END_MS);
    struct rules_decision decision = send_at(RULES_BID, ANN, 1000, END_MS - 1);
    check_accepted(decision, 1000);
    ck_assert(decision.extended);
    ck_assert_int_eq(house.end_ms, END_MS - 1 + EXTENSION_MS);
}
END_TEST

START_TEST(the_cap_counts_moved_ends_only)
{
    house.snipe_max = 1;
    ck_assert(!send_at(RULES_BID, ANN, 1000, END_MS - WINDOW_MS).extended);
    ck_assert(send_at(RULES_BID, BOB, 1100, END_MS - 5).extended);
    struct rules_decision decision = send_at(RULES_BID, ANN, 1200, house.end_ms - 1);
    check_accepted(decision, 1200);
    ck_assert(!decision.extended);
    ck_assert_int_eq(house.extensions_used, 1);
    ck_assert_int_eq(house.end_ms, END_MS - 5 + EXTENSION_MS);
}
END_TEST

START_TEST(no_extension_when_switched_off_or_capped_at_none)
{
    house.snipe_window_ms = 0;
    ck_assert(!send_at(RULES_BID, ANN, 1000, END_MS - 1).extended);
    setup();
    house.snipe_max = 0;
    ck_assert(!send_at(RULES_BID, ANN, 1000, END_MS - 1).extended);
}
END_TEST

START_TEST(what_changes_nothing_does_not_extend)
{
    check_accepted(proxy(ANN, 5000), 1000);
    ck_assert(!send_at(RULES_BID, BOB, 1001, END_MS - 1).extended);   /* rejected */
    ck_assert(!send_at(RULES_PROXY, ANN, 6000, END_MS - 1).extended); /* a raise at the same price */
    ck_assert(!send_at(RULES_WITHDRAW, ANN, 0, END_MS - 1).extended);
    ck_assert_int_eq(house.end_ms, END_MS);
    check_accepted(proxy(ANN, 6000), 1000);
    ck_assert(send_at(RULES_BID, BOB, 2000, END_MS - 1).extended); /* outbid at once, but it moved the price */
}
END_TEST

START_TEST(a_raise_that_pays_a_cut_increment_extends)
{
    check_accepted(proxy(ANN, 5000), 1000);
    check_accepted(proxy(BOB, 5050), 5050);
    ck_assert(send_at(RULES_PROXY, BOB, 9000, END_MS - 1).extended);
}
END_TEST

START_TEST(a_short_extension_never_shortens)
{
    house.snipe_extension_ms = 10;
    ck_assert(!send_at(RULES_BID, ANN, 1000, END_MS - 10).extended);
    ck_assert(send_at(RULES_BID, BOB, 1100, END_MS - 9).extended);
    ck_assert_int_eq(house.end_ms, END_MS + 1);
}
END_TEST

/* --- rules 8 to 11 --- */

START_TEST(a_bid_before_the_start_is_refused)
{
    check_rejected(send_at(RULES_BID, ANN, 1000, START_MS - 1), RULES_AUCTION_NOT_STARTED);
    house.status = RULES_SCHEDULED;
    check_rejected(send_at(RULES_BID, ANN, 1000, START_MS - 1), RULES_AUCTION_NOT_STARTED);
    ck_assert_int_eq(house.status, RULES_SCHEDULED);
    house.status = RULES_DRAFT;
    check_rejected(bid(ANN, 1000), RULES_AUCTION_NOT_STARTED);
}
END_TEST

START_TEST(the_first_bid_in_time_starts_a_scheduled_auction)
{
    house.status = RULES_SCHEDULED;
    struct rules_decision decision = send_at(RULES_BID, ANN, 1000, START_MS);
    check_accepted(decision, 1000);
    ck_assert(decision.started);
    ck_assert_int_eq(house.status, RULES_ACTIVE);
    ck_assert(!bid(BOB, 1100).started);
    ck_assert_int_eq(send_at(RULES_START, 0, 0, START_MS).verdict, RULES_DROPPED);
}
END_TEST

START_TEST(a_refused_bid_starts_it_too)
{
    house.status = RULES_SCHEDULED;
    struct rules_decision decision = bid(ANN, 999);
    check_rejected(decision, RULES_BID_TOO_LOW);
    ck_assert(decision.started);
    ck_assert_int_eq(house.status, RULES_ACTIVE);
}
END_TEST

START_TEST(the_start_command_starts_when_its_time_has_come)
{
    house.status = RULES_SCHEDULED;
    ck_assert_int_eq(send_at(RULES_START, 0, 0, START_MS - 1).verdict, RULES_DROPPED);
    ck_assert_int_eq(house.status, RULES_SCHEDULED);
    struct rules_decision decision = send_at(RULES_START, 0, 0, START_MS);
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert(decision.started);
    ck_assert_int_eq(house.status, RULES_ACTIVE);
    house.status = RULES_CANCELLED;
    ck_assert_int_eq(send_at(RULES_START, 0, 0, START_MS).verdict, RULES_DROPPED);
}
END_TEST

START_TEST(the_fence_falls_once_and_not_before_the_end)
{
    check_accepted(bid(ANN, 1000), 1000);
    ck_assert_int_eq(send_at(RULES_FENCE, 0, 0, END_MS - 1).verdict, RULES_DROPPED);
    struct rules_decision decision = send_at(RULES_FENCE, 0, 0, END_MS);
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert(decision.ended);
    ck_assert_int_eq(house.status, RULES_ENDED);
    ck_assert_int_eq(send_at(RULES_FENCE, 0, 0, END_MS).verdict, RULES_DROPPED);
    check_rejected(bid(BOB, 1100), RULES_AUCTION_ENDED); /* in time by the clock, but behind the fence */
}
END_TEST

START_TEST(a_fence_for_an_end_that_moved_is_dropped)
{
    ck_assert(send_at(RULES_BID, ANN, 1000, END_MS - 1).extended);
    ck_assert_int_eq(send_at(RULES_FENCE, 0, 0, END_MS).verdict, RULES_DROPPED);
    ck_assert_int_eq(house.status, RULES_ACTIVE);
    ck_assert_int_eq(send_at(RULES_FENCE, 0, 0, END_MS - 1 + EXTENSION_MS).verdict, RULES_ACCEPTED);
}
END_TEST

START_TEST(a_fence_does_not_end_what_never_started)
{
    house.status = RULES_SCHEDULED;
    ck_assert_int_eq(send_at(RULES_FENCE, 0, 0, END_MS).verdict, RULES_DROPPED);
    ck_assert_int_eq(house.status, RULES_SCHEDULED);
}
END_TEST

START_TEST(bids_are_decided_in_queue_order_not_by_time)
{
    check_accepted(send_at(RULES_BID, ANN, 1000, NOW_MS + 5), 1000);
    check_rejected(send_at(RULES_BID, BOB, 1000, NOW_MS), RULES_BID_TOO_LOW);
}
END_TEST

START_TEST(closed_auctions_say_how)
{
    const struct {
        enum rules_status status;
        enum rules_reason reason;
    } cases[] = {
        {RULES_ENDED, RULES_AUCTION_ENDED},
        {RULES_SOLD, RULES_AUCTION_ENDED},
        {RULES_UNSOLD, RULES_AUCTION_ENDED},
        {RULES_CANCELLED, RULES_AUCTION_CANCELLED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        house.status = cases[i].status;
        check_rejected(bid(ANN, 1000), cases[i].reason);
        check_rejected(proxy(ANN, 1000), cases[i].reason);
        check_rejected(send_at(RULES_WITHDRAW, ANN, 0, NOW_MS), cases[i].reason);
    }
}
END_TEST

START_TEST(the_outcome_needs_a_bid_and_the_reserve)
{
    ck_assert_int_eq(rules_outcome(&house), RULES_UNSOLD);
    check_accepted(bid(ANN, 1000), 1000);
    ck_assert_int_eq(rules_outcome(&house), RULES_SOLD);
    house.reserve_price = 1000;
    ck_assert_int_eq(rules_outcome(&house), RULES_SOLD);
    house.reserve_price = 1001;
    ck_assert_int_eq(rules_outcome(&house), RULES_UNSOLD);
}
END_TEST

START_TEST(sellers_and_the_banned_may_not_bid)
{
    check_rejected(bid(SELLER, 1000), RULES_OWN_AUCTION);
    check_rejected(proxy(SELLER, 1000), RULES_OWN_AUCTION);
    check_accepted(proxy(ANN, 5000), 1000);
    struct rules_command command = {
        .kind = RULES_PROXY, .bidder_id = user(ANN), .amount = 9000, .received_ms = NOW_MS, .banned = true};
    check_rejected(rules_decide(&house, &command), RULES_USER_BANNED);
    check_house(ANN, 1000, 5000, 1);
    /* A banned leader keeps the lead at the present price: the maximum can be withdrawn. */
    command.kind = RULES_WITHDRAW;
    check_accepted(rules_decide(&house, &command), 0);
    check_house(ANN, 1000, 1000, 1);
}
END_TEST

START_TEST(a_bid_on_other_terms_is_refused)
{
    struct rules_command command = {
        .kind = RULES_BID, .bidder_id = user(ANN), .amount = 1000, .received_ms = NOW_MS, .terms_version = 2};
    check_rejected(rules_decide(&house, &command), RULES_TERMS_CHANGED);
    command.terms_version = 0; /* not checked */
    check_accepted(rules_decide(&house, &command), 1000);
}
END_TEST

START_TEST(words_go_both_ways)
{
    for (int i = RULES_NONE; i <= RULES_NOT_FOUND; i++) {
        enum rules_reason reason = RULES_NONE;
        ck_assert(rules_reason_parse(rules_reason_text((enum rules_reason)i), &reason));
        ck_assert_int_eq(reason, i);
    }
    for (int i = RULES_DRAFT; i <= RULES_CANCELLED; i++) {
        enum rules_status status = RULES_DRAFT;
        ck_assert(rules_status_parse(rules_status_text((enum rules_status)i), &status));
        ck_assert_int_eq(status, i);
    }
    enum rules_reason reason = RULES_NONE;
    enum rules_status status = RULES_DRAFT;
    ck_assert(!rules_reason_parse("bid_too_low", &reason));
    ck_assert(!rules_status_parse("", &status));
}
END_TEST

static void add_time_tests(TCase *tcase)
{
    tcase_add_test(tcase, a_late_bid_moves_the_end);
    tcase_add_test(tcase, the_first_millisecond_of_the_window_counts);
    tcase_add_test(tcase, the_last_millisecond_and_the_end);
    tcase_add_test(tcase, the_cap_counts_moved_ends_only);
    tcase_add_test(tcase, no_extension_when_switched_off_or_capped_at_none);
    tcase_add_test(tcase, what_changes_nothing_does_not_extend);
    tcase_add_test(tcase, a_raise_that_pays_a_cut_increment_extends);
    tcase_add_test(tcase, a_short_extension_never_shortens);
    tcase_add_test(tcase, a_bid_before_the_start_is_refused);
    tcase_add_test(tcase, the_first_bid_in_time_starts_a_scheduled_auction);
    tcase_add_test(tcase, a_refused_bid_starts_it_too);
    tcase_add_test(tcase, the_start_command_starts_when_its_time_has_come);
    tcase_add_test(tcase, the_fence_falls_once_and_not_before_the_end);
    tcase_add_test(tcase, a_fence_for_an_end_that_moved_is_dropped);
    tcase_add_test(tcase, a_fence_does_not_end_what_never_started);
    tcase_add_test(tcase, bids_are_decided_in_queue_order_not_by_time);
    tcase_add_test(tcase, closed_auctions_say_how);
    tcase_add_test(tcase, the_outcome_needs_a_bid_and_the_reserve);
    tcase_add_test(tcase, sellers_and_the_banned_may_not_bid);
    tcase_add_test(tcase, a_bid_on_other_terms_is_refused);
    tcase_add_test(tcase, words_go_both_ways);
}

static Suite *rules_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *money = tcase_create("price and lead");
    TCase *times = tcase_create("time and standing");
    tcase_add_checked_fixture(money, setup, NULL);
    tcase_add_checked_fixture(times, setup, NULL);
    add_money_tests(money);
    add_time_tests(times);
    suite_add_tcase(suite, money);
    suite_add_tcase(suite, times);
    return suite;
}

int main(void)
{
    return suite_run(rules_suite());
}
