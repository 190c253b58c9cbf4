/*
 * Live updates over WebSockets and Server-Sent Events, bids over a WebSocket, messages for one user, authentication,
 * and connections closed by logout or ban. Limits, drains and lost connections are in live_limits_test.c, the WebSocket
 * protocol in websocket_test.c.
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
#include "tests/support/live_recording.h"
#include "tests/support/websocket.h"

enum { HEADER_SIZE = FACTORY_TOKEN_SIZE + 64, SOON_MS = 6000 };

/* ---- helpers ---- */

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

static const struct json *exchange(struct websocket *socket, const char *text, const char *type)
{
    ck_assert(websocket_send_text(socket, text));
    const struct json *answer = websocket_receive(socket, NULL);
    ck_assert_msg(answer != NULL, "no answer to %s", text);
    ck_assert_msg(strcmp(websocket_text(answer, "type"), type) == 0, "%s: expected %s, got %s %s", text, type,
                  websocket_text(answer, "type"), websocket_text(answer, "error"));
    return answer;
}

static const struct json *subscribe(struct websocket *socket, const char *auction)
{
    return exchange(socket, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", auction), "snapshot");
}

static const struct json *receive(struct websocket *socket, const char *type)
{
    const struct json *message = websocket_receive(socket, type);
    ck_assert_msg(message != NULL, "not received: %s", type != NULL ? type : "anything");
    return message;
}

static void expect_member(const struct json *message, const char *name, const char *value)
{
    ck_assert_msg(strcmp(websocket_text(message, name), value) == 0, "expected %s = %s, got %s", name, value,
                  websocket_text(message, name));
}

static void bid(const struct factory_user *who, const char *amount)
{
    EXPECT_STATUS(factory_bid(fixture.client, who, fixture.auction, amount), 200);
}

/* ---- watching ---- */

START_TEST(a_guest_gets_a_snapshot_and_then_every_version)
{
    struct websocket *guest = open_as(NULL);
    const struct json *message = subscribe(guest, fixture.auction);
    expect_member(message, "auctionId", fixture.auction);
    expect_member(message, "status", "active");
    expect_member(message, "title", "A chair");
    expect_member(message, "startingPrice", "10.00");
    expect_member(message, "minimumBid", "10.00");
    ck_assert_int_eq((int)json_member(message, "currentBid")->type, JSON_NULL);
    int64_t seq = strtoll(websocket_text(message, "seq"), NULL, 10);
    static const char *const amounts[] = {"10.00", "11.00", "12.50"};
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        bid(i % 2 == 0 ? &fixture.ann : &fixture.bob, amounts[i]);
        message = receive(guest, NULL);
        expect_member(message, "type", "bid_placed");
        expect_member(message, "auctionId", fixture.auction);
        expect_member(message, "currentBid", amounts[i]);
        expect_member(message, "bidCount", client_format("%zu", i + 1));
        expect_member(message, "seq", client_format("%lld", (long long)++seq));
        ck_assert_str_ne(websocket_text(message, "serverTime"), "");
        const struct json *newest = json_member(message, "bids")->child;
        ck_assert_ptr_nonnull(newest);
        expect_member(newest, "amount", amounts[i]);
        ck_assert_msg(strncmp(websocket_text(newest, "bidder"), "Bidder-", 7) == 0, "no pseudonym");
    }
    message = subscribe(guest, fixture.auction); /* subscribing again sends a new snapshot with the history */
    expect_member(message, "currentBid", "12.50");
    expect_member(json_member(message, "bids")->child, "amount", "12.50");
    expect_member(json_member(message, "bids")->child->next, "amount", "11.00");
    websocket_free(guest);
}
END_TEST

START_TEST(live_updates_use_the_pseudonyms_of_the_history)
{
    struct websocket *guest = open_as(NULL);
    (void)subscribe(guest, fixture.auction);
    bid(&fixture.ann, "20.00");
    const struct json *newest = json_member(receive(guest, "bid_placed"), "bids")->child;
    const struct reply *history = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    EXPECT_TEXT(history, "items.0.bidder", websocket_text(newest, "bidder"));
    EXPECT_TEXT(history, "items.0.bidId", websocket_text(newest, "bidId"));
    websocket_free(guest);
}
END_TEST

