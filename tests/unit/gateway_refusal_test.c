/*
 * gateway/bid/refusal: the refusals that a snapshot makes certain, and the bids that are left to the bid worker.
 */
#include "gateway/bid/refusal.h"
#include "tests/support/suite.h"

enum { START_MS = 1000000, END_MS = 2000000, LATE_MS = 3600000, BEFORE_MS = 1500000 };

static const struct uuid seller = {{1}};
static const struct uuid ann = {{2}};
static const struct uuid bob = {{3}};
static struct snapshot snapshot;
static struct command command;

static void set(void)
{
    snapshot = (struct snapshot){
        .seller_id = seller,
        .leader_id = bob,
        .status = RULES_ACTIVE,
        .start_ms = START_MS,
        .end_ms = END_MS,
        .minimum_bid = 5600,
        .current_bid = 5500,
    };
    command = (struct command){.kind = COMMAND_BID, .user_id = ann, .amount = 5600};
}

/* The refusal's reason, or ERROR_COUNT if the worker decides. */
static enum error_code refused(int64_t now_ms)
{
    enum error_code reason = ERROR_COUNT;
    bool certain = refusal_certain(&snapshot, &command, now_ms, &reason);
    ck_assert_msg(certain == (reason != ERROR_COUNT), "a reason, or none");
    return reason;
}

/* The same commands are refused to the seller, which shows that each of them was checked. */
START_TEST(possibly_valid_bids_are_left_to_the_worker)
{
    static const struct {
        enum command_kind kind;
        const struct uuid *user;
        int64_t amount;
    } cases[] = {{COMMAND_BID, &ann, 5600},   {COMMAND_BID, &bob, 5600}, {COMMAND_PROXY, &ann, 5600},
                 {COMMAND_PROXY, &bob, 5501}, {COMMAND_BUY, &ann, 0},    {COMMAND_WITHDRAW, &ann, 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        command = (struct command){.kind = cases[i].kind, .user_id = *cases[i].user, .amount = cases[i].amount};
        ck_assert_int_eq(refused(BEFORE_MS), ERROR_COUNT);
        command.user_id = seller;
        ck_assert_int_eq(refused(BEFORE_MS), ERROR_OWN_AUCTION);
    }
}
END_TEST

/* A bid that is ahead in the queue may extend the auction. */
START_TEST(an_end_refuses_no_bid_before_it_is_decided)
{
    ck_assert_int_eq(refused(END_MS), ERROR_COUNT);
    ck_assert_int_eq(refused(END_MS + LATE_MS), ERROR_COUNT);
    snapshot.status = RULES_SCHEDULED;
    ck_assert_int_eq(refused(START_MS - 1), ERROR_AUCTION_NOT_STARTED);
    ck_assert_int_eq(refused(START_MS), ERROR_COUNT);
    ck_assert_int_eq(refused(END_MS + LATE_MS), ERROR_COUNT);
}
END_TEST

START_TEST(a_draft_or_closed_auction_refuses_bids)
{
    static const struct {
        enum rules_status status;
        enum error_code reason;
    } cases[] = {{RULES_DRAFT, ERROR_NOT_FOUND},
                 {RULES_CANCELLED, ERROR_AUCTION_CANCELLED},
                 {RULES_ENDED, ERROR_AUCTION_ENDED},
                 {RULES_SOLD, ERROR_AUCTION_ENDED},
                 {RULES_UNSOLD, ERROR_AUCTION_ENDED}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snapshot.status = cases[i].status;
        ck_assert_int_eq(refused(BEFORE_MS), cases[i].reason);
    }
}
END_TEST

/* All others may be the effect of an old snapshot. */
START_TEST(only_the_seller_and_a_cancellation_never_change)
{
    for (enum error_code reason = 0; reason < ERROR_COUNT; reason++) {
        bool lasts = reason == ERROR_OWN_AUCTION || reason == ERROR_AUCTION_CANCELLED;
        ck_assert_int_eq(refusal_lasts(reason), lasts);
    }
}
END_TEST

START_TEST(an_active_auction_ignores_its_start_time)
{
    ck_assert_int_eq(refused(START_MS - 1), ERROR_COUNT);
}
END_TEST

START_TEST(a_purchase_has_no_minimum)
{
    command.kind = COMMAND_BUY;
    command.amount = 0;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_COUNT);
}
END_TEST

START_TEST(a_sellers_bid_is_refused)
{
    command.user_id = seller;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_OWN_AUCTION);
}
END_TEST

START_TEST(a_bid_below_the_minimum_is_refused)
{
    command.amount = 5599;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_BID_TOO_LOW);
    command.user_id = bob; /* a leader's plain bid too */
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_BID_TOO_LOW);
}
END_TEST

START_TEST(a_leaders_raise_has_no_minimum)
{
    command.kind = COMMAND_PROXY;
    command.amount = 5599;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_BID_TOO_LOW);
    command.user_id = bob;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_COUNT);
}
END_TEST

START_TEST(a_withdrawal_has_no_amount)
{
    command.kind = COMMAND_WITHDRAW;
    command.amount = 0;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_COUNT);
}
END_TEST

static Suite *refusal_suite(void)
{
    Suite *suite = suite_create("gateway refusal");
    TCase *tcase = tcase_create("refusal");
    tcase_add_checked_fixture(tcase, set, NULL);
    tcase_add_test(tcase, possibly_valid_bids_are_left_to_the_worker);
    tcase_add_test(tcase, an_end_refuses_no_bid_before_it_is_decided);
    tcase_add_test(tcase, a_draft_or_closed_auction_refuses_bids);
    tcase_add_test(tcase, only_the_seller_and_a_cancellation_never_change);
    tcase_add_test(tcase, an_active_auction_ignores_its_start_time);
    tcase_add_test(tcase, a_purchase_has_no_minimum);
    tcase_add_test(tcase, a_sellers_bid_is_refused);
    tcase_add_test(tcase, a_bid_below_the_minimum_is_refused);
    tcase_add_test(tcase, a_leaders_raise_has_no_minimum);
    tcase_add_test(tcase, a_withdrawal_has_no_amount);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(refusal_suite());
}
