/*
 * "Me" of the API: the user's bids, auctions and notifications.
 */
#include <stdio.h>

#include "tests/support/fixture.h"

#define MY_BIDS     "/api/v1/users/me/bids"
#define MY_AUCTIONS "/api/v1/users/me/auctions"
#define MY_NOTICES  "/api/v1/users/me/notifications"

enum { ME_SETTLED_MS = 30000 };

START_TEST(my_bids_show_winning_and_outbid)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", MY_BIDS, NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.state", "leading");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "30.00"), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.state", "outbid");
    reply = fixture_call(&fixture.bob, "GET", MY_BIDS, NULL);
    EXPECT_TEXT(reply, "items.0.state", "leading");
    ck_assert_ptr_null(strstr(reply->body, "20.00"));
    ck_assert_int_eq(reply_count(fixture_call(&fixture.seller, "GET", MY_BIDS, NULL), "items"), 0);
}
END_TEST

START_TEST(my_bids_omit_a_withdrawn_maximum)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "30.00"), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myMaximum", "30.00");
    EXPECT_STATUS(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL), 204);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", MY_BIDS, NULL);
    EXPECT_TEXT(reply, "items.0.state", "leading");
    EXPECT_TEXT(reply, "items.0.myMaximum", "null");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "40.00"), 200);
    reply = fixture_call(&fixture.ann, "GET", MY_BIDS, NULL);
    EXPECT_TEXT(reply, "items.0.state", "outbid");
    EXPECT_TEXT(reply, "items.0.myHighestBid", "10.00");
    EXPECT_TEXT(reply, "items.0.myMaximum", "null");
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "50.00"), 200);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.myMaximum", "50.00");
}
END_TEST

START_TEST(my_bids_show_won_and_lost_after_the_end)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {
        .lasts_ms = 2500,
        .more = "\"antiSnipe\": {\"windowSeconds\": 0, \"extensionSeconds\": 1, \"maxExtensions\": null}"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, id, "11.00"), 200);
    SUITE_WAIT(factory_has_status(fixture.client, id, "sold"), ME_SETTLED_MS);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", MY_BIDS, NULL), "items.0.state", "lost");
    EXPECT_TEXT(fixture_call(&fixture.bob, "GET", MY_BIDS, NULL), "items.0.state", "won");
}
END_TEST

START_TEST(my_auctions_list_the_auctions_of_the_seller)
{
    const struct reply *reply = fixture_call(&fixture.seller, "GET", MY_AUCTIONS, NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", fixture.auction);
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_AUCTIONS, NULL), "items"), 0);
    EXPECT_ERROR(fixture_call(NULL, "GET", MY_AUCTIONS, NULL), 401, "UNAUTHORIZED");
}
END_TEST

static int count_unread(void)
{
    return reply_count(fixture_call(&fixture.ann, "GET", MY_NOTICES "?unread=true", NULL), "items");
}

START_TEST(notifications_are_marked_as_read_by_id_or_all)
{
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "12.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "13.00"), 200);
    SUITE_WAIT(count_unread() == 2, FACTORY_DECISION_MS);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", MY_NOTICES, NULL);
    EXPECT_TEXT(reply, "items.0.kind", "OUTBID");
    EXPECT_TEXT(reply, "items.0.auctionId", fixture.auction);
    const char *body = client_format("{\"ids\": [\"%s\"]}", reply_text(reply, "items.0.id"));
    reply = fixture_call(&fixture.bob, "POST", MY_NOTICES "/read", body); /* Bob cannot mark a notification of Ann */
    ck_assert_int_lt(reply->status, 300);
    ck_assert_int_eq(count_unread(), 2);
    ck_assert_int_lt(fixture_call(&fixture.ann, "POST", MY_NOTICES "/read", body)->status, 300);
    ck_assert_int_eq(count_unread(), 1);
    ck_assert_int_lt(fixture_call(&fixture.ann, "POST", MY_NOTICES "/read", "{\"all\": true}")->status, 300);
    ck_assert_int_eq(count_unread(), 0);
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_NOTICES, NULL), "items"), 2);
}
END_TEST

static Suite *me_suite(void)
{
    const TTest *const tests[] = {
        my_bids_show_winning_and_outbid,
        my_bids_omit_a_withdrawn_maximum,
        my_bids_show_won_and_lost_after_the_end,
        my_auctions_list_the_auctions_of_the_seller,
        notifications_are_marked_as_read_by_id_or_all,
        NULL,
    };
    return fixture_suite("me", tests);
}

int main(void)
{
    return suite_run(me_suite());
}