START_TEST(no_updates_arrive_after_unsubscribing)
{
    struct websocket *guest = open_as(NULL);
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    (void)subscribe(guest, fixture.auction);
    (void)subscribe(guest, other);
    expect_member(
        exchange(guest, client_format("{\"type\": \"unsubscribe\", \"auctionId\": \"%s\", \"id\": 4}", fixture.auction),
                 "unsubscribed"),
        "id", "4");
    bid(&fixture.ann, "20.00");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, other, "30.00"), 200);
    const struct json *message = receive(guest, NULL);
    expect_member(message, "auctionId", other);
    websocket_free(guest);
}
END_TEST

/* A command with the id `id`; "" : none. Each of the last TEXTS results is valid. */
static const char *command_text(const char *type, const char *auction, const char *id)
{
    enum { TEXTS = 32, TEXT_SIZE = 160 };
    static char texts[TEXTS][TEXT_SIZE];
    static size_t next;
    char *text = texts[next++ % TEXTS];
    (void)snprintf(text, TEXT_SIZE, "{\"type\": \"%s\", \"auctionId\": \"%s\"%s%s}", type, auction,
                   id[0] == '\0' ? "" : ", \"id\": ", id);
    return text;
}

static void expect_answer(struct websocket *socket, const char *type, const char *id)
{
    const struct json *message = receive(socket, NULL);
    ck_assert_msg(strcmp(websocket_text(message, "type"), type) == 0 && strcmp(websocket_text(message, "id"), id) == 0,
                  "expected %s with id %s, got %s with id %s", type, id, websocket_text(message, "type"),
                  websocket_text(message, "id"));
}

/* No other test watches the auction, so the first snapshot must come from PostgreSQL: the commands overtake it. */
START_TEST(each_overtaken_subscribe_is_answered_by_its_id)
{
    struct websocket *guest = open_as(NULL);
    const char *const again[] = {command_text("subscribe", fixture.auction, "1"),
                                 command_text("subscribe", fixture.auction, "\"two\""),
                                 command_text("subscribe", fixture.auction, "")};
    ck_assert(websocket_send_texts(guest, again, ARRAY_LEN(again)));
    expect_answer(guest, "snapshot", "1");
    expect_answer(guest, "snapshot", "two");
    expect_answer(guest, "snapshot", "");
    websocket_free(guest);
    guest = open_as(NULL);
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    const char *const left[] = {command_text("subscribe", other, "1"), command_text("subscribe", other, "2"),
                                command_text("unsubscribe", other, "3")};
    ck_assert(websocket_send_texts(guest, left, ARRAY_LEN(left)));
    expect_answer(guest, "unsubscribed", "1");
    expect_answer(guest, "unsubscribed", "2");
    expect_answer(guest, "unsubscribed", "3");
    (void)subscribe(guest, other);
    websocket_free(guest);
}
END_TEST

START_TEST(each_overtaken_subscribe_of_an_unknown_auction_is_refused_by_its_id)
{
    static const char unknown[] = "0190aaaa-0000-7000-8000-000000000000";
    struct websocket *guest = open_as(NULL);
    const char *const texts[] = {command_text("subscribe", unknown, "1"), command_text("subscribe", unknown, "2")};
    ck_assert(websocket_send_texts(guest, texts, ARRAY_LEN(texts)));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct json *message = receive(guest, "error");
        expect_member(message, "error", "NOT_FOUND");
        expect_member(message, "id", client_format("%zu", i + 1));
    }
    websocket_free(guest);
}
END_TEST

