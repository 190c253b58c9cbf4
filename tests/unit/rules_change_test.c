/*
 * Changes to an auction and buying at once (docs/bidding-rules.md): who may change what, until when, and the auction
 * afterwards.
 */
#include "common/rules/bid_status.h"
#include "tests/support/lot.h"

static struct rules_terms terms;

static void set(void)
{
    lot_reset();
    lot.buy_now_price = 5000;
    terms = (struct rules_terms){
        .starting_price = 2000,
        .reserve_price = 3000,
        .buy_now_price = 9000,
        .increments = increments_fixed(500),
        .snipe_window_ms = 0,
        .snipe_extension_ms = 1000,
        .snipe_max = 2,
        .start_ms = LOT_START_MS,
        .end_ms = LOT_END_MS - 1000,
    };
}

static struct rules_decision change(struct rules_command command, int64_t at_ms)
{
    command.id = (struct uuid){.bytes = {[0] = 0xc1}};
    command.bidder_id = lot_user(SELLER);
    command.received_ms = at_ms;
    command.terms = &terms;
    return rules_decide(&lot, &command);
}

static struct rules_decision change_now(enum command_kind kind)
{
    return change((struct rules_command){.kind = kind, .end_ms = LOT_END_MS + 5}, LOT_NOW_MS);
}

static struct rules_decision buy(int bidder)
{
    return lot_send(COMMAND_BUY, bidder, 0, LOT_NOW_MS);
}

/* --- buying at once --- */

START_TEST(buying_takes_the_lead_and_ends_the_auction)
{
    struct rules_decision decision = buy(ANN);
    lot_expect_accepted(decision, 5000);
    ck_assert(decision.ended && !decision.lead_lost && !decision.extended);
    lot_expect_state(ANN, 5000, 5000, 1);
    ck_assert_int_eq(lot.leader_bid_id.bytes[15], 1);
    ck_assert_int_eq(lot.status, RULES_ENDED);
    ck_assert_int_eq(lot.end_ms, LOT_NOW_MS);
    ck_assert_int_eq(rules_outcome(&lot), RULES_SOLD);
    lot_expect_rejected(buy(BOB), RULES_AUCTION_ENDED);
}
END_TEST

START_TEST(a_buy_now_price_of_one_minor_unit_is_an_offer)
{
    lot.buy_now_price = 0;
    ck_assert(!rules_can_buy(&lot));
    lot.buy_now_price = 1;
    ck_assert(rules_can_buy(&lot));
}
END_TEST

START_TEST(without_a_reserve_the_first_bid_ends_the_buy_now_offer)
{
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    ck_assert(!rules_can_buy(&lot));
    lot_expect_rejected(buy(BOB), RULES_BUY_NOW_GONE);
}
END_TEST

START_TEST(a_bid_that_meets_the_reserve_ends_the_buy_now_offer)
{
    lot.reserve_price = 3000;
    lot_expect_accepted(lot_proxy(ANN, 2999), 1000);
    ck_assert(rules_can_buy(&lot));
    lot_expect_accepted(lot_proxy(BOB, 3000), 3000);
    ck_assert(!rules_can_buy(&lot));
    lot_expect_rejected(buy(CYD), RULES_BUY_NOW_GONE);
}
END_TEST

START_TEST(a_purchase_wins_over_a_maximum_below_the_reserve)
{
    lot.reserve_price = 5000;
    lot_expect_accepted(lot_proxy(ANN, 4999), 1000);
    struct rules_decision decision = buy(BOB);
    lot_expect_accepted(decision, 5000);
    lot_expect_lost(decision, ANN, true);
    lot_expect_state(BOB, 5000, 5000, 2);
    ck_assert_int_eq(lot.runner_up_max, 4999);
}
END_TEST

START_TEST(the_leader_can_buy)
{
    lot.reserve_price = 3000;
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    lot_expect_accepted(lot_bid(BOB, 1100), 1100);
    struct rules_decision decision = buy(BOB);
    lot_expect_accepted(decision, 5000);
    ck_assert(!decision.lead_lost);
    ck_assert_int_eq(lot.runner_up_max, 1000);
}
END_TEST

