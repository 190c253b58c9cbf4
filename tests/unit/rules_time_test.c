/*
 * Rules about time (docs/bidding-rules.md) with their edges: start, extension and end of an auction, who may bid, and
 * on which terms. Also the names of decisions.
 */
#include "tests/support/lot.h"

/* --- anti-snipe extension (rule 7) --- */

START_TEST(a_late_bid_moves_the_end)
{
    ck_assert(!lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - LOT_WINDOW_MS - 1).extended);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS);
    ck_assert(!lot_send(COMMAND_BID, BOB, 1100, LOT_END_MS - LOT_WINDOW_MS)
                   .extended); /* in the window, but the end would not be later */
    ck_assert_int_eq(lot.extensions_used, 0);
    ck_assert(lot_send(COMMAND_BID, ANN, 1200, LOT_END_MS - LOT_WINDOW_MS + 1).extended);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS + 1);
    ck_assert_int_eq(lot.extensions_used, 1);
    ck_assert(lot_send(COMMAND_BID, BOB, 1300, LOT_END_MS).extended); /* the present end */
    ck_assert_int_eq(lot.end_ms, LOT_END_MS + LOT_EXTENSION_MS);
}
END_TEST

START_TEST(the_first_millisecond_of_the_window_counts)
{
    lot.snipe_extension_ms = 2 * (int64_t)LOT_WINDOW_MS;
    ck_assert(!lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - LOT_WINDOW_MS - 1).extended);
    ck_assert(lot_send(COMMAND_BID, BOB, 1100, LOT_END_MS - LOT_WINDOW_MS).extended);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS + LOT_WINDOW_MS);
}
END_TEST

START_TEST(a_window_of_one_millisecond_counts)
{
    lot.snipe_window_ms = 1;
    ck_assert(!lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - 2).extended);
    ck_assert(lot_send(COMMAND_BID, BOB, 1100, LOT_END_MS - 1).extended);
}
END_TEST

START_TEST(a_bid_at_the_end_is_rejected_and_one_before_accepted)
{
    lot_expect_rejected(lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS), RULES_AUCTION_ENDED);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS);
    struct rules_decision decision = lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - 1);
    lot_expect_accepted(decision, 1000);
    ck_assert(decision.extended);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS - 1 + LOT_EXTENSION_MS);
}
END_TEST

START_TEST(the_limit_counts_moved_ends_only)
{
    lot.snipe_max = 1;
    ck_assert(!lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - LOT_WINDOW_MS).extended);
    ck_assert(lot_send(COMMAND_BID, BOB, 1100, LOT_END_MS - 5).extended);
    struct rules_decision decision = lot_send(COMMAND_BID, ANN, 1200, lot.end_ms - 1);
    lot_expect_accepted(decision, 1200);
    ck_assert(!decision.extended);
    ck_assert_int_eq(lot.extensions_used, 1);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS - 5 + LOT_EXTENSION_MS);
}
END_TEST

START_TEST(no_extension_without_a_window_or_with_a_limit_of_0)
{
    lot.snipe_window_ms = 0;
    ck_assert(!lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - 1).extended);
    lot_reset();
    lot.snipe_max = 0;
    ck_assert(!lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - 1).extended);
}
END_TEST

START_TEST(a_bid_without_effect_never_extends)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    ck_assert(!lot_send(COMMAND_BID, BOB, 1001, LOT_END_MS - 1).extended);   /* rejected */
    ck_assert(!lot_send(COMMAND_PROXY, ANN, 6000, LOT_END_MS - 1).extended); /* a raise at the same price */
    ck_assert(!lot_send(COMMAND_WITHDRAW, ANN, 0, LOT_END_MS - 1).extended);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS);
    lot_expect_accepted(lot_proxy(ANN, 6000), 1000);
    ck_assert(lot_send(COMMAND_BID, BOB, 2000, LOT_END_MS - 1).extended); /* outbid at once, but it changed the price */
}
END_TEST

START_TEST(a_raise_that_changes_the_price_extends)
{
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    lot_expect_accepted(lot_proxy(BOB, 5050), 5050);
    ck_assert(lot_send(COMMAND_PROXY, BOB, 9000, LOT_END_MS - 1).extended);
}
END_TEST

START_TEST(a_short_extension_never_shortens)
{
    lot.snipe_extension_ms = 10;
    ck_assert(!lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - 10).extended);
    ck_assert(lot_send(COMMAND_BID, BOB, 1100, LOT_END_MS - 9).extended);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS + 1);
}
END_TEST