/* Each waiting answer costs memory while PostgreSQL is slow. */
START_TEST(the_number_of_subscribes_that_wait_for_one_auction_is_limited)
{
    enum { WAITING_MAX = 8 };
    struct websocket *guest = open_as(NULL);
    const char *texts[WAITING_MAX + 1];
    for (size_t i = 0; i <= WAITING_MAX; i++) {
        texts[i] = command_text("subscribe", fixture.auction, client_format("%zu", i));
    }
    ck_assert(websocket_send_texts(guest, texts, ARRAY_LEN(texts)));
    const struct json *message = receive(guest, "error");
    expect_member(message, "error", "UNAVAILABLE");
    expect_member(message, "id", client_format("%d", WAITING_MAX));
    for (size_t i = 0; i < WAITING_MAX; i++) {
        expect_answer(guest, "snapshot", client_format("%zu", i));
    }
    websocket_free(guest);
}
END_TEST

START_TEST(invalid_subscriptions_and_messages_get_errors)
{
    struct websocket *guest = open_as(NULL);
    static const char *const ids[] = {"0190aaaa-0000-7000-8000-000000000000", "nonsense"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct json *answer = exchange(
            guest, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\", \"id\": \"x\"}", ids[i]), "error");
        expect_member(answer, "error", "NOT_FOUND");
        expect_member(answer, "id", "x");
    }
    char draft[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.more = "\"draft\": true"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, draft));
    struct websocket *seller = open_as(&fixture.seller);
    expect_member(exchange(seller, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", draft), "error"),
                  "error", "NOT_FOUND");
    expect_member(exchange(guest, "{\"type\": \"subscribe\"}", "error"), "error", "VALIDATION_FAILED");
    expect_member(exchange(guest, "{\"type\": \"dance\", \"id\": 1}", "error"), "error", "VALIDATION_FAILED");
    expect_member(exchange(guest, "[1]", "error"), "error", "VALIDATION_FAILED");
    expect_member(exchange(guest, "{", "error"), "error", "VALIDATION_FAILED");
    expect_member(exchange(guest, "{\"type\": \"ping\", \"id\": {}}", "error"), "error", "VALIDATION_FAILED");
    expect_member(exchange(guest, "{\"type\": \"ping\", \"id\": 12.5}", "pong"), "id",
                  "12.5"); /* the connection stays open */
    websocket_free(guest);
    websocket_free(seller);
}
END_TEST

START_TEST(a_connection_has_at_most_a_hundred_subscriptions)
{
    enum { LIMIT = 100 };
    struct websocket *guest = open_as(NULL);
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
        (void)receive(guest, "snapshot");
    }
    expect_member(
        exchange(guest, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", ids[LIMIT]), "error"),
        "error", "TOO_MANY_SUBSCRIPTIONS");
    (void)exchange(guest, client_format("{\"type\": \"unsubscribe\", \"auctionId\": \"%s\"}", ids[7]), "unsubscribed");
    (void)subscribe(guest, ids[LIMIT]);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, ids[42], "30.00"), 200);
    expect_member(receive(guest, "bid_placed"), "auctionId", ids[42]);
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
    struct websocket *guest = open_as(NULL);
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    expect_member(subscribe(guest, id), "status", "scheduled");
    expect_member(receive(guest, "auction_started"), "status", "active");
    (void)receive(guest, "auction_ending_soon");
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, id, "15.00"), 200);
    const struct json *message = receive(guest, "auction_extended");
    expect_member(message, "currentBid", "15.00");
    expect_member(json_member(message, "bids")->child, "amount", "15.00");
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, id), "endTime", websocket_text(message, "endTime"));
    message = receive(guest, "auction_ended");
    expect_member(message, "status", "ended");
    int64_t seq = strtoll(websocket_text(message, "seq"), NULL, 10);
    message = receive(guest, "auction_sold");
    expect_member(message, "status", "sold");
    expect_member(message, "currentBid", "15.00");
    expect_member(message, "seq", client_format("%lld", (long long)seq + 1));
    websocket_free(guest);
}
END_TEST