START_TEST(purchases_are_rejected_for_the_same_reasons_as_bids)
{
    struct rules_command command = {.kind = COMMAND_BUY, .bidder_id = lot_user(ANN), .received_ms = LOT_NOW_MS};
    lot_expect_rejected(buy(SELLER), RULES_OWN_AUCTION);
    lot_expect_rejected(lot_send(COMMAND_BUY, ANN, 0, LOT_START_MS - 1), RULES_AUCTION_NOT_STARTED);
    lot_expect_rejected(lot_send(COMMAND_BUY, ANN, 0, LOT_END_MS), RULES_AUCTION_ENDED);
    command.terms_version = lot.terms_version - 1;
    lot_expect_rejected(rules_decide(&lot, &command), RULES_TERMS_CHANGED);
    command.terms_version = 0;
    command.banned = true;
    lot_expect_rejected(rules_decide(&lot, &command), RULES_USER_BANNED);
    lot.buy_now_price = 0;
    lot_expect_rejected(buy(ANN), RULES_BUY_NOW_GONE);
}
END_TEST

START_TEST(a_purchase_at_another_price_than_the_expected_one_is_rejected)
{
    struct rules_command command = {.kind = COMMAND_BUY, .bidder_id = lot_user(ANN), .received_ms = LOT_NOW_MS};
    struct rules_auction before = lot;
    command.price = lot.buy_now_price - 1;
    lot_expect_rejected(rules_decide(&lot, &command), RULES_TERMS_CHANGED);
    command.price = lot.buy_now_price + 1;
    lot_expect_rejected(rules_decide(&lot, &command), RULES_TERMS_CHANGED);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
    ck_assert_int_eq(lot.bid_count, before.bid_count);
    ck_assert(!lot.has_leader);
    command.price = lot.buy_now_price;
    lot_expect_accepted(rules_decide(&lot, &command), 5000);
}
END_TEST

START_TEST(a_purchase_without_an_offer_is_rejected_for_that_reason)
{
    struct rules_command command = {
        .kind = COMMAND_BUY, .bidder_id = lot_user(ANN), .received_ms = LOT_NOW_MS, .price = 4000};
    lot.buy_now_price = 0;
    lot_expect_rejected(rules_decide(&lot, &command), RULES_BUY_NOW_GONE);
}
END_TEST

/* --- the seller's changes --- */

START_TEST(an_update_replaces_every_term)
{
    int64_t version = lot.terms_version;
    ck_assert_int_eq(change_now(COMMAND_UPDATE).verdict, RULES_ACCEPTED);
    ck_assert_int_eq(lot.starting_price, 2000);
    ck_assert_int_eq(lot.reserve_price, 3000);
    ck_assert_int_eq(lot.buy_now_price, 9000);
    ck_assert_int_eq(increments_at(&lot.increments, 0), 500);
    ck_assert_int_eq(lot.snipe_window_ms, 0);
    ck_assert_int_eq(lot.snipe_extension_ms, 1000);
    ck_assert_int_eq(lot.snipe_max, 2);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS - 1000);
    ck_assert_int_eq(lot.terms_version, version + 1);
    ck_assert_int_eq(rules_minimum_bid(&lot), 2000);
}
END_TEST

START_TEST(a_bid_on_older_terms_is_rejected)
{
    struct rules_command command = {
        .kind = COMMAND_BID,
        .bidder_id = lot_user(ANN),
        .amount = 2000,
        .received_ms = LOT_NOW_MS,
        .terms_version = lot.terms_version,
    };
    ck_assert_int_eq(change_now(COMMAND_UPDATE).verdict, RULES_ACCEPTED);
    lot_expect_rejected(rules_decide(&lot, &command), RULES_TERMS_CHANGED);
    lot_expect_accepted(lot_bid(ANN, 2000), 2000);
}
END_TEST

START_TEST(an_update_after_the_first_bid_is_rejected)
{
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    lot_expect_rejected(change_now(COMMAND_UPDATE), RULES_HAS_BIDS);
    lot_expect_rejected(change_now(COMMAND_CANCEL), RULES_HAS_BIDS);
}
END_TEST

START_TEST(an_update_of_another_version_is_rejected)
{
    lot_expect_rejected(change((struct rules_command){.kind = COMMAND_UPDATE, .stale = true}, LOT_NOW_MS),
                        RULES_VERSION_CONFLICT);
    terms.start_ms++;
    lot_expect_rejected(change_now(COMMAND_UPDATE), RULES_VERSION_CONFLICT); /* the auction has started */
    ck_assert_int_eq(lot.terms_version, 3);
}
END_TEST

