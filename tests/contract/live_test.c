/*
 * Live updates over WebSockets and Server-Sent Events, bids over a WebSocket, messages for one user, authentication,
 * and connections closed by logout or ban. Commands that meet each other are in live_commands_test.c, limits, drains
 * and lost connections in live_limits_test.c, the WebSocket protocol in websocket_test.c.
 *
 * At the end all messages that were sent and received are validated against gateway/asyncapi.yaml, and each kind of
 * message that it describes must have been among them.
 *
 * Runs alone: load of other tests would delay its live updates.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/events.h"
#include "tests/support/fixture.h"
#include "tests/support/live_client.h"
#include "tests/support/live_recording.h"
#include "tests/support/websocket.h"

enum { HEADER_SIZE = FACTORY_TOKEN_SIZE + 64, SOON_MS = 6000 };

/* ---- helpers ---- */

static void bid(const struct factory_user *who, const char *amount)
{
    EXPECT_STATUS(factory_bid(fixture.client, who, fixture.auction, amount), 200);
}

/* ---- watching ---- */

START_TEST(a_guest_gets_a_snapshot_and_then_every_version)
{
    struct websocket *guest = live_open(NULL);
    const struct json *message = live_subscribe(guest, fixture.auction);
    live_expect(message, "auctionId", fixture.auction);
    live_expect(message, "status", "active");
    live_expect(message, "title", "A chair");
    live_expect(message, "startingPrice", "10.00");
    live_expect(message, "minimumBid", "10.00");
    ck_assert_int_eq((int)json_member(message, "currentBid")->type, JSON_NULL);
    int64_t seq = strtoll(websocket_text(message, "seq"), NULL, 10);
    static const char *const amounts[] = {"10.00", "11.00", "12.50"};
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        bid(i % 2 == 0 ? &fixture.ann : &fixture.bob, amounts[i]);
        message = live_receive(guest, NULL);
        live_expect(message, "type", "bid_placed");
        live_expect(message, "auctionId", fixture.auction);
        live_expect(message, "currentBid", amounts[i]);
        live_expect(message, "bidCount", client_format("%zu", i + 1));
        live_expect(message, "seq", client_format("%lld", (long long)++seq));
        ck_assert_str_ne(websocket_text(message, "serverTime"), "");
        const struct json *newest = json_member(message, "bids")->child;
        ck_assert_ptr_nonnull(newest);
        live_expect(newest, "amount", amounts[i]);
        ck_assert_msg(strncmp(websocket_text(newest, "bidder"), "Bidder-", 7) == 0, "no pseudonym");
    }
    message = live_subscribe(guest, fixture.auction); /* subscribing again sends a new snapshot with the history */
    live_expect(message, "currentBid", "12.50");
    live_expect(json_member(message, "bids")->child, "amount", "12.50");
    live_expect(json_member(message, "bids")->child->next, "amount", "11.00");
    websocket_free(guest);
}
END_TEST

START_TEST(live_updates_use_the_pseudonyms_of_the_history)
{
    struct websocket *guest = live_open(NULL);
    (void)live_subscribe(guest, fixture.auction);
    bid(&fixture.ann, "20.00");
    const struct json *newest = json_member(live_receive(guest, "bid_placed"), "bids")->child;
    const struct reply *history = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    EXPECT_TEXT(history, "items.0.bidder", websocket_text(newest, "bidder"));
    EXPECT_TEXT(history, "items.0.bidId", websocket_text(newest, "bidId"));
    websocket_free(guest);
}
END_TEST

START_TEST(no_updates_arrive_after_unsubscribing)
{
    struct websocket *guest = live_open(NULL);
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    (void)live_subscribe(guest, fixture.auction);
    (void)live_subscribe(guest, other);
    live_expect(
        live_exchange(guest,
                      client_format("{\"type\": \"unsubscribe\", \"auctionId\": \"%s\", \"id\": 4}", fixture.auction),
                      "unsubscribed"),
        "id", "4");
    bid(&fixture.ann, "20.00");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, other, "30.00"), 200);
    const struct json *message = live_receive(guest, NULL);
    live_expect(message, "auctionId", other);
    websocket_free(guest);
}
END_TEST