START_TEST(an_auction_without_bids_ends_unsold)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.lasts_ms = 1500};
    struct websocket *guest = open_as(NULL);
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    (void)subscribe(guest, id);
    expect_member(receive(guest, "auction_ended"), "status", "ended");
    const struct json *message = receive(guest, "auction_unsold");
    expect_member(message, "status", "unsold");
    ck_assert_int_eq((int)json_member(message, "currentBid")->type, JSON_NULL);
    websocket_free(guest);
}
END_TEST

START_TEST(updates_and_cancellations_send_an_update)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.lasts_ms = 3600000};
    struct websocket *guest = open_as(NULL);
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    (void)subscribe(guest, id);
    const struct reply *found = factory_get_auction(fixture.client, &fixture.seller, id);
    const char *body = client_format("{\"version\": %s, \"title\": \"A better chair\", \"startingPrice\": 12.00}",
                                     reply_text(found, "version"));
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", client_format("/api/v1/auctions/%s", id), body), 200);
    const struct json *message = receive(guest, "snapshot"); /* new terms send a whole snapshot */
    expect_member(message, "title", "A better chair");
    expect_member(message, "minimumBid", "12.00");
    EXPECT_STATUS(fixture_call(&fixture.seller, "DELETE", client_format("/api/v1/auctions/%s", id), NULL), 204);
    expect_member(receive(guest, "auction_cancelled"), "status", "cancelled");
    websocket_free(guest);
}
END_TEST

START_TEST(a_retracted_bid_sends_a_snapshot)
{
    struct websocket *guest = open_as(NULL);
    bid(&fixture.ann, "20.00");
    (void)subscribe(guest, fixture.auction);
    bid(&fixture.bob, "30.00");
    expect_member(receive(guest, "bid_placed"), "currentBid", "30.00");
    const struct reply *history = fixture_call(NULL, "GET", fixture_path("/bids"), NULL);
    char tail[UUID_TEXT_SIZE + 16];
    (void)snprintf(tail, sizeof(tail), "/bids/%s", reply_text(history, "items.0.bidId"));
    const struct reply *reply = fixture_call(&fixture.bob, "DELETE", fixture_path(tail), NULL);
    ck_assert_msg(reply->status == 200 || reply->status == 204, EXPECT_GOT, reply->status, reply->body);
    const struct json *message = receive(guest, "snapshot");
    expect_member(message, "currentBid", "20.00");
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
    struct websocket *ann = open_as(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    const struct json *answer = exchange(ann, bid_text(fixture.auction, "15.00", ""), "bid_pending");
    expect_member(answer, "id", "b");
    expect_member(answer, "status", "pending");
    expect_member(answer, "amount", "15.00");
    expect_member(answer, "auctionId", fixture.auction);
    ck_assert_ptr_null(json_member(answer, "receipt"));
    (void)snprintf(id, sizeof(id), "%s", websocket_text(answer, "bidId"));
    answer = receive(ann, "bid_result");
    expect_member(answer, "bidId", id);
    expect_member(answer, "status", "accepted");
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", fixture_path(client_format("/bids/%s", id)), NULL), "status",
                "accepted");
    websocket_free(ann);
}
END_TEST

START_TEST(a_receipt_is_sent_on_request)
{
    struct websocket *ann = open_as(&fixture.ann);
    const struct json *answer = exchange(ann, bid_text(fixture.auction, "15.00", ", \"receipt\": true"), "bid_pending");
    ck_assert_str_ne(websocket_text(answer, "receipt"), "");
    websocket_free(ann);
}
END_TEST