/* --- start, end and permission to bid (rules 8 to 11) --- */

START_TEST(a_bid_before_the_start_is_rejected)
{
    lot_expect_rejected(lot_send(COMMAND_BID, ANN, 1000, LOT_START_MS - 1), RULES_AUCTION_NOT_STARTED);
    lot.status = RULES_SCHEDULED;
    lot_expect_rejected(lot_send(COMMAND_BID, ANN, 1000, LOT_START_MS - 1), RULES_AUCTION_NOT_STARTED);
    ck_assert_int_eq(lot.status, RULES_SCHEDULED);
    lot.status = RULES_DRAFT;
    lot_expect_rejected(lot_bid(ANN, 1000), RULES_AUCTION_NOT_STARTED);
}
END_TEST

START_TEST(the_first_bid_in_time_starts_a_scheduled_auction)
{
    lot.status = RULES_SCHEDULED;
    struct rules_decision decision = lot_send(COMMAND_BID, ANN, 1000, LOT_START_MS);
    lot_expect_accepted(decision, 1000);
    ck_assert(decision.started);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
    ck_assert(!lot_bid(BOB, 1100).started);
    ck_assert_int_eq(lot_send(COMMAND_START, 0, 0, LOT_START_MS).verdict, RULES_DROPPED);
}
END_TEST

START_TEST(a_rejected_bid_in_time_starts_a_scheduled_auction)
{
    lot.status = RULES_SCHEDULED;
    struct rules_decision decision = lot_bid(ANN, 999);
    lot_expect_rejected(decision, RULES_BID_TOO_LOW);
    ck_assert(decision.started);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
}
END_TEST

START_TEST(the_start_command_starts_at_the_start_time)
{
    lot.status = RULES_SCHEDULED;
    ck_assert_int_eq(lot_send(COMMAND_START, 0, 0, LOT_START_MS - 1).verdict, RULES_DROPPED);
    ck_assert_int_eq(lot.status, RULES_SCHEDULED);
    struct rules_decision decision = lot_send(COMMAND_START, 0, 0, LOT_START_MS);
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert(decision.started);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
    lot.status = RULES_CANCELLED;
    ck_assert_int_eq(lot_send(COMMAND_START, 0, 0, LOT_START_MS).verdict, RULES_DROPPED);
}
END_TEST

START_TEST(a_fence_ends_once_and_not_before_the_end)
{
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    ck_assert_int_eq(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS - 1).verdict, RULES_DROPPED);
    struct rules_decision decision = lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS);
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert(decision.ended);
    ck_assert_int_eq(lot.status, RULES_ENDED);
    ck_assert_int_eq(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS).verdict, RULES_DROPPED);
    lot_expect_rejected(lot_bid(BOB, 1100),
                        RULES_AUCTION_ENDED); /* received in time, but behind the fence in the queue */
}
END_TEST

START_TEST(a_fence_for_an_old_end_has_no_effect)
{
    ck_assert(lot_send(COMMAND_BID, ANN, 1000, LOT_END_MS - 1).extended);
    ck_assert_int_eq(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS).verdict, RULES_DROPPED);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
    ck_assert_int_eq(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS - 1 + LOT_EXTENSION_MS).verdict, RULES_ACCEPTED);
}
END_TEST

START_TEST(a_fence_does_not_end_a_scheduled_auction)
{
    lot.status = RULES_SCHEDULED;
    ck_assert_int_eq(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS).verdict, RULES_DROPPED);
    ck_assert_int_eq(lot.status, RULES_SCHEDULED);
}
END_TEST

START_TEST(bids_are_decided_in_queue_order_not_by_receipt)
{
    lot_expect_accepted(lot_send(COMMAND_BID, ANN, 1000, LOT_NOW_MS + 5), 1000);
    lot_expect_rejected(lot_send(COMMAND_BID, BOB, 1000, LOT_NOW_MS), RULES_BID_TOO_LOW);
}
END_TEST

START_TEST(bids_on_closed_auctions_are_rejected_by_status)
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
        lot.status = cases[i].status;
        lot_expect_rejected(lot_bid(ANN, 1000), cases[i].reason);
        lot_expect_rejected(lot_proxy(ANN, 1000), cases[i].reason);
        lot_expect_rejected(lot_send(COMMAND_WITHDRAW, ANN, 0, LOT_NOW_MS), cases[i].reason);
    }
}
END_TEST