START_TEST(a_start_can_be_moved_until_the_start)
{
    lot.status = RULES_SCHEDULED;
    terms.start_ms = LOT_START_MS + 1000;
    ck_assert(!change((struct rules_command){.kind = COMMAND_UPDATE}, LOT_START_MS - 1).started);
    ck_assert_int_eq(lot.status, RULES_SCHEDULED);
    terms.start_ms = LOT_START_MS - 1;
    ck_assert(change((struct rules_command){.kind = COMMAND_UPDATE}, LOT_START_MS - 1).started);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
}
END_TEST

START_TEST(a_cancelled_auction_rejects_every_command)
{
    struct rules_decision decision = change_now(COMMAND_CANCEL);
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert(decision.cancelled);
    ck_assert_int_eq(lot.status, RULES_CANCELLED);
    lot_expect_rejected(lot_bid(ANN, 1000), RULES_AUCTION_CANCELLED);
    lot_expect_rejected(buy(ANN), RULES_AUCTION_CANCELLED);
    for (enum command_kind kind = COMMAND_UPDATE; kind <= COMMAND_ABORT; kind++) {
        lot_expect_rejected(change_now(kind), RULES_AUCTION_CANCELLED);
    }
    ck_assert_int_eq(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS).verdict, RULES_DROPPED);
}
END_TEST

/* --- an admin's changes --- */

START_TEST(an_admins_extension_is_later_and_uses_no_extension)
{
    struct rules_decision decision = change_now(COMMAND_EXTEND);
    ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
    ck_assert(decision.extended);
    ck_assert_int_eq(lot.end_ms, LOT_END_MS + 5);
    ck_assert_int_eq(lot.extensions_used, 0);
    lot_expect_rejected(change_now(COMMAND_EXTEND), RULES_END_NOT_LATER);
}
END_TEST

START_TEST(an_ended_auction_is_reopened_with_a_later_end)
{
    static const enum rules_status statuses[] = {RULES_ACTIVE, RULES_ENDED, RULES_SOLD, RULES_UNSOLD};
    const struct rules_command same = {.kind = COMMAND_REOPEN, .end_ms = LOT_END_MS};
    const struct rules_command later = {.kind = COMMAND_REOPEN, .end_ms = LOT_END_MS + 9000};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        lot_reset();
        lot_expect_accepted(lot_proxy(ANN, 4000), 1000);
        lot.status = statuses[i];
        lot_expect_rejected(change(same, LOT_END_MS + 5000), RULES_END_NOT_LATER);
        struct rules_decision decision = change(later, LOT_END_MS + 5000);
        ck_assert_int_eq(decision.verdict, RULES_ACCEPTED);
        ck_assert(decision.extended && !decision.started && !decision.ended);
        ck_assert_int_eq(lot.status, RULES_ACTIVE);
        ck_assert_int_eq(lot.end_ms, LOT_END_MS + 9000);
        ck_assert_int_eq(lot.extensions_used, 0);
        lot_expect_state(ANN, 1000, 4000, 1);
        ck_assert_int_eq(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS + 8999).verdict, RULES_DROPPED);
        ck_assert(lot_send(COMMAND_FENCE, 0, 0, LOT_END_MS + 9000).ended);
    }
}
END_TEST

START_TEST(a_cancelled_or_future_auction_is_not_reopened)
{
    const struct rules_command command = {.kind = COMMAND_REOPEN, .end_ms = LOT_END_MS + 9000};
    lot.status = RULES_CANCELLED;
    lot_expect_rejected(change(command, LOT_END_MS + 5000), RULES_AUCTION_CANCELLED);
    lot.status = RULES_DRAFT;
    lot_expect_rejected(change(command, LOT_END_MS + 5000), RULES_AUCTION_NOT_STARTED);
    lot.status = RULES_SCHEDULED;
    lot_expect_rejected(change(command, LOT_START_MS - 1), RULES_AUCTION_NOT_STARTED);
    /* It should have run during the outage. */
    struct rules_decision decision = change(command, LOT_END_MS + 5000);
    ck_assert(decision.started && decision.extended);
    ck_assert_int_eq(lot.status, RULES_ACTIVE);
}
END_TEST

