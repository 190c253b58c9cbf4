/*
 * "Me" of the API: the user's bids, auctions and notifications.
 */
#include <string.h>

#include <stdio.h>

#include "tests/support/fixture.h"

#define MY_BIDS     "/api/v1/users/me/bids"
#define MY_AUCTIONS "/api/v1/users/me/auctions"
#define MY_NOTICES  "/api/v1/users/me/notifications"
#define ME          "/api/v1/users/me"

enum { TIME_SIZE = 32 };

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

/* The list steps from auction to auction by the user's newest row of each, which may be one that does not count. */
START_TEST(my_bids_name_the_newest_bid_that_counts)
{
    char other[UUID_TEXT_SIZE];
    char at[TIME_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, other, "10.00"), 200);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", MY_BIDS, NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 2);
    EXPECT_TEXT(reply, "items.0.auctionId", other);
    (void)snprintf(at, sizeof(at), "%s", reply_text(reply, "items.1.lastBidAt"));
    PQclear(
        sql_rows(fixture.sql,
                 "INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, reason, received_at, decided_at)"
                 " SELECT auction_id, seq + n, gen_random_uuid(), bidder_id, 'bid', 'rejected', 'BID_TOO_LOW', now(),"
                 " now() + interval '1 day' FROM bids, generate_series(100, 102) n WHERE bidder_id = $1::uuid",
                 fixture.ann.id, NULL));
    PQclear(sql_rows(fixture.sql, "UPDATE bids SET effective = false WHERE auction_id = $1::uuid", other, NULL));
    reply = fixture_call(&fixture.ann, "GET", MY_BIDS, NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.auctionId", fixture.auction);
    EXPECT_TEXT(reply, "items.0.lastBidAt", at);
    reply = fixture_call(&fixture.ann, "GET", client_format(MY_BIDS "?auctionId=%s", fixture.auction), NULL);
    EXPECT_TEXT(reply, "items.0.lastBidAt", at);
    reply = fixture_call(&fixture.ann, "GET", client_format(MY_BIDS "?auctionId=%s", other), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 0);
    reply = fixture_call(&fixture.ann, "GET", client_format(MY_BIDS "?auctionId=%s", fixture.ann.id), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 0);
}
END_TEST

START_TEST(my_bids_show_won_and_lost_after_the_end)
{
    char id[UUID_TEXT_SIZE];
    fixture_sold(id);
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

START_TEST(my_bids_are_filtered_by_state_and_auction)
{
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, other, "10.00"), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, other, "20.00"), 200);
    const struct reply *reply = fixture_call(&fixture.ann, "GET", MY_BIDS "?state=leading", NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.auctionId", fixture.auction);
    reply = fixture_call(&fixture.ann, "GET", MY_BIDS "?state=outbid", NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.auctionId", other);
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_BIDS "?state=outbid,leading", NULL), "items"), 2);
    ck_assert_int_eq(reply_count(fixture_call(&fixture.ann, "GET", MY_BIDS "?state=won,lost", NULL), "items"), 0);
    reply = fixture_call(&fixture.ann, "GET", client_format(MY_BIDS "?auctionId=%s", other), NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.state", "outbid");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", MY_BIDS "?state=winning", NULL), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", MY_BIDS "?state=", NULL), 400, "VALIDATION_FAILED");
    EXPECT_ERROR(fixture_call(&fixture.ann, "GET", MY_BIDS "?auctionId=1", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

/* A page of a filtered list goes on behind its last item. Two auctions of one millisecond have either order. */
START_TEST(my_auctions_are_filtered_by_several_statuses)
{
    char draft[UUID_TEXT_SIZE];
    char cancelled[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.more = "\"draft\": true"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, draft));
    ck_assert(factory_auction(fixture.client, &fixture.seller, &(struct factory_terms){.title = NULL}, cancelled));
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format("/api/v1/auctions/%s", cancelled), NULL), 204);
    const struct reply *reply = fixture_call(&fixture.seller, "GET", MY_AUCTIONS "?status=draft", NULL);
    ck_assert_int_eq(reply_count(reply, "items"), 1);
    EXPECT_TEXT(reply, "items.0.id", draft);
    reply = fixture_call(&fixture.seller, "GET", MY_AUCTIONS "?status=active,draft&limit=1", NULL);
    bool draft_first = strcmp(reply_text(reply, "items.0.id"), draft) == 0;
    EXPECT_TEXT(reply, "items.0.id", draft_first ? draft : fixture.auction);
    const char *next =
        client_format(MY_AUCTIONS "?status=active,draft&limit=1&cursor=%s", reply_text(reply, "nextCursor"));
    reply = fixture_call(&fixture.seller, "GET", next, NULL);
    EXPECT_TEXT(reply, "items.0.id", draft_first ? fixture.auction : draft);
    EXPECT_TEXT(reply, "nextCursor", "null");
    EXPECT_ERROR(fixture_call(&fixture.seller, "GET", MY_AUCTIONS "?status=open", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(the_language_is_kept_and_validated)
{
    static const char *const wrong[] = {"e", "english", "en_GB", "en-", "en-x", "12", ""};
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME, NULL), "language", "en");
    const struct reply *reply = fixture_call(&fixture.ann, "PATCH", ME, "{\"language\": \"zh-Hant-TW\"}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "language", "zh-Hant-TW");
    EXPECT_TEXT(fixture_call(&fixture.ann, "PATCH", ME, "{\"displayName\": \"Anna\"}"), "language", "zh-Hant-TW");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", ME, NULL), "language", "zh-Hant-TW");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        reply = fixture_call(&fixture.ann, "PATCH", ME, client_format("{\"language\": \"%s\"}", wrong[i]));
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", "language");
    }
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
        my_bids_name_the_newest_bid_that_counts,
        my_bids_show_won_and_lost_after_the_end,
        my_auctions_list_the_auctions_of_the_seller,
        my_bids_are_filtered_by_state_and_auction,
        my_auctions_are_filtered_by_several_statuses,
        the_language_is_kept_and_validated,
        notifications_are_marked_as_read_by_id_or_all,
        NULL,
    };
    return fixture_suite("me", tests);
}

int main(void)
{
    return suite_run(me_suite());
}
