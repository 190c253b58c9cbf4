/*
 * Buy now, increment tables given as lists of amounts or percentages, and quotes of the next valid amounts.
 */
#include <stdio.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

static void list_auction(const char *more, char id[static UUID_TEXT_SIZE])
{
    const struct factory_terms terms = {.more = more};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
}

/* `body` may be NULL. */
static const struct reply *buy_with(const struct factory_user *who, const char *auction, const char *body)
{
    client_header(fixture.client, "Prefer: wait=10");
    return fixture_call(who, "POST", client_format("/api/v1/auctions/%s/buy-now", auction), body);
}

static const struct reply *buy(const struct factory_user *who, const char *auction)
{
    return buy_with(who, auction, NULL);
}

/* `rostrumctl verify` derives the same state from the ledger. */
static void expect_verified(const char *auction)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof(out), "verify", auction, NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
}

START_TEST(buy_now_ends_the_auction_at_once)
{
    char id[UUID_TEXT_SIZE];
    char bid[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "buyNowPrice", "50.00");
    const struct reply *reply = buy(&fixture.ann, id);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "accepted");
    EXPECT_TEXT(reply, "amount", "50.00");
    EXPECT_TEXT(reply, "isProxyBid", "false");
    (void)snprintf(bid, sizeof(bid), "%s", reply_text(reply, "bidId"));
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", client_format("/api/v1/auctions/%s/bids/%s", id, bid), NULL),
                "amount", "50.00");
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), FACTORY_DECISION_MS);
    reply = factory_get_auction(fixture.client, &fixture.ann, id);
    EXPECT_TEXT(reply, "currentBid", "50.00");
    EXPECT_TEXT(reply, "bidCount", "1");
    EXPECT_TEXT(reply, "winningBidId", bid);
    EXPECT_TEXT(reply, "winnerId", fixture.ann.id);
    EXPECT_TEXT(reply, "buyNowPrice", "null");
    EXPECT_TEXT(fixture_call(NULL, "GET", client_format("/api/v1/auctions/%s/bids", id), NULL), "items.0.amount",
                "50.00");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", "/api/v1/users/me/bids", NULL), "items.0.state", "won");
    EXPECT_ERROR(buy(&fixture.bob, id), 409, "AUCTION_ENDED");
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, id, "AUCTION_WON") == 1, FACTORY_DECISION_MS);
    expect_verified(id);
}
END_TEST

START_TEST(buy_now_without_prefer_wait_is_answered_202)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    client_header(fixture.client, "X-Idempotency-Key: once");
    const struct reply *reply =
        fixture_call(&fixture.ann, "POST", client_format("/api/v1/auctions/%s/buy-now", id), NULL);
    EXPECT_STATUS(reply, 202);
    EXPECT_TEXT(reply, "status", "pending");
    EXPECT_PRESENT(reply, "bidId");
    ck_assert_str_eq(client_reply_header(fixture.client, "Location"),
                     client_format("/api/v1/auctions/%s/bids/%s", id, reply_text(reply, "bidId")));
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), FACTORY_DECISION_MS);
    client_header(fixture.client, "X-Idempotency-Key: once");
    reply = fixture_call(&fixture.ann, "POST", client_format("/api/v1/auctions/%s/buy-now", id), NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "accepted");
}
END_TEST

START_TEST(without_a_reserve_the_first_bid_removes_buy_now)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "10.00"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "buyNowPrice", "null");
    const struct reply *reply = buy(&fixture.ann, id);
    EXPECT_TEXT(reply, "status", "rejected");
    EXPECT_TEXT(reply, "reason", "BUY_NOW_GONE");
    expect_verified(id);
}
END_TEST

START_TEST(buy_now_stays_available_below_the_reserve)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00, \"reservePrice\": 30.00", id);
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.bob, id, "25.00"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "buyNowPrice", "50.00");
    EXPECT_TEXT(buy(&fixture.ann, id), "status", "accepted");
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.bob, id, "AUCTION_LOST") == 1, FACTORY_DECISION_MS);
    expect_verified(id);
}
END_TEST