/* A command with the id `id`; "" : none. Each of the last TEXTS results is valid. */
START_TEST(invalid_subscriptions_and_messages_get_errors)
{
    struct websocket *guest = live_open(NULL);
    static const char *const ids[] = {"0190aaaa-0000-7000-8000-000000000000", "nonsense"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct json *answer = live_exchange(
            guest, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\", \"id\": \"x\"}", ids[i]), "error");
        live_expect(answer, "error", "NOT_FOUND");
        live_expect(answer, "id", "x");
    }
    char draft[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.more = "\"draft\": true"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, draft));
    struct websocket *seller = live_open(&fixture.seller);
    live_expect(
        live_exchange(seller, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", draft), "error"),
        "error", "NOT_FOUND");
    live_expect(live_exchange(guest, "{\"type\": \"subscribe\"}", "error"), "error", "VALIDATION_FAILED");
    live_expect(live_exchange(guest, "{\"type\": \"dance\", \"id\": 1}", "error"), "error", "VALIDATION_FAILED");
    live_expect(live_exchange(guest, "[1]", "error"), "error", "VALIDATION_FAILED");
    live_expect(live_exchange(guest, "{", "error"), "error", "VALIDATION_FAILED");
    live_expect(live_exchange(guest, "{\"type\": \"ping\", \"id\": {}}", "error"), "error", "VALIDATION_FAILED");
    live_expect(live_exchange(guest, "{\"type\": \"ping\", \"id\": 12.5}", "pong"), "id",
                "12.5"); /* the connection stays open */
    websocket_free(guest);
    websocket_free(seller);
}
END_TEST

START_TEST(a_connection_has_at_most_a_hundred_subscriptions)
{
    enum { LIMIT = 100 };
    struct websocket *guest = live_open(NULL);
    char ids[LIMIT + 1][UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    for (int i = 0; i <= LIMIT; i++) {
        ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, ids[i]));
    }
    for (int i = 0; i < LIMIT; i++) {
        ck_assert(
            websocket_send_text(guest, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", ids[i])));
    }
    for (int i = 0; i < LIMIT; i++) {
        (void)live_receive(guest, "snapshot");
    }
    live_expect(
        live_exchange(guest, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", ids[LIMIT]), "error"),
        "error", "TOO_MANY_SUBSCRIPTIONS");
    (void)live_exchange(guest, client_format("{\"type\": \"unsubscribe\", \"auctionId\": \"%s\"}", ids[7]),
                        "unsubscribed");
    (void)live_subscribe(guest, ids[LIMIT]);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, ids[42], "30.00"), 200);
    live_expect(live_receive(guest, "bid_placed"), "auctionId", ids[42]);
    websocket_free(guest);
}
END_TEST

START_TEST(each_state_of_an_auction_sends_an_update)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {
        .starts_in_ms = 1500,
        .lasts_ms = SOON_MS,
        .more = "\"antiSnipe\": {\"windowSeconds\": 10, \"extensionSeconds\": 6, \"maxExtensions\": 1}"};
    struct websocket *guest = live_open(NULL);
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    live_expect(live_subscribe(guest, id), "status", "scheduled");
    live_expect(live_receive(guest, "auction_started"), "status", "active");
    (void)live_receive(guest, "auction_ending_soon");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "15.00"), 200);
    const struct json *message = live_receive(guest, "auction_extended");
    live_expect(message, "currentBid", "15.00");
    live_expect(json_member(message, "bids")->child, "amount", "15.00");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "endTime", websocket_text(message, "endTime"));
    message = live_receive(guest, "auction_ended");
    live_expect(message, "status", "ended");
    int64_t seq = strtoll(websocket_text(message, "seq"), NULL, 10);
    message = live_receive(guest, "auction_sold");
    live_expect(message, "status", "sold");
    live_expect(message, "currentBid", "15.00");
    live_expect(message, "seq", client_format("%lld", (long long)seq + 1));
    websocket_free(guest);
}
END_TEST