START_TEST(refusals_over_websocket_have_the_codes_of_http)
{
    struct websocket *ann = open_as(&fixture.ann);
    struct websocket *seller = open_as(&fixture.seller);
    struct websocket *guest = open_as(NULL);
    bid(&fixture.bob, "50.00");
    const struct json *answer = exchange(ann, bid_text(fixture.auction, "20.00", ""), "error");
    expect_member(answer, "error", "BID_TOO_LOW");
    expect_member(answer, "minimumBid", "51.00");
    expect_member(answer, "currentBid", "50.00");
    expect_member(answer, "id", "b");
    expect_member(exchange(ann, bid_text(fixture.auction, "1e2", ""), "error"), "error", "INVALID_AMOUNT");
    expect_member(exchange(ann, bid_text(fixture.auction, "true", ""), "error"), "error", "INVALID_AMOUNT");
    expect_member(exchange(ann, client_format("{\"type\": \"bid\", \"auctionId\": \"%s\"}", fixture.auction), "error"),
                  "error", "VALIDATION_FAILED");
    expect_member(exchange(ann, bid_text(fixture.auction, "60.00", ", \"idempotencyKey\": \"\""), "error"), "error",
                  "VALIDATION_FAILED");
    expect_member(exchange(ann, bid_text(fixture.auction, "60.00", ", \"idempotencyKey\": 7"), "error"), "error",
                  "VALIDATION_FAILED");
    /* An ignored misspelling would place a bid without idempotency key. */
    expect_member(exchange(ann, bid_text(fixture.auction, "60.00", ", \"idempotencykey\": \"k\""), "error"), "error",
                  "VALIDATION_FAILED");
    expect_member(exchange(ann, "{\"type\": \"ping\", \"id\": \"p\", \"amount\": 1}", "error"), "error",
                  "VALIDATION_FAILED");
    expect_member(exchange(ann, bid_text("0190aaaa-0000-7000-8000-000000000000", "60.00", ""), "error"), "error",
                  "NOT_FOUND");
    expect_member(exchange(seller, bid_text(fixture.auction, "60.00", ""), "error"), "error", "OWN_AUCTION");
    expect_member(exchange(guest, bid_text(fixture.auction, "60.00", ""), "error"), "error", "UNAUTHORIZED");
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
    struct websocket *ann = open_as(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    (void)snprintf(id, sizeof(id), "%s",
                   websocket_text(exchange(ann, bid_text(fixture.auction, "15.00", key), "bid_pending"), "bidId"));
    expect_member(receive(ann, "bid_result"), "bidId", id);
    const struct json *answer = exchange(ann, bid_text(fixture.auction, "15.00", key), "bid_result");
    expect_member(answer, "bidId", id);
    expect_member(answer, "id", "b");
    expect_member(exchange(ann, bid_text(fixture.auction, "16.00", key), "error"), "error", "IDEMPOTENCY_KEY_REUSED");
    /* The same key over HTTP returns the same bid. */
    client_header(fixture.client, "X-Idempotency-Key: once");
    const struct reply *reply = fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 15.00}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "bidId", id);
    websocket_free(ann);
}
END_TEST

/* ---- proxy bids ---- */

static const char *proxy_text(const char *more)
{
    return client_format("{\"type\": \"proxy\", \"auctionId\": \"%s\", \"id\": \"p\"%s}", fixture.auction, more);
}

static void expect_maximum(const struct factory_user *who, const char *amount)
{
    const struct reply *reply = fixture_call(who, "GET", fixture_path("/proxy"), NULL);
    EXPECT_STATUS(reply, amount == NULL ? 404 : 200);
    if (amount != NULL) {
        EXPECT_TEXT(reply, "maxAmount", amount);
    }
}

