/*
 * Voiding a bid over HTTP: an admin's call, and a bidder's own within the window of tests/conf/check.ini. What is left
 * must be right everywhere it shows, everyone concerned must be told, and the ledger must replay.
 */
#include <stdio.h>

#include "common/rules/voids.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

#define MY_BIDS "/api/v1/users/me/bids"

static struct factory_user admin;

static void set(void)
{
    fixture_setup();
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
}

static void expect_replays(void)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof(out), "verify", fixture.auction, NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
}

/* Places a bid or a maximum, decided; its id in `id`. */
static const struct reply *place(const struct factory_user *who, const char *amount, bool proxy,
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

static const struct reply *take_back(const struct factory_user *who, const char *bid)
{
    return fixture_call(who, "DELETE", client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid), NULL);
}

static const struct reply *bid_of(const struct factory_user *who, const char *bid)
{
    return fixture_call(who, "GET", client_format("/api/v1/auctions/%s/bids/%s", fixture.auction, bid), NULL);
}

static const struct reply *look(void)
{
    return factory_look(fixture.client, NULL, fixture.auction);
}

START_TEST(an_admin_voids_the_leading_bid)
{
    char low[UUID_TEXT_SIZE];
    char high[UUID_TEXT_SIZE];
    (void)place(&fixture.ann, "10.00", false, low);
    (void)place(&fixture.bob, "5000.00", false, high);
    EXPECT_TEXT(look(), "version", "3");
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
    EXPECT_TEXT(bid_of(&fixture.bob, high), "status", "voided");
    EXPECT_TEXT(bid_of(&fixture.ann, low), "status", "accepted");
    reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.bidId", low);
    EXPECT_ERROR(void_bid(&admin, high), 409, "BID_VOIDED");
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.bob, fixture.auction, "BID_VOIDED") == 1,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, fixture.auction, "BID_VOIDED") == 1,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "BID_VOIDED") == 1,
               FACTORY_DECISION_MS);
    /* The snapshot that bids are refused by knows it too. */
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
    expect_replays();
}
END_TEST

START_TEST(without_its_only_bid_an_auction_is_as_before)
{
    char bid[UUID_TEXT_SIZE];
    (void)place(&fixture.ann, "10.00", false, bid);
    EXPECT_STATUS(void_bid(&admin, bid), 200);
    const struct reply *reply = look();
    EXPECT_TEXT(reply, "currentBid", "null");
    EXPECT_TEXT(reply, "minimumBid", "10.00");
    EXPECT_TEXT(reply, "bidCount", "0");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items"), 0);
    /* Its seller may change it again, and the replay knows on which terms what is left was bid. */
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 3, \"startingPrice\": 20}"),
                  200);
    (void)place(&fixture.bob, "20.00", true, bid);
    (void)place(&fixture.ann, "30.00", true, bid);
    EXPECT_STATUS(void_bid(&admin, bid), 200);
    EXPECT_TEXT(look(), "currentBid", "20.00");
    expect_replays();
}
END_TEST

START_TEST(automatic_bids_are_made_anew)
{
    char proxy[UUID_TEXT_SIZE];
    char beaten[UUID_TEXT_SIZE];
    char third[UUID_TEXT_SIZE];
    (void)place(&fixture.bob, "50.00", true, beaten);
    (void)place(&fixture.ann, "90.00", true, proxy);
    EXPECT_TEXT(place(&admin, "60.00", false, third), "status", "outbid");
    EXPECT_TEXT(look(), "currentBid", "61.00");
    EXPECT_STATUS(void_bid(&admin, third), 200);
    EXPECT_TEXT(look(), "currentBid", "51.00");
    const struct reply *reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_STATUS(void_bid(&admin, proxy), 200);
    EXPECT_TEXT(look(), "currentBid", "10.00");
    EXPECT_TEXT(fixture_call(&fixture.bob, "GET", fixture_path("/proxy"), NULL), "maxAmount", "50.00");
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", fixture_path("/proxy"), NULL), 404);
    reply = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.amount", "10.00");
    reply = fixture_call(&fixture.bob, "GET", MY_BIDS, NULL);
    EXPECT_TEXT(reply, "items.0.state", "winning");
    EXPECT_TEXT(reply, "items.0.myHighestBid", "10.00");
    EXPECT_TEXT(reply, "items.0.myMaximum", "50.00");
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items"), 0);
    expect_replays();
}
END_TEST