START_TEST(an_auction_without_bids_ends_unsold)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.lasts_ms = 1500};
    struct websocket *guest = live_open(NULL);
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    (void)live_subscribe(guest, id);
    live_expect(live_receive(guest, "auction_ended"), "status", "ended");
    const struct json *message = live_receive(guest, "auction_unsold");
    live_expect(message, "status", "unsold");
    ck_assert_int_eq((int)json_member(message, "currentBid")->type, JSON_NULL);
    websocket_free(guest);
}
END_TEST

START_TEST(updates_and_cancellations_send_an_update)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.lasts_ms = 3600000};
    struct websocket *guest = live_open(NULL);
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    (void)live_subscribe(guest, id);
    const struct reply *found = factory_get_auction(fixture.client, &fixture.seller, id);
    const char *body = client_format("{\"version\": %s, \"title\": \"A better chair\", \"startingPrice\": 12.00}",
                                     reply_text(found, "version"));
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", client_format("/api/v1/auctions/%s", id), body), 200);
    const struct json *message = live_receive(guest, "snapshot"); /* new terms send a whole snapshot */
    live_expect(message, "title", "A better chair");
    live_expect(message, "minimumBid", "12.00");
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format("/api/v1/auctions/%s", id), NULL), 204);
    live_expect(live_receive(guest, "auction_cancelled"), "status", "cancelled");
    websocket_free(guest);
}
END_TEST

START_TEST(a_retracted_bid_sends_a_snapshot)
{
    struct websocket *guest = live_open(NULL);
    bid(&fixture.ann, "20.00");
    (void)live_subscribe(guest, fixture.auction);
    bid(&fixture.bob, "30.00");
    live_expect(live_receive(guest, "bid_placed"), "currentBid", "30.00");
    const struct reply *history = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    char tail[UUID_TEXT_SIZE + 16];
    (void)snprintf(tail, sizeof(tail), "/bids/%s", reply_text(history, "items.0.bidId"));
    const struct reply *reply = fixture_call(&fixture.bob, "DELETE", fixture_path(tail), NULL);
    ck_assert_msg(reply->status == 200 || reply->status == 204, EXPECT_GOT, reply->status, reply->body);
    const struct json *message = live_receive(guest, "snapshot");
    live_expect(message, "currentBid", "20.00");
    ck_assert_ptr_null(json_member(message, "bids")->child->next);
    websocket_free(guest);
}
END_TEST

/* ---- bidding ---- */

static const char *bid_text(const char *auction, const char *amount, const char *more)
{
    return client_format("{\"type\": \"bid\", \"auctionId\": \"%s\", \"amount\": %s, \"id\": \"b\"%s}", auction, amount,
                         more);
}

START_TEST(a_bid_over_websocket_gets_pending_and_result)
{
    struct websocket *ann = live_open(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    const struct json *answer = live_exchange(ann, bid_text(fixture.auction, "15.00", ""), "bid_pending");
    live_expect(answer, "id", "b");
    live_expect(answer, "status", "pending");
    live_expect(answer, "amount", "15.00");
    live_expect(answer, "auctionId", fixture.auction);
    ck_assert_ptr_null(json_member(answer, "receipt"));
    (void)snprintf(id, sizeof(id), "%s", websocket_text(answer, "bidId"));
    answer = live_receive(ann, "bid_result");
    live_expect(answer, "bidId", id);
    live_expect(answer, "status", "accepted");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", fixture_path(client_format("/bids/%s", id)), NULL), "status",
                "accepted");
    websocket_free(ann);
}
END_TEST

START_TEST(a_receipt_is_sent_on_request)
{
    struct websocket *ann = live_open(&fixture.ann);
    const struct json *answer =
        live_exchange(ann, bid_text(fixture.auction, "15.00", ", \"receipt\": true"), "bid_pending");
    ck_assert_str_ne(websocket_text(answer, "receipt"), "");
    websocket_free(ann);
}
END_TEST

static void expect_field_code(struct websocket *socket, const char *command, const char *code)
{
    const struct json *fields = json_member(live_exchange(socket, command, "error"), "fields");
    ck_assert_msg(fields != NULL && fields->child != NULL, "%s", command);
    live_expect(fields->child, "code", code);
}

