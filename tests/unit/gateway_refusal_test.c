/*
 * gateway/bid/refusal: what a snapshot makes certain, and what it leaves to the bid worker.
 */
#include "gateway/bid/refusal.h"
#include "tests/support/suite.h"

enum { START_MS = 1000000, END_MS = 2000000, GRACE_MS = 2000, BEFORE_MS = 1500000 };

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

/* The reason, or ERROR_COUNT if the worker decides. */
static enum error_code refused(int64_t now_ms)
{
    enum error_code reason = ERROR_COUNT;
    bool certain = refusal_certain(&snapshot, &command, now_ms, GRACE_MS, &reason);
    ck_assert_msg(certain == (reason != ERROR_COUNT), "a reason, or none");
    return reason;
}

/* The same commands are refused to the seller, so that each of them was looked at. */
START_TEST(bids_that_may_be_valid_are_left_to_the_worker)
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

START_TEST(the_clock_refuses_only_when_it_is_sure)
{
    ck_assert_int_eq(refused(END_MS), ERROR_COUNT);
    ck_assert_int_eq(refused(END_MS + GRACE_MS - 1), ERROR_COUNT);
    ck_assert_int_eq(refused(END_MS + GRACE_MS), ERROR_AUCTION_ENDED);
    snapshot.status = RULES_SCHEDULED;
    ck_assert_int_eq(refused(START_MS - 1), ERROR_AUCTION_NOT_STARTED);
    ck_assert_int_eq(refused(START_MS), ERROR_COUNT);
}
END_TEST

START_TEST(a_final_status_is_certain)
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

START_TEST(only_a_running_or_coming_auction_goes_by_the_clock)
{
    static const struct {
        enum rules_status status;
        bool by_clock;
    } cases[] = {{RULES_DRAFT, false}, {RULES_SCHEDULED, true}, {RULES_ACTIVE, true},    {RULES_ENDED, false},
                 {RULES_SOLD, false},  {RULES_UNSOLD, false},   {RULES_CANCELLED, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        snapshot.status = cases[i].status;
        ck_assert_int_eq(refusal_by_clock(&snapshot), cases[i].by_clock);
    }
}
END_TEST

START_TEST(a_start_in_the_future_does_not_stop_an_active_auction)
{
    ck_assert_int_eq(refused(START_MS - 1), ERROR_COUNT);
    snapshot.status = RULES_SCHEDULED;
    ck_assert_int_eq(refused(END_MS + GRACE_MS), ERROR_AUCTION_ENDED);
}
END_TEST

START_TEST(a_purchase_has_no_minimum)
{
    command.kind = COMMAND_BUY;
    command.amount = 0;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_COUNT);
}
END_TEST

START_TEST(sellers_do_not_bid)
{
    command.user_id = seller;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_OWN_AUCTION);
}
END_TEST

START_TEST(a_bid_has_to_reach_the_minimum)
{
    command.amount = 5599;
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_BID_TOO_LOW);
    command.user_id = bob; /* a leader's plain bid as well */
    ck_assert_int_eq(refused(BEFORE_MS), ERROR_BID_TOO_LOW);
}
END_TEST

START_TEST(the_minimum_does_not_bind_a_leaders_raise)
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
    tcase_add_test(tcase, bids_that_may_be_valid_are_left_to_the_worker);
    tcase_add_test(tcase, the_clock_refuses_only_when_it_is_sure);
    tcase_add_test(tcase, a_final_status_is_certain);
    tcase_add_test(tcase, only_a_running_or_coming_auction_goes_by_the_clock);
    tcase_add_test(tcase, a_start_in_the_future_does_not_stop_an_active_auction);
    tcase_add_test(tcase, a_purchase_has_no_minimum);
    tcase_add_test(tcase, sellers_do_not_bid);
    tcase_add_test(tcase, a_bid_has_to_reach_the_minimum);
    tcase_add_test(tcase, the_minimum_does_not_bind_a_leaders_raise);
    tcase_add_test(tcase, a_withdrawal_has_no_amount);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(refusal_suite());
}