START_TEST(a_proxy_bid_over_websocket_is_set_raised_and_withdrawn)
{
    struct websocket *ann = open_as(&fixture.ann);
    struct websocket *guest = open_as(NULL);
    (void)subscribe(guest, fixture.auction);
    const struct json *answer = exchange(ann, proxy_text(", \"maxAmount\": 100.00, \"receipt\": true"), "bid_pending");
    expect_member(answer, "id", "p");
    expect_member(answer, "status", "pending");
    expect_member(answer, "maxAmount", "100.00");
    expect_member(answer, "auctionId", fixture.auction);
    ck_assert_ptr_null(json_member(answer, "amount"));
    ck_assert_str_ne(websocket_text(answer, "receipt"), "");
    answer = receive(ann, "bid_result");
    expect_member(answer, "status", "accepted");
    expect_member(answer, "maxAmount", "100.00");
    expect_member(answer, "amount", "10.00");
    expect_maximum(&fixture.ann, "100.00");
    expect_member(receive(guest, "bid_placed"), "currentBid", "10.00");
    (void)exchange(ann, proxy_text(", \"maxAmount\": \"120.00\""), "bid_pending");
    expect_member(receive(ann, "bid_result"), "status", "accepted");
    expect_maximum(&fixture.ann, "120.00");
    (void)exchange(ann, proxy_text(", \"maxAmount\": 90"), "bid_pending");
    answer = receive(ann, "bid_result");
    expect_member(answer, "status", "rejected");
    expect_member(answer, "reason", "MAXIMUM_NOT_RAISED");
    ck_assert_ptr_nonnull(receive(guest, "auction_updated")); /* nothing public changed */
    answer = exchange(ann, proxy_text(", \"withdraw\": true"), "proxy_withdrawn");
    expect_member(answer, "id", "p");
    expect_member(answer, "auctionId", fixture.auction);
    expect_maximum(&fixture.ann, NULL);
    websocket_free(ann);
    websocket_free(guest);
}
END_TEST