START_TEST(buy_now_has_the_same_refusals_as_bids)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    EXPECT_ERROR(buy(NULL, id), 401, "UNAUTHORIZED");
    EXPECT_ERROR(buy(&fixture.seller, id), 403, "OWN_AUCTION");
    EXPECT_ERROR(buy(&fixture.ann, fixture.ann.id), 404, "NOT_FOUND");
    EXPECT_TEXT(buy(&fixture.ann, fixture.auction), "reason", "BUY_NOW_GONE");
}
END_TEST

START_TEST(a_buyer_never_pays_another_price_than_the_expected_one)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", client_format("/api/v1/auctions/%s", id),
                               "{\"version\": 1, \"buyNowPrice\": 90.00}"),
                  200);
    const struct reply *reply = buy_with(&fixture.ann, id, "{\"price\": 50.00}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "rejected");
    EXPECT_TEXT(reply, "reason", "TERMS_CHANGED");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "status", "active");
    reply = buy_with(&fixture.ann, id, "{\"price\": \"90.00\"}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "accepted");
    EXPECT_TEXT(reply, "amount", "90.00");
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), FACTORY_DECISION_MS);
    expect_verified(id);
}
END_TEST

START_TEST(an_offer_that_is_gone_is_not_called_changed)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "10.00"), 200);
    EXPECT_TEXT(buy_with(&fixture.ann, id, "{\"price\": 40.00}"), "reason", "BUY_NOW_GONE");
    expect_verified(id);
}
END_TEST

START_TEST(an_expected_price_must_be_an_amount)
{
    static const char *const amounts[] = {"0", "-1", "1.001", "1e2", "\"x\"", "10000000000"};
    char id[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        char body[64];
        (void)snprintf(body, sizeof(body), "{\"price\": %s}", amounts[i]);
        EXPECT_ERROR(buy_with(&fixture.ann, id, body), 400, "INVALID_AMOUNT");
    }
    EXPECT_ERROR(buy_with(&fixture.ann, id, "{\"amount\": 50.00}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(buy_with(&fixture.ann, id, "[]"), 400, "VALIDATION_FAILED");
    EXPECT_TEXT(buy_with(&fixture.ann, id, "{}"), "status", "accepted");
}
END_TEST

START_TEST(one_key_names_one_expected_price)
{
    char id[UUID_TEXT_SIZE];
    char bid[UUID_TEXT_SIZE];
    list_auction("\"buyNowPrice\": 50.00", id);
    client_header(fixture.client, "Idempotency-Key: priced");
    const struct reply *reply = buy_with(&fixture.ann, id, "{\"price\": 50.00}");
    EXPECT_TEXT(reply, "status", "accepted");
    (void)snprintf(bid, sizeof(bid), "%s", reply_text(reply, "bidId"));
    client_header(fixture.client, "Idempotency-Key: priced");
    EXPECT_TEXT(buy_with(&fixture.ann, id, "{\"price\": \"50\"}"), "bidId", bid);
    client_header(fixture.client, "Idempotency-Key: priced");
    EXPECT_ERROR(buy_with(&fixture.ann, id, "{\"price\": 51.00}"), 422, "IDEMPOTENCY_KEY_REUSED");
    client_header(fixture.client, "Idempotency-Key: priced");
    EXPECT_ERROR(buy(&fixture.ann, id), 422, "IDEMPOTENCY_KEY_REUSED");
}
END_TEST

START_TEST(amount_lists_and_percentages_set_the_minimum_bid)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"incrementTable\": [10, 12, 15, 20]", id);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "13.00"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "minimumBid", "15.00");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "20.00"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "minimumBid", "25.00");
    expect_verified(id);

    list_auction("\"incrementTable\": {\"percent\": 2.5, \"minimum\": \"0.10\"}", id);
    const struct reply *reply = factory_get_auction(fixture.client, NULL, id);
    EXPECT_TEXT(reply, "incrementTable.percent", "2.50");
    EXPECT_TEXT(reply, "incrementTable.minimum", "0.10");
    ck_assert_int_eq(reply_at(reply, "incrementTable.minimum")->type, JSON_NUMBER);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "10.01"), 200);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "minimumBid", "10.27");
    expect_verified(id);
}
END_TEST

