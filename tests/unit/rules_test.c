/*
 * Rules 1 to 6 of bidding (docs/bidding-rules.md) with their edges: valid bids, and the price and leader that follow.
 */
#include "tests/support/lot.h"

/* --- rule 1 --- */

START_TEST(the_minimum_is_the_starting_price_before_the_first_bid)
{
    ck_assert_int_eq(rules_minimum_bid(&lot), 1000);
    lot_expect_rejected(lot_bid(ANN, 999), RULES_BID_TOO_LOW);
    lot_expect_rejected(lot_proxy(ANN, 999), RULES_BID_TOO_LOW);
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    lot_expect_state(ANN, 1000, 1000, 1);
    ck_assert_int_eq(rules_minimum_bid(&lot), 1100);
}
END_TEST

START_TEST(any_amount_from_the_minimum_up_is_valid)
{
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    lot_expect_rejected(lot_bid(BOB, 1099), RULES_BID_TOO_LOW);
    lot_expect_accepted(lot_bid(BOB, 1101), 1101);
    lot_expect_rejected(lot_bid(ANN, 1200), RULES_BID_TOO_LOW);
    lot_expect_accepted(lot_bid(ANN, 1201), 1201);
}
END_TEST

START_TEST(the_minimum_uses_the_increment_at_the_price)
{
    lot.increments = increments_ebay_us();
    lot_expect_accepted(lot_bid(ANN, 2499), 2499);
    ck_assert_int_eq(rules_minimum_bid(&lot), 2549);
    lot_expect_accepted(lot_bid(BOB, 2549), 2549);
    ck_assert_int_eq(rules_minimum_bid(&lot), 2649);
}
END_TEST

START_TEST(nothing_is_valid_above_the_largest_amount)
{
    lot_expect_rejected(lot_bid(ANN, 0), RULES_INVALID_AMOUNT);
    lot_expect_rejected(lot_bid(ANN, -1), RULES_INVALID_AMOUNT);
    lot_expect_rejected(lot_bid(ANN, MONEY_MAX + 1), RULES_INVALID_AMOUNT);
    lot_expect_rejected(lot_proxy(ANN, INT64_MAX), RULES_INVALID_AMOUNT);
    lot_expect_accepted(lot_bid(ANN, MONEY_MAX - 100), MONEY_MAX - 100);
    ck_assert_int_eq(rules_minimum_bid(&lot), MONEY_MAX);
    lot_expect_accepted(lot_bid(BOB, MONEY_MAX), MONEY_MAX);
    ck_assert_int_eq(rules_minimum_bid(&lot), MONEY_MAX + 1);
    lot_expect_rejected(lot_bid(ANN, MONEY_MAX), RULES_BID_TOO_LOW);
}
END_TEST

START_TEST(an_increment_past_the_largest_amount_is_capped)
{
    lot.increments = increments_fixed(MONEY_MAX);
    lot_expect_accepted(lot_proxy(ANN, MONEY_MAX - 1), 1000);
    ck_assert_int_eq(rules_minimum_bid(&lot), MONEY_MAX + 1);
    lot_expect_rejected(lot_proxy(BOB, MONEY_MAX), RULES_BID_TOO_LOW);
    lot.increments = increments_fixed(100);
    lot_expect_accepted(lot_proxy(BOB, MONEY_MAX), MONEY_MAX);
    lot_expect_state(BOB, MONEY_MAX, MONEY_MAX, 2);
}
END_TEST

START_TEST(a_replayed_bid_only_has_to_exceed_the_price)
{
    struct rules_command command = {.kind = COMMAND_BID, .bidder_id = lot_user(BOB), .amount = 1000, .again = true};
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    lot_expect_rejected(rules_decide(&lot, &command), RULES_BID_TOO_LOW);
    command.amount = 1001;
    lot_expect_accepted(rules_decide(&lot, &command), 1001);
}
END_TEST

/* --- rule 2 --- */

START_TEST(a_plain_bid_that_leads_sets_the_price)
{
    lot_expect_accepted(lot_bid(ANN, 5000), 5000);
    lot_expect_state(ANN, 5000, 5000, 1);
    ck_assert(!lot.leader_by_proxy);
    struct rules_decision decision = lot_bid(BOB, 9000);
    lot_expect_accepted(decision, 9000);
    lot_expect_lost(decision, ANN, false);
    lot_expect_state(BOB, 9000, 9000, 2);
    ck_assert_int_eq(lot.runner_up_max, 5000);
}
END_TEST