START_TEST(an_admins_end_sells_if_the_reserve_is_met)
{
    lot_expect_accepted(lot_proxy(ANN, 4000), 1000);
    ck_assert(change_now(COMMAND_CLOSE).ended);
    ck_assert_int_eq(lot.end_ms, LOT_NOW_MS);
    ck_assert_int_eq(rules_outcome(&lot), RULES_SOLD);
    lot_expect_state(ANN, 1000, 4000, 1);
}
END_TEST

START_TEST(a_scheduled_auction_cannot_be_ended)
{
    lot.status = RULES_SCHEDULED;
    lot_expect_rejected(change((struct rules_command){.kind = COMMAND_CLOSE}, LOT_START_MS - 1),
                        RULES_AUCTION_NOT_STARTED);
    ck_assert(change((struct rules_command){.kind = COMMAND_ABORT}, LOT_START_MS - 1).cancelled);
}
END_TEST

START_TEST(an_admin_can_cancel_an_auction_with_bids)
{
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    ck_assert(change_now(COMMAND_ABORT).cancelled);
    ck_assert_int_eq(lot.status, RULES_CANCELLED);
}
END_TEST

START_TEST(changes_after_the_end_are_rejected)
{
    for (enum command_kind kind = COMMAND_UPDATE; kind <= COMMAND_ABORT; kind++) {
        if (kind != COMMAND_REOPEN) {
            lot_expect_rejected(change((struct rules_command){.kind = kind, .end_ms = LOT_END_MS + 5}, LOT_END_MS),
                                RULES_AUCTION_ENDED);
        }
    }
    lot.status = RULES_DRAFT;
    lot_expect_rejected(change_now(COMMAND_CANCEL), RULES_AUCTION_NOT_STARTED);
}
END_TEST

START_TEST(each_kind_has_its_name)
{
    for (int i = COMMAND_NONE + 1; i < COMMAND_KIND_COUNT; i++) {
        enum command_kind parsed = COMMAND_NONE;
        ck_assert(command_kind_ledger_parse(command_kind_ledger_text((enum command_kind)i), &parsed));
        ck_assert_int_eq(parsed, i);
        parsed = COMMAND_NONE;
        ck_assert(command_kind_parse(command_kind_text((enum command_kind)i), &parsed));
        ck_assert_int_eq(parsed, i);
    }
    enum command_kind kind = COMMAND_BID;
    ck_assert(!command_kind_ledger_parse(LEDGER_AUTOMATIC, &kind));
    ck_assert(!command_kind_ledger_parse("fence", &kind));
    ck_assert(!command_kind_parse("end", &kind));
    ck_assert(!command_kind_parse("", &kind));
    ck_assert_int_eq(kind, COMMAND_BID);
}
END_TEST

START_TEST(a_command_without_a_kind_is_refused)
{
    lot_expect_accepted(lot_bid(ANN, 1000), 1000);
    struct rules_auction before = lot;
    struct rules_decision decision = rules_decide(
        &lot, &(struct rules_command){.bidder_id = lot_user(BOB), .amount = 5000, .received_ms = LOT_NOW_MS});
    lot_expect_rejected(decision, RULES_INTERNAL_ERROR);
    ck_assert_int_eq(lot.price, before.price);
    ck_assert(uuid_equal(&lot.leader_id, &before.leader_id));
    ck_assert_int_eq(command_kind_group(COMMAND_NONE), COMMAND_GROUP_NONE);
    ck_assert_int_eq(command_kind_carries(COMMAND_NONE), COMMAND_CARRIES_NOTHING);
}
END_TEST