START_TEST(amounts_of_an_increment_table_are_numbers)
{
    char id[UUID_TEXT_SIZE];
    list_auction("\"incrementTable\": [{\"from\": 0, \"increment\": \"0.5\"}, {\"from\": 20, \"increment\": 5}]", id);
    const struct reply *reply = factory_get_auction(fixture.client, NULL, id);
    ck_assert_ptr_nonnull(
        strstr(reply->body, "[{\"from\": 0.00, \"increment\": 0.50}, {\"from\": 20.00, \"increment\": 5.00}]"));
    list_auction("\"incrementTable\": [\"10\", 12, \"15.5\"]", id);
    reply = factory_get_auction(fixture.client, NULL, id);
    ck_assert_ptr_nonnull(strstr(reply->body, "\"incrementTable\":[10.00, 12.00, 15.50]"));
}
END_TEST

START_TEST(a_quote_lists_the_next_ten_amounts)
{
    static const char *const invalid[] = {
        "{}",
        "{\"startingPrice\": 5, \"incrementTable\": []}",
        "{\"startingPrice\": 5, \"incrementTable\": [7]}",
        "{\"startingPrice\": 5, \"incrementTable\": {\"percent\": 101, \"minimum\": 1}}",
        "{\"startingPrice\": 5, \"colour\": 1}",
    };
    const char *path = "/api/v1/auctions/quote";
    const struct reply *reply =
        fixture_call(NULL, "POST", path, "{\"startingPrice\": 100, \"incrementTable\": [100, 120, 150, 180, 200]}");
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "amounts"), 10);
    EXPECT_TEXT(reply, "amounts.0", "100.00");
    EXPECT_TEXT(reply, "amounts.2", "150.00");
    EXPECT_TEXT(reply, "amounts.9", "300.00");
    reply = fixture_call(NULL, "POST", path,
                         "{\"startingPrice\": 1, \"currentBid\": 99.99, \"incrementTable\": \"ebay-us\"}");
    EXPECT_TEXT(reply, "amounts.0", "100.99");
    EXPECT_TEXT(reply, "amounts.1", "103.49");
    reply = fixture_call(NULL, "POST", path, "{\"currentBid\": 9999999998.00}");
    ck_assert_int_eq(reply_count(reply, "amounts"), 1);
    EXPECT_ERROR(fixture_call(NULL, "POST", path, "{\"startingPrice\": 0}"), 400, "INVALID_AMOUNT");
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        EXPECT_ERROR(fixture_call(NULL, "POST", path, invalid[i]), 400, "VALIDATION_FAILED");
    }
}
END_TEST

static Suite *buy_now_suite(void)
{
    const TTest *const tests[] = {
        buy_now_ends_the_auction_at_once,
        buy_now_without_prefer_wait_is_answered_202,
        without_a_reserve_the_first_bid_removes_buy_now,
        buy_now_stays_available_below_the_reserve,
        buy_now_has_the_same_refusals_as_bids,
        a_buyer_never_pays_another_price_than_the_expected_one,
        an_offer_that_is_gone_is_not_called_changed,
        an_expected_price_must_be_an_amount,
        one_key_names_one_expected_price,
        amount_lists_and_percentages_set_the_minimum_bid,
        amounts_of_an_increment_table_are_numbers,
        a_quote_lists_the_next_ten_amounts,
        NULL,
    };
    return fixture_suite("buy_now", tests);
}

int main(void)
{
    return suite_run(buy_now_suite());
}