START_TEST(the_first_proxy_opens_at_the_starting_price)
{
    struct rules_decision decision = lot_proxy(ANN, 9000);
    lot_expect_accepted(decision, 1000);
    ck_assert(!decision.lead_lost);
    lot_expect_state(ANN, 1000, 9000, 1);
    ck_assert(lot.leader_by_proxy);
    ck_assert_int_eq(lot.leader_bid_id.bytes[15], 1);
}
END_TEST

/* --- rule 3 --- */

START_TEST(a_higher_proxy_pays_one_increment_over_the_other)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    struct rules_decision decision = lot_proxy(BOB, 9000);
    lot_expect_accepted(decision, 5100);
    lot_expect_lost(decision, ANN, true);
    lot_expect_state(BOB, 5100, 9000, 2);
    lot_expect_outbid(lot_proxy(CYD, 7000), 7000, BOB, 7100);
    lot_expect_state(BOB, 7100, 9000, 3);
}
END_TEST

START_TEST(a_maximum_of_one_minor_unit_raises_the_price)
{
    lot.starting_price = 1;
    lot_expect_accepted(lot_bid(ANN, 1), 1);
    lot_expect_accepted(lot_proxy(BOB, 5000), 101);
}
END_TEST

START_TEST(the_price_never_exceeds_the_winners_maximum)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_accepted(lot_proxy(BOB, 5050), 5050);
    lot_expect_state(BOB, 5050, 5050, 2);
    ck_assert_int_eq(rules_minimum_bid(&lot), 5150);
}
END_TEST

START_TEST(of_equal_maximums_the_earlier_leads_at_that_price)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_outbid(lot_proxy(BOB, 5000), 5000, ANN, 5000);
    lot_expect_state(ANN, 5000, 5000, 2);
    /* The next accepted amount is a step higher: no two accepted ones are equal. */
    lot_expect_rejected(lot_bid(CYD, 5000), RULES_BID_TOO_LOW);
    lot_expect_accepted(lot_bid(CYD, 5100), 5100);
}
END_TEST

START_TEST(a_proxy_over_a_plain_leader_pays_one_increment_more)
{
    lot_expect_accepted(lot_bid(ANN, 5000), 5000);
    struct rules_decision decision = lot_proxy(BOB, 9000);
    lot_expect_accepted(decision, 5100);
    lot_expect_lost(decision, ANN, false);
}
END_TEST

START_TEST(the_increment_is_that_of_the_second_maximum)
{
    lot.increments = increments_ebay_us();
    lot_expect_accepted(lot_proxy(ANN, 50000), 1000);
    lot_expect_outbid(lot_proxy(BOB, 2499), 2499, ANN, 2549);
    lot_expect_outbid(lot_proxy(BOB, 9999), 9999, ANN, 10099);
    lot_expect_outbid(lot_proxy(BOB, 10500), 10500, ANN, 10750);
}
END_TEST

START_TEST(a_smaller_increment_never_lowers_the_price)
{
    lot.increments =
        (struct increments){.count = 2, .steps = {{.from = 0, .increment = 1000}, {.from = 4950, .increment = 1}}};
    lot_expect_accepted(lot_bid(ANN, 4900), 4900);
    ck_assert_int_eq(rules_minimum_bid(&lot), 5900);
    lot_expect_accepted(lot_proxy(BOB, 6000), 5900);
    lot_expect_accepted(lot_proxy(CYD, 9000), 6001);
    lot_expect_state(CYD, 6001, 9000, 3);
}
END_TEST

/* --- rule 4 --- */

START_TEST(a_plain_bid_below_a_proxy_is_outbid_and_answered)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_outbid(lot_bid(BOB, 3000), 3000, ANN, 3100);
    lot_expect_state(ANN, 3100, 5000, 2);
    ck_assert_int_eq(lot.leader_bid_id.bytes[15], 1);
    lot_expect_outbid(lot_bid(BOB, 4950), 4950, ANN, 5000);
    lot_expect_state(ANN, 5000, 5000, 3);
}
END_TEST

