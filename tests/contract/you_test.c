/*
 * The member `you` of an auction and of a live snapshot: each user sees their own state and maximum, guests nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/deployment.h"
#include "tests/support/events.h"
#include "tests/support/fixture.h"
#include "tests/support/live_recording.h"
#include "tests/support/websocket.h"

enum { HEADER_SIZE = FACTORY_TOKEN_SIZE + 64 };

static const struct reply *look(const struct factory_user *who)
{
    const struct reply *reply = factory_get_auction(fixture.client, who, fixture.auction);
    EXPECT_STATUS(reply, 200);
    return reply;
}

static void watch(const struct factory_user *who)
{
    const char *body = client_format("{\"auctionId\": \"%s\"}", fixture.auction);
    EXPECT_STATUS(fixture_call(who, "POST", "/api/v1/users/me/watchlist", body), 201);
}

/* ---- over REST ---- */

START_TEST(a_guest_has_no_you)
{
    ck_assert_ptr_null(strstr(look(NULL)->body, "\"you\""));
}
END_TEST

START_TEST(a_user_without_a_bid_has_the_state_none)
{
    const struct reply *reply = look(&fixture.ann);
    EXPECT_TEXT(reply, "you.state", "none");
    EXPECT_TEXT(reply, "you.myHighestBid", "null");
    EXPECT_TEXT(reply, "you.myMaximum", "null");
    EXPECT_TEXT(reply, "you.watching", "false");
    watch(&fixture.ann);
    EXPECT_TEXT(look(&fixture.ann), "you.watching", "true");
    EXPECT_TEXT(look(&fixture.seller), "you.state", "none");
}
END_TEST

START_TEST(each_user_sees_only_the_own_maximum)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "77.00"), 200);
    const struct reply *reply = look(&fixture.ann);
    EXPECT_TEXT(reply, "you.state", "leading");
    EXPECT_TEXT(reply, "you.myHighestBid", "10.00");
    EXPECT_TEXT(reply, "you.myMaximum", "77.00");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "30.00"), 200);
    EXPECT_TEXT(look(&fixture.ann), "you.myHighestBid", "31.00");
    reply = look(&fixture.bob);
    EXPECT_TEXT(reply, "you.state", "outbid");
    EXPECT_TEXT(reply, "you.myHighestBid", "30.00");
    EXPECT_TEXT(reply, "you.myMaximum", "null");
    ck_assert_ptr_null(strstr(reply->body, "77.00"));
    ck_assert_ptr_null(strstr(look(&fixture.seller)->body, "77.00"));
}
END_TEST

START_TEST(the_pseudonym_is_that_of_the_history)
{
    char name[64];
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), 200);
    (void)snprintf(name, sizeof(name), "%s", reply_text(look(&fixture.ann), "you.pseudonym"));
    EXPECT_TEXT(fixture_call(NULL, "GET", fixture_path("/bids"), NULL), "items.0.bidder", name);
}
END_TEST

START_TEST(the_answer_to_a_change_has_you)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    const struct reply *shown = factory_get_auction(fixture.client, &fixture.seller, id);
    const char *body = client_format("{\"version\": %s, \"title\": \"A better chair\"}", reply_text(shown, "version"));
    const struct reply *reply = fixture_call(&fixture.seller, "PUT", client_format("/api/v1/auctions/%s", id), body);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "you.state", "none");
}
END_TEST

START_TEST(the_state_is_won_or_lost_after_the_end)
{
    char id[UUID_TEXT_SIZE];
    fixture_sold(id);
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.ann, id), "you.state", "lost");
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.bob, id), "you.state", "won");
}
END_TEST

/* ---- live ---- */

static struct websocket *open_as(const struct factory_user *who)
{
    char header[HEADER_SIZE] = "";
    if (who != NULL) {
        (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", who->token);
    }
    struct websocket *socket = websocket_open(deployment_http_url(), header);
    ck_assert_ptr_nonnull(socket);
    return socket;
}

static const struct json *subscribe(struct websocket *socket, int id)
{
    const char *text =
        client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\", \"id\": %d}", fixture.auction, id);
    ck_assert(websocket_send_text(socket, text));
    const struct json *answer = websocket_receive(socket, "snapshot");
    ck_assert_ptr_nonnull(answer);
    ck_assert_str_eq(websocket_text(answer, "id"), client_format("%d", id));
    return answer;
}

START_TEST(a_snapshot_that_answers_a_user_has_you)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "77.00"), 200);
    struct websocket *ann = open_as(&fixture.ann);
    struct websocket *bob = open_as(&fixture.bob);
    struct websocket *guest = open_as(NULL);
    const struct json *you = json_member(subscribe(ann, 1), "you");
    ck_assert_str_eq(websocket_text(you, "state"), "leading");
    ck_assert_str_eq(websocket_text(you, "myMaximum"), "77.00");
    ck_assert(!json_member(you, "watching")->truth);
    you = json_member(subscribe(bob, 2), "you");
    ck_assert_str_eq(websocket_text(you, "state"), "none");
    ck_assert_ptr_null(json_member(subscribe(guest, 3), "you"));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "80.00"), 200);
    ck_assert_ptr_nonnull(websocket_receive(ann, "bid_placed")); /* updates follow the snapshot */
    you = json_member(subscribe(ann, 4), "you");
    ck_assert_str_eq(websocket_text(you, "state"), "outbid");
    websocket_free(ann);
    websocket_free(bob);
    websocket_free(guest);
}
END_TEST

START_TEST(the_first_event_of_a_users_stream_has_you)
{
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.ann, fixture.auction, "77.00"), 200);
    char header[HEADER_SIZE];
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fixture.ann.token);
    struct events *events = events_open(deployment_http_url(), fixture_path("/events"), header);
    ck_assert_ptr_nonnull(events);
    const struct event_block *block = events_receive(events, "snapshot");
    ck_assert_ptr_nonnull(block);
    ck_assert_str_eq(websocket_text(json_member(block->data, "you"), "myMaximum"), "77.00");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "30.00"), 200);
    block = events_receive(events, "bid_placed");
    ck_assert_ptr_nonnull(block);
    ck_assert_ptr_null(json_member(block->data, "you"));
    events_free(events);
}
END_TEST

static Suite *you_suite(void)
{
    const TTest *const tests[] = {
        a_guest_has_no_you,
        a_user_without_a_bid_has_the_state_none,
        each_user_sees_only_the_own_maximum,
        the_pseudonym_is_that_of_the_history,
        the_answer_to_a_change_has_you,
        the_state_is_won_or_lost_after_the_end,
        a_snapshot_that_answers_a_user_has_you,
        the_first_event_of_a_users_stream_has_you,
        NULL,
    };
    return fixture_suite("you", tests);
}

int main(void)
{
    if (!live_recording_begin()) {
        return EXIT_FAILURE;
    }
    bool passed = suite_run(you_suite()) == EXIT_SUCCESS;
    return live_recording_check("part") && passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