START_TEST(refusals_over_websocket_have_the_codes_of_http)
{
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *seller = live_open(&fixture.seller);
    struct websocket *guest = live_open(NULL);
    bid(&fixture.bob, "50.00");
    const struct json *answer = live_exchange(ann, bid_text(fixture.auction, "20.00", ""), "error");
    live_expect(answer, "error", "BID_TOO_LOW");
    live_expect(answer, "minimumBid", "51.00");
    live_expect(answer, "currentBid", "50.00");
    live_expect(answer, "id", "b");
    live_expect(live_exchange(ann, bid_text(fixture.auction, "1e2", ""), "error"), "error", "INVALID_AMOUNT");
    live_expect(live_exchange(ann, bid_text(fixture.auction, "true", ""), "error"), "error", "INVALID_AMOUNT");
    live_expect(
        live_exchange(ann, client_format("{\"type\": \"bid\", \"auctionId\": \"%s\"}", fixture.auction), "error"),
        "error", "VALIDATION_FAILED");
    expect_field_code(ann, "{\"type\": \"bid\", \"amount\": 60}", "REQUIRED");
    expect_field_code(ann, "{\"type\": \"bid\", \"auctionId\": null, \"amount\": 60}", "REQUIRED");
    expect_field_code(ann, "{\"type\": \"bid\", \"auctionId\": 5, \"amount\": 60}", "NOT_A_STRING");
    expect_field_code(ann, "{\"type\": \"auth\", \"token\": true}", "NOT_A_STRING");
    expect_field_code(ann, "{\"type\": [1]}", "NOT_A_STRING");
    live_expect(live_exchange(ann, bid_text(fixture.auction, "60.00", ", \"idempotencyKey\": \"\""), "error"), "error",
                "VALIDATION_FAILED");
    live_expect(live_exchange(ann, bid_text(fixture.auction, "60.00", ", \"idempotencyKey\": 7"), "error"), "error",
                "VALIDATION_FAILED");
    /* An ignored misspelling would place a bid without idempotency key. */
    live_expect(live_exchange(ann, bid_text(fixture.auction, "60.00", ", \"idempotencykey\": \"k\""), "error"), "error",
                "VALIDATION_FAILED");
    live_expect(live_exchange(ann, "{\"type\": \"ping\", \"id\": \"p\", \"amount\": 1}", "error"), "error",
                "VALIDATION_FAILED");
    live_expect(live_exchange(ann, bid_text("0190aaaa-0000-7000-8000-000000000000", "60.00", ""), "error"), "error",
                "NOT_FOUND");
    live_expect(live_exchange(seller, bid_text(fixture.auction, "60.00", ""), "error"), "error", "OWN_AUCTION");
    live_expect(live_exchange(guest, bid_text(fixture.auction, "60.00", ""), "error"), "error", "UNAUTHORIZED");
    ck_assert_int_eq(
        (int)sql_int(fixture.sql, "SELECT bid_count FROM auctions WHERE id = $1::uuid", fixture.auction, NULL), 1);
    websocket_free(ann);
    websocket_free(seller);
    websocket_free(guest);
}
END_TEST

START_TEST(repeated_messages_with_one_key_place_one_bid)
{
    static const char key[] = ", \"idempotencyKey\": \"once\"";
    struct websocket *ann = live_open(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    (void)snprintf(id, sizeof(id), "%s",
                   websocket_text(live_exchange(ann, bid_text(fixture.auction, "15.00", key), "bid_pending"), "bidId"));
    live_expect(live_receive(ann, "bid_result"), "bidId", id);
    const struct json *answer = live_exchange(ann, bid_text(fixture.auction, "15.00", key), "bid_result");
    live_expect(answer, "bidId", id);
    live_expect(answer, "id", "b");
    live_expect(live_exchange(ann, bid_text(fixture.auction, "16.00", key), "error"), "error",
                "IDEMPOTENCY_KEY_REUSED");
    /* The same key over HTTP returns the same bid. */
    client_header(fixture.client, "X-Idempotency-Key: once");
    const struct reply *reply = fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 15.00}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "bidId", id);
    websocket_free(ann);
}
END_TEST