START_TEST(a_plain_bid_equal_to_the_proxy_is_outbid_at_that_price)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_outbid(lot_bid(BOB, 5000), 5000, ANN, 5000);
    lot_expect_state(ANN, 5000, 5000, 2);
}
END_TEST

START_TEST(a_plain_bid_above_the_proxy_leads_at_its_amount)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    struct rules_decision decision = lot_bid(BOB, 5001);
    lot_expect_accepted(decision, 5001);
    lot_expect_lost(decision, ANN, true);
    lot_expect_state(BOB, 5001, 5001, 2);
    ck_assert(!lot.leader_by_proxy);
}
END_TEST

/* --- rule 5 --- */

START_TEST(a_raise_changes_neither_bid_count_nor_price)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_outbid(lot_bid(BOB, 3000), 3000, ANN, 3100);
    struct rules_decision decision = lot_proxy(ANN, 5001); /* the minimum bid does not apply */
    lot_expect_accepted(decision, 3100);
    ck_assert(decision.raise && !decision.extended && !decision.lead_lost);
    lot_expect_state(ANN, 3100, 5001, 2);
    ck_assert_int_eq(lot.leader_bid_id.bytes[15], 3);
}
END_TEST

START_TEST(a_raise_to_no_higher_maximum_is_rejected)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_rejected(lot_proxy(ANN, 5000), RULES_MAXIMUM_NOT_RAISED);
    lot_expect_rejected(lot_proxy(ANN, 4000), RULES_MAXIMUM_NOT_RAISED);
    lot_expect_rejected(lot_proxy(ANN, 1), RULES_MAXIMUM_NOT_RAISED);
    lot_expect_state(ANN, 1000, 5000, 1);
}
END_TEST

START_TEST(a_raise_pays_an_increment_that_the_old_maximum_cut)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_accepted(lot_proxy(BOB, 5050), 5050);
    struct rules_decision decision = lot_proxy(BOB, 5080);
    lot_expect_accepted(decision, 5080);
    ck_assert(decision.raise);
    lot_expect_accepted(lot_proxy(BOB, 9000), 5100);
    lot_expect_state(BOB, 5100, 9000, 2);
    lot_expect_accepted(lot_proxy(BOB, 9500), 5100);
}
END_TEST

START_TEST(after_a_tie_a_raise_pays_the_whole_increment)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_outbid(lot_proxy(BOB, 5000), 5000, ANN, 5000);
    lot_expect_accepted(lot_proxy(ANN, 6000), 5100);
    lot_expect_state(ANN, 5100, 6000, 2);
}
END_TEST

START_TEST(a_plain_leader_can_set_a_maximum)
{
    lot_expect_accepted(lot_bid(ANN, 2000), 2000);
    lot_expect_rejected(lot_proxy(ANN, 2000), RULES_MAXIMUM_NOT_RAISED);
    struct rules_decision decision = lot_proxy(ANN, 2001);
    lot_expect_accepted(decision, 2000);
    ck_assert(decision.raise && lot.leader_by_proxy);
    lot_expect_accepted(lot_proxy(ANN, 5000), 2000);
    lot_expect_outbid(lot_bid(BOB, 2100), 2100, ANN, 2200);
}
END_TEST

START_TEST(the_leaders_plain_bid_keeps_a_higher_maximum)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_rejected(lot_bid(ANN, 1099), RULES_BID_TOO_LOW);
    struct rules_decision decision = lot_bid(ANN, 2000);
    lot_expect_accepted(decision, 2000);
    ck_assert(!decision.raise && !decision.lead_lost);
    lot_expect_state(ANN, 2000, 5000, 2);
    ck_assert(lot.leader_by_proxy);
    ck_assert_int_eq(lot.leader_bid_id.bytes[15], 3);
    lot_expect_outbid(lot_bid(BOB, 3000), 3000, ANN, 3100);
}
END_TEST

START_TEST(the_leaders_plain_bid_replaces_a_lower_maximum)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_accepted(lot_bid(ANN, 6000), 6000);
    lot_expect_state(ANN, 6000, 6000, 2);
    ck_assert(!lot.leader_by_proxy);
    lot_expect_accepted(lot_bid(BOB, 6100), 6100);
}
END_TEST