START_TEST(kinds_have_a_group)
{
    static const struct {
        enum command_kind kind;
        bool bid;
        bool scheduled;
        bool voids;
    } cases[] = {
        {COMMAND_BID, true, false, false},     {COMMAND_PROXY, true, false, false},
        {COMMAND_BUY, true, false, false},     {COMMAND_WITHDRAW, false, false, false},
        {COMMAND_START, false, true, false},   {COMMAND_FENCE, false, true, false},
        {COMMAND_UPDATE, false, false, false}, {COMMAND_CANCEL, false, false, false},
        {COMMAND_EXTEND, false, false, false}, {COMMAND_CLOSE, false, false, false},
        {COMMAND_ABORT, false, false, false},  {COMMAND_VOID, false, false, true},
        {COMMAND_RETRACT, false, false, true}, {COMMAND_REOPEN, false, false, false},
    };
    ck_assert_uint_eq(ARRAY_LEN(cases), COMMAND_KIND_COUNT - 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(command_kind_is_bid(cases[i].kind), cases[i].bid);
        ck_assert_int_eq(command_kind_is_scheduled(cases[i].kind), cases[i].scheduled);
        ck_assert_int_eq(command_kind_voids(cases[i].kind), cases[i].voids);
    }
    ck_assert_int_eq(command_kind_carries(COMMAND_BID), COMMAND_CARRIES_AMOUNT);
    ck_assert_int_eq(command_kind_carries(COMMAND_PROXY), COMMAND_CARRIES_MAXIMUM);
    ck_assert_int_eq(command_kind_carries(COMMAND_BUY), COMMAND_CARRIES_NOTHING);
}
END_TEST

START_TEST(bid_statuses_have_words)
{
    for (int i = 0; i < BID_STATUS_COUNT; i++) {
        enum bid_status parsed = BID_PENDING;
        ck_assert(bid_status_parse(bid_status_text((enum bid_status)i), &parsed));
        ck_assert_int_eq(parsed, i);
    }
    enum bid_status status = BID_OUTBID;
    ck_assert(!bid_status_parse("", &status));
    ck_assert(!bid_status_parse("ACCEPTED", &status));
    ck_assert_int_eq(status, BID_OUTBID);
    ck_assert_int_eq(bid_status_of_verdict(RULES_ACCEPTED), BID_ACCEPTED);
    ck_assert_int_eq(bid_status_of_verdict(RULES_OUTBID), BID_OUTBID);
    ck_assert_int_eq(bid_status_of_verdict(RULES_REJECTED), BID_REJECTED);
}
END_TEST

static Suite *rules_change_suite(void)
{
    Suite *suite = suite_create("rules_change");
    TCase *tcase = tcase_create("changes");
    tcase_add_checked_fixture(tcase, set, NULL);
    tcase_add_test(tcase, buying_takes_the_lead_and_ends_the_auction);
    tcase_add_test(tcase, a_buy_now_price_of_one_minor_unit_is_an_offer);
    tcase_add_test(tcase, without_a_reserve_the_first_bid_ends_the_buy_now_offer);
    tcase_add_test(tcase, a_bid_that_meets_the_reserve_ends_the_buy_now_offer);
    tcase_add_test(tcase, a_purchase_wins_over_a_maximum_below_the_reserve);
    tcase_add_test(tcase, the_leader_can_buy);
    tcase_add_test(tcase, purchases_are_rejected_for_the_same_reasons_as_bids);
    tcase_add_test(tcase, a_purchase_at_another_price_than_the_expected_one_is_rejected);
    tcase_add_test(tcase, a_purchase_without_an_offer_is_rejected_for_that_reason);
    tcase_add_test(tcase, an_update_replaces_every_term);
    tcase_add_test(tcase, a_bid_on_older_terms_is_rejected);
    tcase_add_test(tcase, an_update_after_the_first_bid_is_rejected);
    tcase_add_test(tcase, an_update_of_another_version_is_rejected);
    tcase_add_test(tcase, a_start_can_be_moved_until_the_start);
    tcase_add_test(tcase, a_cancelled_auction_rejects_every_command);
    tcase_add_test(tcase, an_admins_extension_is_later_and_uses_no_extension);
    tcase_add_test(tcase, an_admins_end_sells_if_the_reserve_is_met);
    tcase_add_test(tcase, an_ended_auction_is_reopened_with_a_later_end);
    tcase_add_test(tcase, a_cancelled_or_future_auction_is_not_reopened);
    tcase_add_test(tcase, a_scheduled_auction_cannot_be_ended);
    tcase_add_test(tcase, an_admin_can_cancel_an_auction_with_bids);
    tcase_add_test(tcase, changes_after_the_end_are_rejected);
    tcase_add_test(tcase, each_kind_has_its_name);
    tcase_add_test(tcase, a_command_without_a_kind_is_refused);
    tcase_add_test(tcase, kinds_have_a_group);
    tcase_add_test(tcase, bid_statuses_have_words);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(rules_change_suite());
}