/* ---- proxy bids ---- */

START_TEST(a_proxy_bid_over_websocket_is_set_raised_and_withdrawn)
{
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *guest = live_open(NULL);
    (void)live_subscribe(guest, fixture.auction);
    const struct json *answer =
        live_exchange(ann, live_proxy_text(", \"maxAmount\": 100.00, \"receipt\": true"), "bid_pending");
    live_expect(answer, "id", "p");
    live_expect(answer, "status", "pending");
    live_expect(answer, "maxAmount", "100.00");
    live_expect(answer, "auctionId", fixture.auction);
    ck_assert_ptr_null(json_member(answer, "amount"));
    ck_assert_str_ne(websocket_text(answer, "receipt"), "");
    answer = live_receive(ann, "bid_result");
    live_expect(answer, "status", "accepted");
    live_expect(answer, "maxAmount", "100.00");
    live_expect(answer, "amount", "10.00");
    live_expect_maximum(&fixture.ann, "100.00");
    live_expect(live_receive(guest, "bid_placed"), "currentBid", "10.00");
    (void)live_exchange(ann, live_proxy_text(", \"maxAmount\": \"120.00\""), "bid_pending");
    live_expect(live_receive(ann, "bid_result"), "status", "accepted");
    live_expect_maximum(&fixture.ann, "120.00");
    (void)live_exchange(ann, live_proxy_text(", \"maxAmount\": 90"), "bid_pending");
    answer = live_receive(ann, "bid_result");
    live_expect(answer, "status", "rejected");
    live_expect(answer, "reason", "MAXIMUM_NOT_RAISED");
    ck_assert_ptr_nonnull(live_receive(guest, "auction_updated")); /* nothing public changed */
    answer = live_exchange(ann, live_proxy_text(", \"withdraw\": true"), "proxy_withdrawn");
    live_expect(answer, "id", "p");
    live_expect(answer, "auctionId", fixture.auction);
    live_expect_maximum(&fixture.ann, NULL);
    websocket_free(ann);
    websocket_free(guest);
}
END_TEST

/* ---- messages for one user ---- */

START_TEST(a_result_reaches_all_connections_of_its_user_only)
{
    enum { SOCKETS = 6 }; /* enough to reach both workers */
    struct websocket *sockets[SOCKETS];
    struct websocket *bob = live_open(&fixture.bob);
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = live_open(&fixture.ann);
        (void)live_exchange(sockets[i], "{\"type\": \"ping\"}", "pong");
    }
    char id[UUID_TEXT_SIZE];
    fixture_submit(&fixture.ann, fixture.auction, "25.00", id);
    for (int i = 0; i < SOCKETS; i++) {
        const struct json *message = live_receive(sockets[i], NULL);
        live_expect(message, "type", "bid_result");
        live_expect(message, "bidId", id);
        live_expect(message, "status", "accepted");
        live_expect(message, "auctionId", fixture.auction);
        websocket_free(sockets[i]);
    }
    (void)live_exchange(bob, "{\"type\": \"ping\"}", "pong"); /* no bid_result precedes the pong */
    websocket_free(bob);
}
END_TEST

START_TEST(a_rejected_bid_names_its_reason)
{
    struct websocket *ann = live_open(&fixture.ann);
    (void)live_exchange(ann, "{\"type\": \"ping\"}", "pong");
    bid(&fixture.bob, "20.00");
    /* Both may share one message to the queue. Then only the bid worker can reject the lower bid. */
    ck_assert(websocket_send_text(ann, bid_text(fixture.auction, "40.00", "")));
    ck_assert(websocket_send_text(ann, bid_text(fixture.auction, "30.00", "")));
    const struct json *message = live_receive(ann, "bid_result error");
    live_expect(message, "status", "accepted");
    message = live_receive(ann, "bid_result error");
    if (strcmp(websocket_text(message, "type"), "bid_result") == 0) {
        live_expect(message, "status", "rejected");
        live_expect(message, "reason", "BID_TOO_LOW");
    } else {
        live_expect(message, "error", "BID_TOO_LOW");
    }
    websocket_free(ann);
}
END_TEST

