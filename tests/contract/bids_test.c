/*
 * "Bids" of the API over HTTP: refusals by the gateway, Prefer: wait, history, maximums. Unit and property
 * tests cover the bidding rules; these tests check that the whole deployment applies them.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "common/protocol/snapshot.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/redis_run.h"

START_TEST(a_submitted_bid_is_decided_and_visible_to_its_bidder_only)
{
    char bid[UUID_TEXT_SIZE];
    fixture_submit(&fixture.ann, fixture.auction, "55.00", bid);
    ck_assert_str_eq(client_reply_header(fixture.client, "Location"),
                     client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid));
    const char *path = fixture_path(client_format("/bids/%s", bid));
    SUITE_WAIT(strcmp(reply_text(fixture_call(&fixture.ann, "GET", path, NULL), "status"), "accepted") == 0,
               FACTORY_DECISION_MS);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", path, NULL);
    EXPECT_TEXT(reply, "bidId", bid);
    EXPECT_TEXT(reply, "auctionId", fixture.auction);
    EXPECT_TEXT(reply, "amount", "55.00");
    EXPECT_TEXT(reply, "isProxyBid", "false");
    EXPECT_PRESENT(reply, "receivedAt");
    EXPECT_PRESENT(reply, "decidedAt");
    EXPECT_ERROR(fixture_call(&fixture.bob, "GET", path, NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(NULL, "GET", path, NULL), 401, "UNAUTHORIZED");
    reply = factory_get_auction(fixture.client, NULL, fixture.auction);
    EXPECT_TEXT(reply, "currentBid", "55.00");
    EXPECT_TEXT(reply, "minimumBid", "56.00");
    EXPECT_TEXT(reply, "bidCount", "1");
}
END_TEST

START_TEST(the_202_returns_status_amount_and_receive_time)
{
    const struct reply *reply = fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": \"12.5\"}");
    EXPECT_STATUS(reply, 202);
    EXPECT_TEXT(reply, "status", "pending");
    EXPECT_TEXT(reply, "amount", "12.50");
    EXPECT_PRESENT(reply, "message");
    EXPECT_PRESENT(reply, "receivedAt");
    reply = fixture_call(&fixture.ann, "GET", client_reply_header(fixture.client, "Location"), NULL);
    EXPECT_STATUS(reply, 200);
}
END_TEST

START_TEST(the_gateway_refuses_certain_bids_before_queueing)
{
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    SUITE_WAIT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "20.99")->status == 400, FACTORY_DECISION_MS);
    const struct reply *reply = factory_bid(fixture.client, &fixture.bob, fixture.auction, "20.99");
    EXPECT_ERROR(reply, 400, "BID_TOO_LOW");
    EXPECT_TEXT(reply, "currentBid", "20.00");
    EXPECT_TEXT(reply, "minimumBid", "21.00");
    EXPECT_TEXT(reply, "message", "The bid must be at least 21.00; the current bid is 20.00");
    EXPECT_ERROR(factory_bid(fixture.client, &fixture.seller, fixture.auction, "30.00"), 403, "OWN_AUCTION");
    EXPECT_ERROR(fixture_call(NULL, "POST", fixture_path("/bids"), "{\"amount\": 30}"), 401, "UNAUTHORIZED");
    EXPECT_ERROR(factory_bid(fixture.client, &fixture.bob, "01234567-89ab-7def-8123-456789abcdef", "30.00"), 404,
                 "NOT_FOUND");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND status = 'accepted'",
                             fixture.auction, NULL),
                     1);
}
END_TEST

START_TEST(prefer_wait_returns_the_decision)
{
    const struct reply *reply = factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "accepted");
    EXPECT_TEXT(reply, "amount", "10.00");
    reply = factory_proxy(fixture.client, &fixture.bob, fixture.auction, "30.00");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "accepted");
    EXPECT_TEXT(reply, "isProxyBid", "true");
    EXPECT_TEXT(reply, "amount", "11.00");
    EXPECT_TEXT(reply, "maxAmount", "30.00");
    reply = factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "outbid");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "currentBid", "21.00");
    reply = factory_proxy(fixture.client, &fixture.bob, fixture.auction, "29.00");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "rejected");
    EXPECT_TEXT(reply, "reason", "MAXIMUM_NOT_RAISED");
}
END_TEST

START_TEST(the_history_shows_amounts_and_pseudonyms_but_no_maximum)
{
    char ann[64];
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.bob, fixture.auction, "77.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "15.00"), 200);
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.bob, fixture.auction, "88.00"),
                  200); /* raising a maximum adds nothing to the history */
    const struct reply *reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "items"), 4);
    EXPECT_TEXT(reply, "items.0.amount", "16.00");
    EXPECT_TEXT(reply, "items.0.isProxyBid", "true");
    EXPECT_TEXT(reply, "items.1.amount", "15.00");
    EXPECT_TEXT(reply, "items.2.amount", "11.00");
    EXPECT_TEXT(reply, "items.3.amount", "10.00");
    EXPECT_PRESENT(reply, "items.0.createdAt");
    (void)snprintf(ann, sizeof(ann), "%s", reply_text(reply, "items.3.bidder"));
    EXPECT_TEXT(reply, "items.1.bidder", ann);
    ck_assert_str_ne(reply_text(reply, "items.0.bidder"), ann);
    ck_assert_ptr_null(strstr(reply->body, "77.00"));
    ck_assert_ptr_null(strstr(reply->body, fixture.bob.id));
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "bidCount", "3");
    reply = fixture_call(NULL, "GET", fixture_path("/bids?limit=3"), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 3);
    reply = fixture_call(NULL, "GET",
                         fixture_path(client_format("/bids?limit=3&cursor=%s", reply_text(reply, "nextCursor"))), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "nextCursor", "null");
}
END_TEST