START_TEST(the_leaders_plain_bid_equal_to_the_maximum_spends_it)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_accepted(lot_bid(ANN, 5000), 5000);
    lot_expect_state(ANN, 5000, 5000, 2);
    ck_assert(!lot.leader_by_proxy);
}
END_TEST

START_TEST(a_withdrawal_lowers_the_maximum_to_the_price)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_outbid(lot_bid(BOB, 2000), 2000, ANN, 2100);
    lot_expect_rejected(lot_send(COMMAND_WITHDRAW, BOB, 0, LOT_NOW_MS), RULES_NO_MAXIMUM);
    lot_expect_accepted(lot_send(COMMAND_WITHDRAW, ANN, 0, LOT_NOW_MS), 0);
    lot_expect_state(ANN, 2100, 2100, 2);
    lot_expect_rejected(lot_send(COMMAND_WITHDRAW, ANN, 0, LOT_NOW_MS), RULES_NO_MAXIMUM);
    lot_expect_rejected(lot_proxy(ANN, 2100), RULES_MAXIMUM_NOT_RAISED);
    struct rules_decision decision = lot_bid(BOB, 2200);
    lot_expect_accepted(decision, 2200);
    lot_expect_lost(decision, ANN, false);
}
END_TEST

START_TEST(a_withdrawal_without_a_maximum_is_rejected)
{
    lot_expect_rejected(lot_send(COMMAND_WITHDRAW, ANN, 0, LOT_NOW_MS), RULES_NO_MAXIMUM);
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    lot_expect_rejected(lot_send(COMMAND_WITHDRAW, ANN, 0, LOT_NOW_MS), RULES_NO_MAXIMUM);
    lot_expect_rejected(lot_send(COMMAND_WITHDRAW, ANN, 0, LOT_END_MS), RULES_AUCTION_ENDED);
}
END_TEST

START_TEST(a_maximum_can_be_set_again_after_a_withdrawal)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_accepted(lot_proxy(BOB, 5050), 5050);
    lot_expect_accepted(lot_send(COMMAND_WITHDRAW, BOB, 0, LOT_NOW_MS), 0);
    struct rules_decision decision = lot_proxy(BOB, 9000);
    lot_expect_accepted(decision, 5100);
    ck_assert(decision.raise && lot.leader_by_proxy);
}
END_TEST

/* --- rule 6 --- */

START_TEST(a_first_proxy_that_reaches_the_reserve_pays_it)
{
    lot.reserve_price = 4000;
    lot_expect_accepted(lot_proxy(ANN, 4000), 4000);
    lot_expect_state(ANN, 4000, 4000, 1);
    lot_reset();
    lot.reserve_price = 4000;
    lot_expect_accepted(lot_proxy(ANN, 9000), 4000);
    lot_expect_outbid(lot_bid(BOB, 4100), 4100, ANN, 4200);
    ck_assert_int_eq(rules_outcome(&lot), RULES_SOLD);
}
END_TEST

START_TEST(a_reserve_above_all_maximums_changes_no_price)
{
    lot.reserve_price = 4000;
    lot_expect_accepted(lot_proxy(ANN, 3999), 1000);
    lot_expect_outbid(lot_bid(BOB, 2000), 2000, ANN, 2100);
    lot_expect_state(ANN, 2100, 3999, 2);
    ck_assert_int_eq(rules_outcome(&lot), RULES_UNSOLD);
    lot_expect_accepted(lot_bid(BOB, 4050), 4050);
    ck_assert_int_eq(rules_outcome(&lot), RULES_SOLD);
}
END_TEST

START_TEST(a_plain_bid_can_meet_the_reserve)
{
    lot.reserve_price = 4000;
    lot_expect_accepted(lot_bid(ANN, 2000), 2000);
    lot_expect_accepted(lot_proxy(BOB, 4500), 4000);
    lot_expect_state(BOB, 4000, 4500, 2);
}
END_TEST

