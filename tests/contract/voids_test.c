/*
 * Voiding a bid over HTTP: by an admin, or by its bidder within the window of tests/conf/check.ini. Afterwards all
 * views must be correct, everyone concerned notified, and the ledger must pass `rostrumctl verify`.
 */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/rules/voids.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define MY_BIDS "/api/v1/users/me/bids"

static struct factory_user admin;

static void setup(void)
{
    fixture_setup();
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
}

static void expect_verified(void)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof(out), "verify", fixture.auction, NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
}

/* Places a bid or a maximum and waits for the decision; copies its id to `id`. */
static const struct reply *place_bid(const struct factory_user *who, const char *amount, bool proxy,
                                     char id[static UUID_TEXT_SIZE])
{
    const struct reply *reply = proxy ? factory_proxy(fixture.client, who, fixture.auction, amount)
                                      : factory_bid(fixture.client, who, fixture.auction, amount);
    EXPECT_STATUS(reply, 200);
    (void)snprintf(id, UUID_TEXT_SIZE, "%s", reply_text(reply, "bidId"));
    return reply;
}

static const struct reply *void_bid(const struct factory_user *who, const char *bid)
{
    return fixture_call(who, "POST", client_format("/api/v1/admin/auctions/%s/bids/%s/void", fixture.auction, bid),
                        "{\"reason\": \"a stolen card\"}");
}

static const struct reply *retract(const struct factory_user *who, const char *bid)
{
    return fixture_call(who, "DELETE", client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid), NULL);
}

static const struct reply *get_bid(const struct factory_user *who, const char *bid)
{
    return fixture_call(who, "GET", client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid), NULL);
}

static const struct reply *get_auction(void)
{
    return factory_get_auction(fixture.client, NULL, fixture.auction);
}

START_TEST(an_admin_voids_the_leading_bid)
{
    char low[UUID_TEXT_SIZE];
    char high[UUID_TEXT_SIZE];
    (void)place_bid(&fixture.ann, "10.00", false, low);
    (void)place_bid(&fixture.bob, "5000.00", false, high);
    EXPECT_TEXT(get_auction(), "version", "3");
    const struct reply *reply = void_bid(&admin, high);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "currentBid", "10.00");
    EXPECT_TEXT(reply, "minimumBid", "11.00");
    EXPECT_TEXT(reply, "bidCount", "1");
    EXPECT_TEXT(reply, "version", "4");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM audit_log WHERE action = 'BID_VOID' AND subject = $1"
                             " AND new_value ->> 'bidId' = $2 AND reason = 'a stolen card'",
                             fixture.auction, high, NULL),
                     1);
    EXPECT_TEXT(get_bid(&fixture.bob, high), "status", "voided");
    EXPECT_TEXT(get_bid(&fixture.ann, low), "status", "accepted");
    reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.bidId", low);
    reply = fixture_call(&admin, "GET", client_format("/api/v1/admin/auctions/%s/bids", fixture.auction), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.bidId", high);
    EXPECT_TEXT(reply, "items.0.bidderName", "Bob");
    EXPECT_TEXT(reply, "items.0.amount", "5000.00");
    EXPECT_TEXT(reply, "items.0.voided", "true");
    EXPECT_TEXT(reply, "items.1.bidId", low);
    EXPECT_TEXT(reply, "items.1.voided", "false");
    EXPECT_ERROR(void_bid(&admin, high), 409, "BID_VOIDED");
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.bob, fixture.auction, "BID_VOIDED") == 1,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, fixture.auction, "BID_VOIDED") == 1,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "BID_VOIDED") == 1,
               FACTORY_DECISION_MS);
    /* The gateway's snapshot in Redis was updated, so 11.00 is not too low. */
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
    expect_verified();
}
END_TEST

START_TEST(voiding_the_only_bid_resets_the_auction)
{
    char bid[UUID_TEXT_SIZE];
    (void)place_bid(&fixture.ann, "10.00", false, bid);
    EXPECT_STATUS(void_bid(&admin, bid), 200);
    const struct reply *reply = get_auction();
    EXPECT_TEXT(reply, "currentBid", "null");
    EXPECT_TEXT(reply, "minimumBid", "10.00");
    EXPECT_TEXT(reply, "bidCount", "0");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items"), 0);
    /* The seller may change the terms again, and verify applies the new terms to the later bids. */
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 3, \"startingPrice\": 20}"),
                  200);
    (void)place_bid(&fixture.bob, "20.00", true, bid);
    (void)place_bid(&fixture.ann, "30.00", true, bid);
    EXPECT_STATUS(void_bid(&admin, bid), 200);
    EXPECT_TEXT(get_auction(), "currentBid", "20.00");
    expect_verified();
}
END_TEST