START_TEST(a_sale_needs_a_bid_that_meets_the_reserve)
{
    ck_assert_int_eq(rules_outcome(&lot), RULES_UNSOLD);
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    ck_assert_int_eq(rules_outcome(&lot), RULES_SOLD);
    lot.reserve_price = 1000;
    ck_assert_int_eq(rules_outcome(&lot), RULES_SOLD);
    lot.reserve_price = 1001;
    ck_assert_int_eq(rules_outcome(&lot), RULES_UNSOLD);
}
END_TEST

START_TEST(bids_of_sellers_and_banned_users_are_rejected)
{
    lot_expect_rejected(lot_bid(SELLER, 1000), RULES_OWN_AUCTION);
    lot_expect_rejected(lot_proxy(SELLER, 1000), RULES_OWN_AUCTION);
    lot_expect_accepted(lot_proxy(ANN, 5000), 1000);
    struct rules_command command = {
        .kind = COMMAND_PROXY, .bidder_id = lot_user(ANN), .amount = 9000, .received_ms = LOT_NOW_MS, .banned = true};
    lot_expect_rejected(rules_decide(&lot, &command), RULES_USER_BANNED);
    lot_expect_state(ANN, 1000, 5000, 1);
    /* A banned leader keeps the lead at the present price, and can withdraw the maximum. */
    command.kind = COMMAND_WITHDRAW;
    lot_expect_accepted(rules_decide(&lot, &command), 0);
    lot_expect_state(ANN, 1000, 1000, 1);
}
END_TEST

START_TEST(a_bid_on_other_terms_is_rejected)
{
    struct rules_command command = {
        .kind = COMMAND_BID, .bidder_id = lot_user(ANN), .amount = 1000, .received_ms = LOT_NOW_MS, .terms_version = 2};
    lot_expect_rejected(rules_decide(&lot, &command), RULES_TERMS_CHANGED);
    command.terms_version = 0; /* 0 means: not checked */
    lot_expect_accepted(rules_decide(&lot, &command), 1000);
}
END_TEST

START_TEST(names_of_kinds_and_reasons_are_parsed_back)
{
    for (int i = RULES_NONE; i < RULES_REASON_COUNT; i++) {
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
    ck_assert_str_eq(rules_status_text(RULES_NO_STATUS), "");
    ck_assert(!rules_status_parse("", &status));
}
END_TEST

static void add_tests(TCase *tcase)
{
    tcase_add_test(tcase, a_late_bid_moves_the_end);
    tcase_add_test(tcase, the_first_millisecond_of_the_window_counts);
    tcase_add_test(tcase, a_window_of_one_millisecond_counts);
    tcase_add_test(tcase, a_bid_at_the_end_is_rejected_and_one_before_accepted);
    tcase_add_test(tcase, the_limit_counts_moved_ends_only);
    tcase_add_test(tcase, no_extension_without_a_window_or_with_a_limit_of_0);
    tcase_add_test(tcase, a_bid_without_effect_never_extends);
    tcase_add_test(tcase, a_raise_that_changes_the_price_extends);
    tcase_add_test(tcase, a_short_extension_never_shortens);
    tcase_add_test(tcase, a_bid_before_the_start_is_rejected);
    tcase_add_test(tcase, the_first_bid_in_time_starts_a_scheduled_auction);
    tcase_add_test(tcase, a_rejected_bid_in_time_starts_a_scheduled_auction);
    tcase_add_test(tcase, the_start_command_starts_at_the_start_time);
    tcase_add_test(tcase, a_fence_ends_once_and_not_before_the_end);
    tcase_add_test(tcase, a_fence_for_an_old_end_has_no_effect);
    tcase_add_test(tcase, a_fence_does_not_end_a_scheduled_auction);
    tcase_add_test(tcase, bids_are_decided_in_queue_order_not_by_receipt);
    tcase_add_test(tcase, bids_on_closed_auctions_are_rejected_by_status);
    tcase_add_test(tcase, a_sale_needs_a_bid_that_meets_the_reserve);
    tcase_add_test(tcase, bids_of_sellers_and_banned_users_are_rejected);
    tcase_add_test(tcase, a_bid_on_other_terms_is_rejected);
    tcase_add_test(tcase, names_of_kinds_and_reasons_are_parsed_back);
}

static Suite *rules_time_suite(void)
{
    Suite *suite = suite_create("rules_time");
    TCase *tcase = tcase_create("time and standing");
    tcase_add_checked_fixture(tcase, lot_reset, NULL);
    add_tests(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(rules_time_suite());
}