START_TEST(notifications_are_pushed_without_subscription)
{
    struct websocket *ann = live_open(&fixture.ann);
    (void)live_exchange(ann, "{\"type\": \"ping\"}", "pong");
    bid(&fixture.ann, "20.00");
    bid(&fixture.bob, "30.00");
    const struct json *message = live_receive(ann, "notification");
    live_expect(message, "auctionId", fixture.auction);
    const struct json *notice = json_member(message, "notification");
    live_expect(notice, "kind", "OUTBID");
    live_expect(notice, "auctionTitle", "A chair");
    const struct reply *list = fixture_call(&fixture.ann, "GET", "/api/v1/users/me/notifications", NULL);
    EXPECT_TEXT(list, "items.0.id", websocket_text(notice, "id"));
    websocket_free(ann);
}
END_TEST

/* ---- authentication ---- */

static const char *auth_text(const char *token)
{
    return client_format("{\"type\": \"auth\", \"token\": \"%s\", \"id\": \"a\"}", token);
}

START_TEST(an_auth_message_authenticates_the_connection)
{
    struct websocket *sockets[] = {live_open(NULL), live_open(NULL)};
    const char *tokens[] = {fixture.ann.token, fixture.ann.session};
    for (size_t i = 0; i < ARRAY_LEN(sockets); i++) {
        live_expect(live_exchange(sockets[i], auth_text("nonsense"), "error"), "error", "UNAUTHORIZED");
        live_expect(live_exchange(sockets[i], "{\"type\": \"auth\"}", "error"), "error", "VALIDATION_FAILED");
        const struct json *answer = live_exchange(sockets[i], auth_text(tokens[i]), "authenticated");
        live_expect(answer, "userId", fixture.ann.id);
        live_expect(answer, "id", "a");
        (void)live_exchange(sockets[i], bid_text(fixture.auction, i == 0 ? "20.00" : "30.00", ""), "bid_pending");
        for (size_t k = 0; k <= i; k++) {
            (void)live_receive(sockets[k], "bid_result");
        }
    }
    websocket_free(sockets[0]);
    websocket_free(sockets[1]);
}
END_TEST

START_TEST(a_session_cookie_authenticates_the_connection)
{
    char header[HEADER_SIZE];
    (void)snprintf(header, sizeof(header), "Cookie: session=%s\r\n", fixture.ann.session);
    struct websocket *ann = websocket_open(deployment_http_url(), header);
    ck_assert_ptr_nonnull(ann);
    (void)live_exchange(ann, bid_text(fixture.auction, "20.00", ""), "bid_pending");
    websocket_free(ann);
    /* An invalid cookie makes the client a guest, as on every route; an invalid bearer token gets 401. */
    struct websocket *guest = websocket_open(deployment_http_url(), "Cookie: session=nonsense\r\n");
    ck_assert_ptr_nonnull(guest);
    live_expect(live_exchange(guest, bid_text(fixture.auction, "30.00", ""), "error"), "error", "UNAUTHORIZED");
    websocket_free(guest);
    struct websocket *refused = websocket_connect(deployment_http_url());
    ck_assert_int_eq(websocket_handshake(refused, "/ws", "Authorization: Bearer nonsense\r\n"), 401);
    websocket_free(refused);
}
END_TEST

static int handshake_status(const char *headers)
{
    struct websocket *socket = websocket_connect(deployment_http_url());
    ck_assert_ptr_nonnull(socket);
    int status = websocket_handshake(socket, "/ws", headers);
    websocket_free(socket);
    return status;
}

START_TEST(other_origins_cannot_connect_with_the_cookie)
{
    char header[HEADER_SIZE];
    (void)snprintf(header, sizeof(header), "Origin: https://shop.example\r\nCookie: session=%s\r\n",
                   fixture.ann.session);
    ck_assert_int_eq(handshake_status(header), 403);
    ck_assert_int_eq(handshake_status("Origin: https://evil.example\r\n"), 403);
    ck_assert_int_eq(handshake_status("Origin: null\r\n"), 403);
    ck_assert_int_eq(handshake_status("Origin: https://shop.example\r\n"), 101); /* an allowed origin without cookie */
    (void)snprintf(header, sizeof(header), "Origin: %s\r\nCookie: session=%s\r\n", deployment_http_url(),
                   fixture.ann.session);
    ck_assert_int_eq(handshake_status(header), 101);
}
END_TEST

