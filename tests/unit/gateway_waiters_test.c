/*
 * gateway/submit/waiters: which waiting requests a decision reaches. The ledger is not queried: that begins after a
 * second.
 */
#include "gateway/submit/waiters.h"

#include <event2/event.h>

#include "common/base/clock.h"
#include "gateway/bid/bid_family.h"
#include "tests/support/suite.h"

enum { WAITERS = 3, WAIT_MS = 60000 };

static struct waiters *waiters;
static const struct uuid auctions[] = {{{1}}, {{2}}};
static const struct uuid bids[] = {{{3}}, {{4}}};
static int64_t amounts[WAITERS]; /* of the decision that each waiter got; 0: none */

static void done(struct waiter *waiter, const union submit_decision *decision)
{
    int64_t *amount = waiter->arg;
    ck_assert_ptr_nonnull(decision);
    ck_assert_int_eq(*amount, 0);
    *amount = decision->bid.amount;
}

static struct waiter list[WAITERS];

static void add(size_t index, const struct uuid *auction, const struct uuid *bid)
{
    list[index] = (struct waiter){
        .ids = {*auction, *bid}, .until_ms = clock_mono_ms() + WAIT_MS, .done = done, .arg = &amounts[index]};
    waiters_add(waiters, &list[index]);
}

static void decide(const struct uuid *auction, const struct uuid *bid, int64_t amount)
{
    struct jsonw *json = jsonw_new();
    size_t length = 0;
    const struct decision decision = {.bid_id = *bid,
                                      .auction_id = *auction,
                                      .user_id = {{5}},
                                      .kind = COMMAND_BID,
                                      .amount = amount,
                                      .received_ms = 1,
                                      .decided_ms = 2,
                                      .status = BID_ACCEPTED};
    ck_assert_ptr_nonnull(json);
    message_write_decision(json, &decision);
    const char *text = jsonw_text(json, &length);
    ck_assert(waiters_message(waiters, text, length));
    ck_assert(!waiters_message(waiters, "{}", 2));
    jsonw_free(json);
}

START_TEST(a_decision_reaches_the_waiters_of_its_auction_and_bid)
{
    struct event_base *base = event_base_new();
    waiters = waiters_new(base, NULL, &bid_family);
    ck_assert_ptr_nonnull(waiters);
    add(0, &auctions[0], &bids[0]);
    add(1, &auctions[1], &bids[0]);
    add(2, &auctions[0], &bids[0]);
    decide(&auctions[0], &bids[1], 1);
    decide(&auctions[0], &bids[0], 2);
    ck_assert_int_eq(amounts[0], 2);
    ck_assert_int_eq(amounts[1], 0);
    ck_assert_int_eq(amounts[2], 2);
    decide(&auctions[1], &bids[0], 3);
    ck_assert_int_eq(amounts[1], 3);
    waiters_free(waiters);
    event_base_free(base);
}
END_TEST

static Suite *waiters_suite(void)
{
    Suite *suite = suite_create("waiters");
    TCase *tcase = tcase_create("waiters");
    tcase_add_test(tcase, a_decision_reaches_the_waiters_of_its_auction_and_bid);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(waiters_suite());
}