START_TEST(only_its_owner_reads_and_withdraws_a_maximum)
{
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", fixture_path("/proxy"), NULL), 404, "NOT_FOUND");
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "50.00"), 200);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", fixture_path("/proxy"), NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "maxAmount", "50.00");
    EXPECT_STATUS(fixture_call(&fixture.bob, "GET", fixture_path("/proxy"), NULL), 404);
    EXPECT_STATUS(fixture_call(&fixture.bob, "DELETE", fixture_path("/proxy"), NULL), 404);
    EXPECT_STATUS(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL), 204);
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", fixture_path("/proxy"), NULL), 404);
    /* The withdrawn maximum no longer places automatic bids: 11.00 leads over a price of 10.00. */
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "currentBid", "11.00");
}
END_TEST

START_TEST(a_leader_may_raise_the_maximum_below_the_minimum_bid)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "10.10"), 200);
    const struct reply *reply = factory_proxy(fixture.client, &fixture.ann, fixture.auction, "10.20");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "status", "accepted");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", fixture_path("/proxy"), NULL), "maxAmount", "10.20");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "bidCount", "1");
}
END_TEST

START_TEST(bids_of_one_auction_are_decided_in_order)
{
    enum { BIDS = 60 };
    for (int i = 0; i < BIDS; i++) {
        char bid[UUID_TEXT_SIZE];
        fixture_submit(i % 2 == 0 ? &fixture.ann : &fixture.bob, fixture.auction, client_format("%d.00", 10 + i), bid);
    }
    SUITE_WAIT(sql_int(fixture.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", fixture.auction, NULL) ==
                   BIDS,
               FACTORY_DECISION_MS);
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND status = 'accepted' "
                             "AND amount = 9 + seq",
                             fixture.auction, NULL),
                     BIDS);
}
END_TEST

static struct uuid parse_uuid(const char *text)
{
    struct uuid id;
    ck_assert(uuid_parse(text, strlen(text), &id));
    return id;
}

/* Writes an old snapshot to Redis, as if the bid worker's last write was lost. It was written a minute ago. */
static void write_stale_snapshot(const char *auction_id, struct snapshot old)
{
    char key[KEYS_SIZE];
    char text[SNAPSHOT_TEXT_SIZE];
    char life[16];
    old.auction_id = parse_uuid(auction_id);
    old.seller_id = uuid_new();
    old.version = 1;
    old.terms_version = 1;
    keys_snapshot(sql_int(fixture.sql, "SELECT epoch FROM data_epoch", NULL), &old.auction_id, key);
    snapshot_format(&old, text);
    const char *const command[] = {"HSET", key, "v", "1", SNAPSHOT_FIELD, text};
    redis_run(ARRAY_LEN(command), command);
    (void)snprintf(life, sizeof(life), "%d", SNAPSHOT_LIFE_S - 60);
    const char *const expire[] = {"EXPIRE", key, life};
    redis_run(ARRAY_LEN(expire), expire);
}

START_TEST(a_stale_end_time_in_redis_refuses_no_bid)
{
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    const struct snapshot old = {.status = RULES_ACTIVE, .end_ms = 1000000000000, .minimum_bid = 1};
    write_stale_snapshot(fixture.auction, old);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
}
END_TEST

START_TEST(a_stale_minimum_or_start_in_redis_refuses_no_bid)
{
    const int64_t end_ms = clock_now_ms() + 1800000;
    const struct snapshot olds[] = {
        {.status = RULES_ACTIVE, .end_ms = end_ms, .minimum_bid = 500000},
        {.status = RULES_SCHEDULED, .start_ms = end_ms - 1000, .end_ms = end_ms, .minimum_bid = 1000},
        {.status = RULES_ENDED, .end_ms = end_ms, .minimum_bid = 1000},
    };
    for (size_t i = 0; i < ARRAY_LEN(olds); i++) {
        write_stale_snapshot(fixture.auction, olds[i]);
        EXPECT_TEXT(factory_bid(fixture.client, i % 2 == 0 ? &fixture.ann : &fixture.bob, fixture.auction,
                                client_format("%zu.00", 10 + i)),
                    "status", "accepted");
    }
}
END_TEST

static Suite *bids_suite(void)
{
    const TTest *const tests[] = {
        a_submitted_bid_is_decided_and_visible_to_its_bidder_only,
        the_202_returns_status_amount_and_receive_time,
        the_gateway_refuses_certain_bids_before_queueing,
        prefer_wait_returns_the_decision,
        the_history_shows_amounts_and_pseudonyms_but_no_maximum,
        only_its_owner_reads_and_withdraws_a_maximum,
        a_leader_may_raise_the_maximum_below_the_minimum_bid,
        bids_of_one_auction_are_decided_in_order,
        a_stale_end_time_in_redis_refuses_no_bid,
        a_stale_minimum_or_start_in_redis_refuses_no_bid,
        NULL,
    };
    return fixture_suite("bids", tests);
}

int main(void)
{
    return suite_run(bids_suite());
}