START_TEST(a_logout_closes_the_connections_of_its_session)
{
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *bob = live_open(&fixture.bob);
    (void)live_exchange(ann, "{\"type\": \"ping\"}", "pong");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/auth/logout", NULL), 204);
    ck_assert_uint_eq(websocket_receive_close(ann), 1008);
    (void)live_exchange(bob, "{\"type\": \"ping\"}", "pong");
    websocket_free(ann);
    websocket_free(bob);
}
END_TEST

START_TEST(a_ban_closes_the_connections_of_the_user)
{
    struct factory_user admin;
    struct websocket *ann = live_open(&fixture.ann);
    (void)live_exchange(ann, "{\"type\": \"ping\"}", "pong");
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    EXPECT_STATUS(admin_ban(fixture.client, &admin, fixture.ann.id), 200);
    ck_assert_uint_eq(websocket_receive_close(ann), 1008);
    websocket_free(ann);
    char header[HEADER_SIZE];
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fixture.ann.token);
    ck_assert_int_eq(handshake_status(header), 403);
    struct websocket *guest = live_open(NULL);
    live_expect(live_exchange(guest, auth_text(fixture.ann.token), "error"), "error", "USER_BANNED");
    ck_assert_uint_eq(websocket_receive_close(guest), 1008);
    websocket_free(guest);
}
END_TEST

/* ---- Server-Sent Events ---- */

static struct events *open_events(const char *headers)
{
    struct events *events = events_open(deployment_http_url(), fixture_path("/events"), headers);
    ck_assert_ptr_nonnull(events);
    return events;
}

START_TEST(an_event_stream_sends_snapshot_and_updates)
{
    struct events *events = open_events("");
    ck_assert_int_eq(events_status(events), 200);
    ck_assert_ptr_nonnull(strstr(events_head(events), "Content-Type: text/event-stream"));
    ck_assert_ptr_nonnull(strstr(events_head(events), "Cache-Control: no-store"));
    ck_assert_ptr_nonnull(strstr(events_head(events), "X-Content-Type-Options: nosniff"));
    const struct event_block *block = events_next(events);
    ck_assert_ptr_nonnull(block);
    ck_assert_str_ne(block->retry, "");
    block = events_receive(events, "snapshot");
    ck_assert_ptr_nonnull(block);
    ck_assert_str_eq(block->id, websocket_text(block->data, "seq"));
    live_expect(block->data, "auctionId", fixture.auction);
    bid(&fixture.ann, "20.00");
    block = events_receive(events, "bid_placed");
    ck_assert_ptr_nonnull(block);
    ck_assert_str_eq(block->id, websocket_text(block->data, "seq"));
    live_expect(block->data, "currentBid", "20.00");
    events_free(events);
}
END_TEST

START_TEST(last_event_id_resumes_an_event_stream)
{
    struct events *events = open_events("");
    char header[64];
    const struct event_block *block = events_receive(events, "snapshot");
    ck_assert_ptr_nonnull(block);
    (void)snprintf(header, sizeof(header), "Last-Event-ID: %s\r\n", block->id);
    events_free(events);
    /* No new version since: the stream starts without a snapshot. */
    events = open_events(header);
    bid(&fixture.ann, "20.00");
    ck_assert_ptr_nonnull(events_next(events)); /* retry */
    block = events_next(events);
    ck_assert_ptr_nonnull(block);
    live_expect(block->data, "type", "bid_placed");
    events_free(events);
    /* A version was missed: the stream starts with a snapshot. */
    events = open_events(header);
    block = events_receive(events, "snapshot");
    ck_assert_ptr_nonnull(block);
    live_expect(block->data, "currentBid", "20.00");
    events_free(events);
}
END_TEST