START_TEST(a_raise_can_meet_the_reserve)
{
    lot.reserve_price = 4000;
    lot_expect_accepted(lot_proxy(ANN, 3000), 1000);
    lot_expect_accepted(lot_proxy(ANN, 3999), 1000);
    struct rules_decision decision = lot_send(COMMAND_PROXY, ANN, 4000, LOT_END_MS - 1);
    lot_expect_accepted(decision, 4000);
    ck_assert(decision.raise && decision.extended); /* a raise extends only if it changes the price */
    lot_expect_state(ANN, 4000, 4000, 1);
    ck_assert_int_eq(rules_minimum_bid(&lot), 4100);
}
END_TEST

START_TEST(the_second_maximum_sets_the_price_above_the_reserve)
{
    lot.reserve_price = 4000;
    lot_expect_accepted(lot_proxy(ANN, 3900), 1000);
    lot_expect_accepted(lot_proxy(BOB, 9000), 4000); /* 3900 + 100, which is also the reserve */
    lot_reset();
    lot.reserve_price = 4000;
    lot_expect_accepted(lot_bid(ANN, 3950), 3950);
    lot_expect_accepted(lot_proxy(BOB, 9000), 4050);
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, the_minimum_is_the_starting_price_before_the_first_bid);
    tcase_add_test(tcase, any_amount_from_the_minimum_up_is_valid);
    tcase_add_test(tcase, the_minimum_uses_the_increment_at_the_price);
    tcase_add_test(tcase, nothing_is_valid_above_the_largest_amount);
    tcase_add_test(tcase, an_increment_past_the_largest_amount_is_capped);
    tcase_add_test(tcase, a_replayed_bid_only_has_to_exceed_the_price);
    tcase_add_test(tcase, a_plain_bid_that_leads_sets_the_price);
    tcase_add_test(tcase, the_first_proxy_opens_at_the_starting_price);
    tcase_add_test(tcase, a_higher_proxy_pays_one_increment_over_the_other);
    tcase_add_test(tcase, a_maximum_of_one_minor_unit_raises_the_price);
    tcase_add_test(tcase, the_price_never_exceeds_the_winners_maximum);
    tcase_add_test(tcase, of_equal_maximums_the_earlier_leads_at_that_price);
    tcase_add_test(tcase, a_proxy_over_a_plain_leader_pays_one_increment_more);
    tcase_add_test(tcase, the_increment_is_that_of_the_second_maximum);
    tcase_add_test(tcase, a_smaller_increment_never_lowers_the_price);
    tcase_add_test(tcase, a_plain_bid_below_a_proxy_is_outbid_and_answered);
    tcase_add_test(tcase, a_plain_bid_equal_to_the_proxy_is_outbid_at_that_price);
    tcase_add_test(tcase, a_plain_bid_above_the_proxy_leads_at_its_amount);
    tcase_add_test(tcase, a_raise_changes_neither_bid_count_nor_price);
    tcase_add_test(tcase, a_raise_to_no_higher_maximum_is_rejected);
    tcase_add_test(tcase, a_raise_pays_an_increment_that_the_old_maximum_cut);
    tcase_add_test(tcase, after_a_tie_a_raise_pays_the_whole_increment);
    tcase_add_test(tcase, a_plain_leader_can_set_a_maximum);
    tcase_add_test(tcase, the_leaders_plain_bid_keeps_a_higher_maximum);
    tcase_add_test(tcase, the_leaders_plain_bid_replaces_a_lower_maximum);
    tcase_add_test(tcase, the_leaders_plain_bid_equal_to_the_maximum_spends_it);
    tcase_add_test(tcase, a_withdrawal_lowers_the_maximum_to_the_price);
    tcase_add_test(tcase, a_withdrawal_without_a_maximum_is_rejected);
    tcase_add_test(tcase, a_maximum_can_be_set_again_after_a_withdrawal);
    tcase_add_test(tcase, a_first_proxy_that_reaches_the_reserve_pays_it);
    tcase_add_test(tcase, a_reserve_above_all_maximums_changes_no_price);
    tcase_add_test(tcase, a_plain_bid_can_meet_the_reserve);
    tcase_add_test(tcase, a_raise_can_meet_the_reserve);
    tcase_add_test(tcase, the_second_maximum_sets_the_price_above_the_reserve);
}

static Suite *rules_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *tcase = tcase_create("price and lead");
    tcase_add_checked_fixture(tcase, lot_reset, NULL);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(rules_suite());
}
