/*
 * gateway/submit/waiters: which waiting requests a decision reaches, and how often the ledger is queried for them. The
 * test stands in for PostgreSQL.
 */
#include "gateway/submit/waiters.h"

#include <event2/event.h>
#include <string.h>

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

/* --- queries of the ledger --- */

enum { CROWD = 1200, LIMIT_S = 30, LOOK_MS = 1000 };

static struct {
    struct event_base *base;
    struct waiter crowd[CROWD];
    unsigned asked[CROWD]; /* how often */
    size_t queries;
    int64_t last_ms;
    pg_callback callback; /* of the query that has no answer; NULL: none */
    void *arg;
} ledger;

static size_t number_of(const struct uuid *id)
{
    return (size_t)id->bytes[0] * 256 + id->bytes[15];
}

static bool find(struct pg *pg, const struct submit_ids *ids, size_t count, pg_callback callback, void *arg)
{
    int64_t now_ms = clock_mono_ms();
    (void)pg;
    ck_assert_uint_le(count, WAITERS_LOOK_MAX);
    ck_assert(ledger.callback == NULL);
    ck_assert_msg(ledger.queries == 0 || now_ms - ledger.last_ms >= LOOK_MS, "%lld ms after the query before",
                  (long long)(now_ms - ledger.last_ms));
    for (size_t i = 0; i < count; i++) {
        ledger.asked[number_of(&ids[i].id)]++;
    }
    ledger.queries++;
    ledger.last_ms = now_ms;
    if (ledger.queries == 2) {
        return false; /* PostgreSQL is unavailable */
    }
    ledger.callback = callback;
    ledger.arg = arg;
    return true;
}

/* One event; then the answer that nothing is decided. */
static void step(void)
{
    const struct pg_reply nothing = {.outcome = PG_LOST};
    ck_assert_int_eq(event_base_loop(ledger.base, EVLOOP_ONCE), 0);
    pg_callback callback = ledger.callback;
    ledger.callback = NULL;
    if (callback != NULL) {
        callback(&nothing, ledger.arg);
    }
}

static void set_up_crowd(size_t count)
{
    static struct submit_family family;
    family = bid_family;
    family.find = find;
    memset(&ledger, 0, sizeof ledger);
    ledger.base = event_base_new();
    waiters = waiters_new(ledger.base, NULL, &family);
    ck_assert_ptr_nonnull(waiters);
    for (size_t i = 0; i < count; i++) {
        ledger.crowd[i] = (struct waiter){.ids.id = {.bytes = {[0] = (uint8_t)(i / 256), [15] = (uint8_t)i}},
                                          .until_ms = clock_mono_ms() + WAIT_MS,
                                          .done = done};
        waiters_add(waiters, &ledger.crowd[i]);
    }
}

START_TEST(many_waiters_share_one_query_a_second)
{
    set_up_crowd(CROWD);
    int64_t began_ms = clock_mono_ms();
    size_t looked = 0;
    while (looked < CROWD) {
        ck_assert_int_lt(clock_mono_ms() - began_ms, LIMIT_S * INT64_C(1000));
        step();
        looked = 0;
        for (size_t i = 0; i < CROWD; i++) {
            looked += ledger.asked[i] > 0;
            ck_assert_uint_le(ledger.asked[i], 2);
        }
    }
    ck_assert_uint_ge(ledger.queries, (CROWD + WAITERS_LOOK_MAX - 1) / WAITERS_LOOK_MAX);
    waiters_free(waiters);
    event_base_free(ledger.base);
}
END_TEST

START_TEST(a_waiter_is_looked_for_less_and_less_often)
{
    int64_t began_ms = clock_mono_ms();
    set_up_crowd(1);
    for (size_t i = 0; i < 2; i++) {
        int64_t before_ms = i == 0 ? began_ms : ledger.last_ms;
        while (ledger.queries == i) {
            ck_assert_int_lt(clock_mono_ms() - began_ms, LIMIT_S * INT64_C(1000));
            step();
        }
        ck_assert_int_ge(ledger.last_ms - before_ms, LOOK_MS << i);
    }
    waiters_free(waiters);
    event_base_free(ledger.base);
}
END_TEST

static Suite *waiters_suite(void)
{
    Suite *suite = suite_create("waiters");
    TCase *tcase = tcase_create("waiters");
    tcase_set_timeout(tcase, LIMIT_S + 10);
    tcase_add_test(tcase, a_decision_reaches_the_waiters_of_its_auction_and_bid);
    tcase_add_test(tcase, many_waiters_share_one_query_a_second);
    tcase_add_test(tcase, a_waiter_is_looked_for_less_and_less_often);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(waiters_suite());
}