START_TEST(event_streams_of_unknown_auctions_and_users_are_refused)
{
    struct events *events =
        events_open(deployment_http_url(), "/api/v1/auctions/0190aaaa-0000-7000-8000-000000000000/events", "");
    ck_assert_ptr_nonnull(events);
    ck_assert_int_eq(events_status(events), 404);
    events_free(events);
    events = open_events("Authorization: Bearer nonsense\r\n");
    ck_assert_int_eq(events_status(events), 401);
    events_free(events);
}
END_TEST

START_TEST(an_event_stream_sends_the_users_results_of_this_auction_only)
{
    char header[HEADER_SIZE];
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fixture.ann.token);
    struct events *events = open_events(header);
    ck_assert_ptr_nonnull(events_receive(events, "snapshot"));
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, other, "12.00"), 200);
    bid(&fixture.ann, "20.00");
    const struct event_block *block = events_receive(events, "bid_result");
    ck_assert_ptr_nonnull(block);
    live_expect(block->data, "auctionId", fixture.auction);
    ck_assert_str_eq(block->id, "");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/auth/logout", NULL), 204);
    ck_assert(events_ended(events));
    events_free(events);
}
END_TEST

/* ---- time ---- */

/* The procedure of the README. On one machine the offset is at most the round trip. */
START_TEST(the_fastest_of_five_pings_gives_the_clock_offset)
{
    enum { PINGS = 5 };
    struct websocket *guest = live_open(NULL);
    int64_t best = INT64_MAX;
    int64_t offset = 0;
    for (int i = 0; i < PINGS; i++) {
        int64_t server = 0;
        int64_t before = clock_now_ms();
        const struct json *pong = live_exchange(guest, "{\"type\": \"ping\"}", "pong");
        int64_t after = clock_now_ms();
        ck_assert(clock_parse(websocket_text(pong, "serverTime"), &server));
        if (after - before < best) {
            best = after - before;
            offset = server - (before + (after - before) / 2);
        }
    }
    ck_assert_msg(offset >= -best - 1 && offset <= best + 1, "offset %lld, round trip %lld", (long long)offset,
                  (long long)best);
    websocket_free(guest);
}
END_TEST

static Suite *live_suite(void)
{
    const TTest *const tests[] = {
        a_guest_gets_a_snapshot_and_then_every_version,
        live_updates_use_the_pseudonyms_of_the_history,
        no_updates_arrive_after_unsubscribing,
        invalid_subscriptions_and_messages_get_errors,
        a_connection_has_at_most_a_hundred_subscriptions,
        each_state_of_an_auction_sends_an_update,
        an_auction_without_bids_ends_unsold,
        updates_and_cancellations_send_an_update,
        a_retracted_bid_sends_a_snapshot,
        a_bid_over_websocket_gets_pending_and_result,
        a_receipt_is_sent_on_request,
        refusals_over_websocket_have_the_codes_of_http,
        repeated_messages_with_one_key_place_one_bid,
        a_proxy_bid_over_websocket_is_set_raised_and_withdrawn,
        a_result_reaches_all_connections_of_its_user_only,
        a_rejected_bid_names_its_reason,
        notifications_are_pushed_without_subscription,
        an_auth_message_authenticates_the_connection,
        a_session_cookie_authenticates_the_connection,
        other_origins_cannot_connect_with_the_cookie,
        a_logout_closes_the_connections_of_its_session,
        a_ban_closes_the_connections_of_the_user,
        an_event_stream_sends_snapshot_and_updates,
        last_event_id_resumes_an_event_stream,
        event_streams_of_unknown_auctions_and_users_are_refused,
        an_event_stream_sends_the_users_results_of_this_auction_only,
        the_fastest_of_five_pings_gives_the_clock_offset,
        NULL,
    };
    return fixture_suite("live", tests);
}

int main(void)
{
    if (!live_recording_begin()) {
        return EXIT_FAILURE;
    }
    bool passed = suite_run(live_suite()) == EXIT_SUCCESS;
    return live_recording_check(getenv("ROSTRUM_TEST") == NULL ? "auctions" : "part") && passed ? EXIT_SUCCESS
                                                                                                : EXIT_FAILURE;
}