START_TEST(a_void_recomputes_automatic_bids)
{
    char proxy[UUID_TEXT_SIZE];
    char beaten[UUID_TEXT_SIZE];
    char third[UUID_TEXT_SIZE];
    (void)place_bid(&fixture.bob, "50.00", true, beaten);
    (void)place_bid(&fixture.ann, "90.00", true, proxy);
    EXPECT_TEXT(place_bid(&admin, "60.00", false, third), "status", "outbid");
    EXPECT_TEXT(get_auction(), "currentBid", "61.00");
    EXPECT_STATUS(void_bid(&admin, third), 200);
    EXPECT_TEXT(get_auction(), "currentBid", "51.00");
    const struct reply *reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_STATUS(void_bid(&admin, proxy), 200);
    EXPECT_TEXT(get_auction(), "currentBid", "10.00");
    EXPECT_TEXT(fixture_call(&fixture.bob, "GET", fixture_path("/proxy"), NULL), "maxAmount", "50.00");
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", fixture_path("/proxy"), NULL), 404);
    reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.amount", "10.00");
    reply = fixture_call(&fixture.bob, "GET", MY_BIDS, NULL);
    EXPECT_TEXT(reply, "items.0.state", "leading");
    EXPECT_TEXT(reply, "items.0.myHighestBid", "10.00");
    EXPECT_TEXT(reply, "items.0.myMaximum", "50.00");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items"), 0);
    expect_verified();
}
END_TEST

/* A void may lower an automatic bid. "My bids" then shows the lower amount as the highest bid. */
START_TEST(my_highest_bid_follows_recomputed_automatic_bids)
{
    char proxy[UUID_TEXT_SIZE];
    char second[UUID_TEXT_SIZE];
    char third[UUID_TEXT_SIZE];
    (void)place_bid(&fixture.ann, "90.00", true, proxy);
    (void)place_bid(&fixture.bob, "40.00", true, second);
    (void)place_bid(&admin, "60.00", false, third);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myHighestBid", "61.00");
    EXPECT_STATUS(void_bid(&admin, third), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myHighestBid", "41.00");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.state", "leading");
    EXPECT_TEXT(fixture_call(&fixture.bob, "GET", MY_BIDS, NULL), "items.0.state", "outbid");
    EXPECT_STATUS(void_bid(&admin, second), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myHighestBid", "10.00");
    expect_verified();
}
END_TEST

/* The test changed the ledger by SQL, so it must go: other tests verify the whole deployment. */
static void delete_auction(void)
{
    PQclear(sql_rows(fixture.sql, "DELETE FROM bids WHERE auction_id = $1::uuid", fixture.auction, NULL));
    PQclear(sql_rows(fixture.sql, "DELETE FROM auctions WHERE id = $1::uuid", fixture.auction, NULL));
}

START_TEST(a_bidder_retracts_a_bid_within_the_window)
{
    char low[UUID_TEXT_SIZE];
    char high[UUID_TEXT_SIZE];
    (void)place_bid(&fixture.ann, "10.00", false, low);
    (void)place_bid(&fixture.bob, "11000.00", false, high);
    const struct reply *shown = get_bid(&fixture.bob, high);
    int64_t received = 0;
    int64_t until = 0;
    ck_assert(clock_parse(reply_text(shown, "receivedAt"), &received));
    ck_assert(clock_parse(reply_text(shown, "retractUntil"), &until));
    ck_assert_int_eq(until - received, 60000);
    EXPECT_ABSENT(get_bid(&admin, high), "retractUntil");
    EXPECT_ERROR(retract(NULL, high), 401, "UNAUTHORIZED");
    EXPECT_ERROR(retract(&fixture.ann, high), 404, "NOT_FOUND");
    EXPECT_ERROR(retract(&admin, high), 404, "NOT_FOUND");
    EXPECT_STATUS(retract(&fixture.bob, high), 204);
    EXPECT_ABSENT(get_bid(&fixture.bob, high), "retractUntil");
    EXPECT_TEXT(get_auction(), "currentBid", "10.00");
    EXPECT_ERROR(retract(&fixture.bob, high), 409, "BID_VOIDED");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
    expect_verified();
    PQclear(sql_rows(fixture.sql, "UPDATE bids SET received_at = received_at - interval '61 s' WHERE bid_id = $1::uuid",
                     low, NULL));
    const struct reply *reply = retract(&fixture.ann, low);
    EXPECT_ERROR(reply, 409, "RETRACT_TOO_LATE");
    EXPECT_PRESENT(reply, "until");
    ck_assert(clock_parse(reply_text(reply, "until"), &until));
    ck_assert_int_lt(until, clock_now_ms());
    EXPECT_STATUS(void_bid(&admin, low), 200);
    delete_auction();
}
END_TEST

START_TEST(voiding_the_winning_bid_settles_the_auction_again)
{
    char low[UUID_TEXT_SIZE];
    char high[UUID_TEXT_SIZE];
    (void)place_bid(&fixture.ann, "10.00", false, low);
    (void)place_bid(&fixture.bob, "20.00", false, high);
    EXPECT_STATUS(fixture_call(&admin, "PUT", client_format("/api/v1/admin/auctions/%s", fixture.auction),
                               "{\"action\": \"end\", \"reason\": \"asked for\"}"),
                  200);
    SUITE_WAIT(factory_has_status(fixture.client, fixture.auction, "sold"), FACTORY_DECISION_MS);
    const struct reply *reply = retract(&fixture.bob, high);
    EXPECT_ERROR(reply, 409, "AUCTION_ENDED");
    EXPECT_PRESENT(reply, "endTime");
    EXPECT_STATUS(void_bid(&admin, high), 200);
    reply = factory_get_auction(fixture.client, &fixture.ann, fixture.auction);
    EXPECT_TEXT(reply, "status", "sold");
    EXPECT_TEXT(reply, "winnerId", fixture.ann.id);
    EXPECT_TEXT(reply, "winningBidId", low);
    EXPECT_TEXT(reply, "currentBid", "10.00");
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, fixture.auction, "AUCTION_WON") == 1,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "AUCTION_SOLD") == 2,
               FACTORY_DECISION_MS);
    expect_verified();
    EXPECT_STATUS(void_bid(&admin, low), 200);
    ck_assert(factory_has_status(fixture.client, fixture.auction, "unsold"));
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "AUCTION_UNSOLD") == 1,
               FACTORY_DECISION_MS);
    expect_verified();
}
END_TEST