START_TEST(a_key_makes_a_repeated_proxy_bid_one_bid)
{
    static const char more[] = ", \"maxAmount\": 100.00, \"idempotencyKey\": \"once\"";
    struct websocket *ann = open_as(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    (void)snprintf(id, sizeof(id), "%s", websocket_text(exchange(ann, proxy_text(more), "bid_pending"), "bidId"));
    expect_member(receive(ann, "bid_result"), "bidId", id);
    expect_member(exchange(ann, proxy_text(more), "bid_result"), "bidId", id);
    client_header(fixture.client, "Idempotency-Key: once");
    const struct reply *reply = fixture_call(&fixture.ann, "POST", fixture_path("/proxy"), "{\"maxAmount\": 100.00}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "bidId", id);
    websocket_free(ann);
}
END_TEST

START_TEST(refusals_of_proxy_bids_have_the_codes_of_http)
{
    static const struct {
        const char *more;
        const char *error;
    } refusals[] = {
        {"", "VALIDATION_FAILED"},
        {", \"maxAmount\": null", "VALIDATION_FAILED"}, /* as over HTTP: it does not withdraw */
        {", \"maxAmount\": 60, \"amount\": 60", "VALIDATION_FAILED"},
        {", \"maxAmount\": 60, \"withdraw\": true", "VALIDATION_FAILED"},
        {", \"withdraw\": false", "VALIDATION_FAILED"},
        {", \"withdraw\": \"true\"", "VALIDATION_FAILED"},
        {", \"withdraw\": true, \"idempotencyKey\": \"k\"", "VALIDATION_FAILED"},
        {", \"maxAmount\": -1", "INVALID_AMOUNT"},
        {", \"maxAmount\": 20", "BID_TOO_LOW"},
        {", \"withdraw\": true", "NOT_FOUND"}, /* ann has no maximum */
    };
    struct websocket *ann = open_as(&fixture.ann);
    struct websocket *seller = open_as(&fixture.seller);
    struct websocket *guest = open_as(NULL);
    bid(&fixture.bob, "50.00");
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct json *answer = exchange(ann, proxy_text(refusals[i].more), "error");
        ck_assert_msg(strcmp(websocket_text(answer, "error"), refusals[i].error) == 0, "%s: expected %s, got %s",
                      refusals[i].more, refusals[i].error, websocket_text(answer, "error"));
        expect_member(answer, "id", "p");
    }
    expect_member(exchange(seller, proxy_text(", \"maxAmount\": 60"), "error"), "error", "OWN_AUCTION");
    expect_member(exchange(guest, proxy_text(", \"maxAmount\": 60"), "error"), "error", "UNAUTHORIZED");
    expect_member(exchange(guest, proxy_text(", \"withdraw\": true"), "error"), "error", "UNAUTHORIZED");
    websocket_free(ann);
    websocket_free(seller);
    websocket_free(guest);
}
END_TEST

/* As over HTTP: an answer after 3 s at the latest. A lock on the auction's row delays the decision. */
START_TEST(a_late_withdrawal_is_pending_and_then_decided)
{
    struct websocket *ann = open_as(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    (void)exchange(ann, proxy_text(", \"maxAmount\": 100.00"), "bid_pending");
    (void)receive(ann, "bid_result");
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    ck_assert_int_eq(
        (int)sql_int(fixture.sql, "SELECT 1 FROM auctions WHERE id = $1::uuid FOR UPDATE", fixture.auction, NULL), 1);
    const struct json *answer = exchange(ann, proxy_text(", \"withdraw\": true"), "bid_pending");
    (void)snprintf(id, sizeof(id), "%s", websocket_text(answer, "bidId"));
    PQclear(sql_rows(fixture.sql, "COMMIT", NULL));
    answer = receive(ann, "proxy_withdrawn");
    expect_member(answer, "bidId", id);
    expect_member(answer, "id", "p");
    expect_maximum(&fixture.ann, NULL);
    websocket_free(ann);
}
END_TEST

/* ---- messages for one user ---- */

START_TEST(a_result_reaches_all_connections_of_its_user_only)
{
    enum { SOCKETS = 6 }; /* enough to reach both workers */
    struct websocket *sockets[SOCKETS];
    struct websocket *bob = open_as(&fixture.bob);
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = open_as(&fixture.ann);
        (void)exchange(sockets[i], "{\"type\": \"ping\"}", "pong");
    }
    char id[UUID_TEXT_SIZE];
    fixture_submit(&fixture.ann, fixture.auction, "25.00", id);
    for (int i = 0; i < SOCKETS; i++) {
        const struct json *message = receive(sockets[i], NULL);
        expect_member(message, "type", "bid_result");
        expect_member(message, "bidId", id);
        expect_member(message, "status", "accepted");
        expect_member(message, "auctionId", fixture.auction);
        websocket_free(sockets[i]);
    }
    (void)exchange(bob, "{\"type\": \"ping\"}", "pong"); /* no bid_result precedes the pong */
    websocket_free(bob);
}
END_TEST

START_TEST(a_rejected_bid_names_its_reason)
{
    struct websocket *ann = open_as(&fixture.ann);
    (void)exchange(ann, "{\"type\": \"ping\"}", "pong");
    bid(&fixture.bob, "20.00");
    /* Both may share one message to the queue. Then only the bid worker can reject the lower bid. */
    ck_assert(websocket_send_text(ann, bid_text(fixture.auction, "40.00", "")));
    ck_assert(websocket_send_text(ann, bid_text(fixture.auction, "30.00", "")));
    const struct json *message = receive(ann, "bid_result error");
    expect_member(message, "status", "accepted");
    message = receive(ann, "bid_result error");
    if (strcmp(websocket_text(message, "type"), "bid_result") == 0) {
        expect_member(message, "status", "rejected");
        expect_member(message, "reason", "BID_TOO_LOW");
    } else {
        expect_member(message, "error", "BID_TOO_LOW");
    }
    websocket_free(ann);
}
END_TEST

START_TEST(notifications_are_pushed_without_subscription)
{
    struct websocket *ann = open_as(&fixture.ann);
    (void)exchange(ann, "{\"type\": \"ping\"}", "pong");
    bid(&fixture.ann, "20.00");
    bid(&fixture.bob, "30.00");
    const struct json *message = receive(ann, "notification");
    expect_member(message, "auctionId", fixture.auction);
    const struct json *notice = json_member(message, "notification");
    expect_member(notice, "kind", "OUTBID");
    expect_member(notice, "auctionTitle", "A chair");
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
    struct websocket *sockets[] = {open_as(NULL), open_as(NULL)};
    const char *tokens[] = {fixture.ann.token, fixture.ann.session};
    for (size_t i = 0; i < ARRAY_LEN(sockets); i++) {
        expect_member(exchange(sockets[i], auth_text("nonsense"), "error"), "error", "UNAUTHORIZED");
        expect_member(exchange(sockets[i], "{\"type\": \"auth\"}", "error"), "error", "VALIDATION_FAILED");
        const struct json *answer = exchange(sockets[i], auth_text(tokens[i]), "authenticated");
        expect_member(answer, "userId", fixture.ann.id);
        expect_member(answer, "id", "a");
        (void)exchange(sockets[i], bid_text(fixture.auction, i == 0 ? "20.00" : "30.00", ""), "bid_pending");
        for (size_t k = 0; k <= i; k++) {
            (void)receive(sockets[k], "bid_result");
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
    (void)exchange(ann, bid_text(fixture.auction, "20.00", ""), "bid_pending");
    websocket_free(ann);
    /* An invalid cookie makes the client a guest, as on every route; an invalid bearer token gets 401. */
    struct websocket *guest = websocket_open(deployment_http_url(), "Cookie: session=nonsense\r\n");
    ck_assert_ptr_nonnull(guest);
    expect_member(exchange(guest, bid_text(fixture.auction, "30.00", ""), "error"), "error", "UNAUTHORIZED");
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
    struct websocket *ann = open_as(&fixture.ann);
    struct websocket *bob = open_as(&fixture.bob);
    (void)exchange(ann, "{\"type\": \"ping\"}", "pong");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", "/api/v1/auth/logout", NULL), 204);
    ck_assert_uint_eq(websocket_receive_close(ann), 1008);
    (void)exchange(bob, "{\"type\": \"ping\"}", "pong");
    websocket_free(ann);
    websocket_free(bob);
}
END_TEST

START_TEST(a_ban_closes_the_connections_of_the_user)
{
    struct factory_user admin;
    struct websocket *ann = open_as(&fixture.ann);
    (void)exchange(ann, "{\"type\": \"ping\"}", "pong");
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
    EXPECT_STATUS(admin_ban(fixture.client, &admin, fixture.ann.id), 200);
    ck_assert_uint_eq(websocket_receive_close(ann), 1008);
    websocket_free(ann);
    char header[HEADER_SIZE];
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fixture.ann.token);
    ck_assert_int_eq(handshake_status(header), 403);
    struct websocket *guest = open_as(NULL);
    expect_member(exchange(guest, auth_text(fixture.ann.token), "error"), "error", "USER_BANNED");
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
    expect_member(block->data, "auctionId", fixture.auction);
    bid(&fixture.ann, "20.00");
    block = events_receive(events, "bid_placed");
    ck_assert_ptr_nonnull(block);
    ck_assert_str_eq(block->id, websocket_text(block->data, "seq"));
    expect_member(block->data, "currentBid", "20.00");
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
    expect_member(block->data, "type", "bid_placed");
    events_free(events);
    /* A version was missed: the stream starts with a snapshot. */
    events = open_events(header);
    block = events_receive(events, "snapshot");
    ck_assert_ptr_nonnull(block);
    expect_member(block->data, "currentBid", "20.00");
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
    expect_member(block->data, "auctionId", fixture.auction);
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
    struct websocket *guest = open_as(NULL);
    int64_t best = INT64_MAX;
    int64_t offset = 0;
    for (int i = 0; i < PINGS; i++) {
        int64_t server = 0;
        int64_t before = clock_now_ms();
        const struct json *pong = exchange(guest, "{\"type\": \"ping\"}", "pong");
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
        each_overtaken_subscribe_is_answered_by_its_id,
        each_overtaken_subscribe_of_an_unknown_auction_is_refused_by_its_id,
        the_number_of_subscribes_that_wait_for_one_auction_is_limited,
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
        a_key_makes_a_repeated_proxy_bid_one_bid,
        refusals_of_proxy_bids_have_the_codes_of_http,
        a_late_withdrawal_is_pending_and_then_decided,
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
    return live_recording_check(getenv("ROSTRUM_TEST") == NULL) && passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