/* An automatic bid that a void made anew, lower, is still all that I bid by it. */
START_TEST(my_highest_bid_follows_a_void)
{
    char proxy[UUID_TEXT_SIZE];
    char second[UUID_TEXT_SIZE];
    char third[UUID_TEXT_SIZE];
    (void)place(&fixture.ann, "90.00", true, proxy);
    (void)place(&fixture.bob, "40.00", true, second);
    (void)place(&admin, "60.00", false, third);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myHighestBid", "61.00");
    EXPECT_STATUS(void_bid(&admin, third), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myHighestBid", "41.00");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.state", "winning");
    EXPECT_TEXT(fixture_call(&fixture.bob, "GET", MY_BIDS, NULL), "items.0.state", "outbid");
    EXPECT_STATUS(void_bid(&admin, second), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myHighestBid", "10.00");
    expect_replays();
}
END_TEST

/* Its ledger was written by this test: no rules explain it, and other tests verify the whole deployment. */
static void forget_auction(void)
{
    PQclear(sql_rows(fixture.sql, "DELETE FROM bids WHERE auction_id = $1::uuid", fixture.auction, NULL));
    PQclear(sql_rows(fixture.sql, "DELETE FROM auctions WHERE id = $1::uuid", fixture.auction, NULL));
}

START_TEST(a_bidder_takes_back_a_mistaken_amount)
{
    char low[UUID_TEXT_SIZE];
    char high[UUID_TEXT_SIZE];
    (void)place(&fixture.ann, "10.00", false, low);
    (void)place(&fixture.bob, "11000.00", false, high);
    EXPECT_ERROR(take_back(NULL, high), 401, "UNAUTHORIZED");
    EXPECT_ERROR(take_back(&fixture.ann, high), 404, "NOT_FOUND");
    EXPECT_ERROR(take_back(&admin, high), 404, "NOT_FOUND");
    EXPECT_STATUS(take_back(&fixture.bob, high), 204);
    EXPECT_TEXT(look(), "currentBid", "10.00");
    EXPECT_ERROR(take_back(&fixture.bob, high), 409, "BID_VOIDED");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
    expect_replays();
    PQclear(sql_rows(fixture.sql, "UPDATE bids SET received_at = received_at - interval '61 s' WHERE bid_id = $1::uuid",
                     low, NULL));
    EXPECT_ERROR(take_back(&fixture.ann, low), 409, "RETRACT_TOO_LATE");
    EXPECT_STATUS(void_bid(&admin, low), 200);
    forget_auction();
}
END_TEST

START_TEST(what_was_sold_is_settled_anew)
{
    char low[UUID_TEXT_SIZE];
    char high[UUID_TEXT_SIZE];
    (void)place(&fixture.ann, "10.00", false, low);
    (void)place(&fixture.bob, "20.00", false, high);
    EXPECT_STATUS(fixture_call(&admin, "PUT", client_format("/api/v1/admin/auctions/%s", fixture.auction),
                               "{\"action\": \"end\", \"reason\": \"asked for\"}"),
                  200);
    SUITE_WAIT(factory_has_status(fixture.client, fixture.auction, "sold"), FACTORY_DECISION_MS);
    EXPECT_ERROR(take_back(&fixture.bob, high), 409, "AUCTION_ENDED");
    EXPECT_STATUS(void_bid(&admin, high), 200);
    const struct reply *reply = factory_look(fixture.client, &fixture.ann, fixture.auction);
    EXPECT_TEXT(reply, "status", "sold");
    EXPECT_TEXT(reply, "winnerId", fixture.ann.id);
    EXPECT_TEXT(reply, "winningBidId", low);
    EXPECT_TEXT(reply, "currentBid", "10.00");
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.ann, fixture.auction, "AUCTION_WON") == 1,
               FACTORY_DECISION_MS);
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "AUCTION_SOLD") == 2,
               FACTORY_DECISION_MS);
    expect_replays();
    EXPECT_STATUS(void_bid(&admin, low), 200);
    ck_assert(factory_has_status(fixture.client, fixture.auction, "unsold"));
    SUITE_WAIT(factory_notifications(fixture.client, &fixture.seller, fixture.auction, "AUCTION_UNSOLD") == 1,
               FACTORY_DECISION_MS);
    expect_replays();
}
END_TEST

START_TEST(voids_are_checked)
{
    char bid[UUID_TEXT_SIZE];
    char path[256];
    (void)place(&fixture.ann, "10.00", false, bid);
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
    expect_replays();
}
END_TEST

START_TEST(a_ledger_that_is_too_long_takes_no_void)
{
    char bid[UUID_TEXT_SIZE];
    (void)place(&fixture.ann, "10.00", false, bid);
    PQclear(sql_rows(fixture.sql, "UPDATE auctions SET ledger_seq = $2::bigint WHERE id = $1::uuid", fixture.auction,
                     client_format("%d", VOIDS_LEDGER_MAX + 1), NULL));
    EXPECT_ERROR(void_bid(&admin, bid), 409, "TOO_MANY_BIDS");
    EXPECT_ERROR(take_back(&fixture.ann, bid), 409, "TOO_MANY_BIDS");
    EXPECT_TEXT(look(), "currentBid", "10.00");
    EXPECT_TEXT(bid_of(&fixture.ann, bid), "status", "accepted");
    forget_auction();
}
END_TEST

static Suite *voids_suite(void)
{
    Suite *suite = suite_create("voids");
    TCase *tcase = tcase_create("voids");
    tcase_add_checked_fixture(tcase, set, fixture_teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_admin_voids_the_leading_bid);
    tcase_add_test(tcase, without_its_only_bid_an_auction_is_as_before);
    tcase_add_test(tcase, automatic_bids_are_made_anew);
    tcase_add_test(tcase, my_highest_bid_follows_a_void);
    tcase_add_test(tcase, a_bidder_takes_back_a_mistaken_amount);
    tcase_add_test(tcase, what_was_sold_is_settled_anew);
    tcase_add_test(tcase, voids_are_checked);
    tcase_add_test(tcase, a_ledger_that_is_too_long_takes_no_void);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(voids_suite());
}