START_TEST(voids_are_validated)
{
    char bid[UUID_TEXT_SIZE];
    char path[256];
    (void)place_bid(&fixture.ann, "10.00", false, bid);
    (void)snprintf(path, sizeof(path), "/api/v1/admin/auctions/%s/bids/%s/void", fixture.auction, bid);
    EXPECT_ERROR(fixture_call(NULL, "POST", path, "{\"reason\": \"x\"}"), 401, "UNAUTHORIZED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "POST", path, "{\"reason\": \"x\"}"), 403, "FORBIDDEN");
    EXPECT_ERROR(fixture_call(&admin, "POST", path, "{}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&admin, "POST", path, "{\"reason\": \"x\", \"more\": 1}"), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(void_bid(&admin, fixture.auction), 404, "NOT_FOUND");
    EXPECT_STATUS(void_bid(&admin, bid), 200);
    EXPECT_STATUS(fixture_call(&admin, "PUT", client_format("/api/v1/admin/auctions/%s", fixture.auction),
                               "{\"action\": \"cancel\", \"reason\": \"asked for\"}"),
                  200);
    EXPECT_ERROR(void_bid(&admin, bid), 409, "AUCTION_CANCELLED");
    expect_verified();
}
END_TEST

START_TEST(a_ledger_over_the_limit_refuses_voids)
{
    char bid[UUID_TEXT_SIZE];
    (void)place_bid(&fixture.ann, "10.00", false, bid);
    PQclear(sql_rows(fixture.sql, "UPDATE auctions SET ledger_seq = $2::bigint WHERE id = $1::uuid", fixture.auction,
                     client_format("%d", VOIDS_LEDGER_MAX + 1), NULL));
    EXPECT_ERROR(void_bid(&admin, bid), 409, "TOO_MANY_BIDS");
    const struct reply *reply = retract(&fixture.ann, bid);
    EXPECT_ERROR(reply, 409, "TOO_MANY_BIDS");
    EXPECT_TEXT(reply, "max", client_format("%d", VOIDS_LEDGER_MAX));
    EXPECT_TEXT(get_auction(), "currentBid", "10.00");
    EXPECT_TEXT(get_bid(&fixture.ann, bid), "status", "accepted");
    delete_auction();
}
END_TEST

static Suite *voids_suite(void)
{
    Suite *suite = suite_create("voids");
    TCase *tcase = tcase_create("voids");
    tcase_add_checked_fixture(tcase, setup, fixture_teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_admin_voids_the_leading_bid);
    tcase_add_test(tcase, voiding_the_only_bid_resets_the_auction);
    tcase_add_test(tcase, a_void_recomputes_automatic_bids);
    tcase_add_test(tcase, my_highest_bid_follows_recomputed_automatic_bids);
    tcase_add_test(tcase, a_bidder_retracts_a_bid_within_the_window);
    tcase_add_test(tcase, voiding_the_winning_bid_settles_the_auction_again);
    tcase_add_test(tcase, voids_are_validated);
    tcase_add_test(tcase, a_ledger_over_the_limit_refuses_voids);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(voids_suite());
}
