/*
 * Commands over a WebSocket that overtake each other, are repeated, refused or late. live_test.c has their usual
 * course.
 *
 * Runs alone: load of other tests would delay its live updates.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/fixture.h"
#include "tests/support/live_client.h"
#include "tests/support/live_recording.h"

static void bid(const struct factory_user *who, const char *amount)
{
    EXPECT_STATUS(factory_bid(fixture.client, who, fixture.auction, amount), 200);
}

/* ---- subscriptions ---- */

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
    const struct json *message = live_receive(socket, NULL);
    ck_assert_msg(strcmp(websocket_text(message, "type"), type) == 0 && strcmp(websocket_text(message, "id"), id) == 0,
                  "expected %s with id %s, got %s with id %s", type, id, websocket_text(message, "type"),
                  websocket_text(message, "id"));
}

/* No other test watches the auction, so the first snapshot must come from PostgreSQL: the commands overtake it. */
START_TEST(each_overtaken_subscribe_is_answered_by_its_id)
{
    struct websocket *guest = live_open(NULL);
    const char *const again[] = {command_text("subscribe", fixture.auction, "1"),
                                 command_text("subscribe", fixture.auction, "\"two\""),
                                 command_text("subscribe", fixture.auction, "")};
    ck_assert(websocket_send_texts(guest, again, ARRAY_LEN(again)));
    expect_answer(guest, "snapshot", "1");
    expect_answer(guest, "snapshot", "two");
    expect_answer(guest, "snapshot", "");
    websocket_free(guest);
    guest = live_open(NULL);
    char other[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, other));
    const char *const left[] = {command_text("subscribe", other, "1"), command_text("subscribe", other, "2"),
                                command_text("unsubscribe", other, "3")};
    ck_assert(websocket_send_texts(guest, left, ARRAY_LEN(left)));
    expect_answer(guest, "unsubscribed", "1");
    expect_answer(guest, "unsubscribed", "2");
    expect_answer(guest, "unsubscribed", "3");
    (void)live_subscribe(guest, other);
    websocket_free(guest);
}
END_TEST

START_TEST(each_overtaken_subscribe_of_an_unknown_auction_is_refused_by_its_id)
{
    static const char unknown[] = "0190aaaa-0000-7000-8000-000000000000";
    struct websocket *guest = live_open(NULL);
    const char *const texts[] = {command_text("subscribe", unknown, "1"), command_text("subscribe", unknown, "2")};
    ck_assert(websocket_send_texts(guest, texts, ARRAY_LEN(texts)));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct json *message = live_receive(guest, "error");
        live_expect(message, "error", "NOT_FOUND");
        live_expect(message, "id", client_format("%zu", i + 1));
    }
    websocket_free(guest);
}
END_TEST

/* Each waiting answer costs memory while PostgreSQL is slow. */
START_TEST(the_number_of_subscribes_that_wait_for_one_auction_is_limited)
{
    enum { WAITING_MAX = 8 };
    struct websocket *guest = live_open(NULL);
    const char *texts[WAITING_MAX + 1];
    for (size_t i = 0; i <= WAITING_MAX; i++) {
        texts[i] = command_text("subscribe", fixture.auction, client_format("%zu", i));
    }
    ck_assert(websocket_send_texts(guest, texts, ARRAY_LEN(texts)));
    const struct json *message = live_receive(guest, "error");
    live_expect(message, "error", "UNAVAILABLE");
    live_expect(message, "id", client_format("%d", WAITING_MAX));
    for (size_t i = 0; i < WAITING_MAX; i++) {
        expect_answer(guest, "snapshot", client_format("%zu", i));
    }
    websocket_free(guest);
}
END_TEST

/* ---- proxy bids ---- */

START_TEST(a_key_makes_a_repeated_proxy_bid_one_bid)
{
    static const char more[] = ", \"maxAmount\": 100.00, \"idempotencyKey\": \"once\"";
    struct websocket *ann = live_open(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    (void)snprintf(id, sizeof(id), "%s",
                   websocket_text(live_exchange(ann, live_proxy_text(more), "bid_pending"), "bidId"));
    live_expect(live_receive(ann, "bid_result"), "bidId", id);
    live_expect(live_exchange(ann, live_proxy_text(more), "bid_result"), "bidId", id);
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
    struct websocket *ann = live_open(&fixture.ann);
    struct websocket *seller = live_open(&fixture.seller);
    struct websocket *guest = live_open(NULL);
    bid(&fixture.bob, "50.00");
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct json *answer = live_exchange(ann, live_proxy_text(refusals[i].more), "error");
        ck_assert_msg(strcmp(websocket_text(answer, "error"), refusals[i].error) == 0, "%s: expected %s, got %s",
                      refusals[i].more, refusals[i].error, websocket_text(answer, "error"));
        live_expect(answer, "id", "p");
    }
    live_expect(live_exchange(seller, live_proxy_text(", \"maxAmount\": 60"), "error"), "error", "OWN_AUCTION");
    live_expect(live_exchange(guest, live_proxy_text(", \"maxAmount\": 60"), "error"), "error", "UNAUTHORIZED");
    live_expect(live_exchange(guest, live_proxy_text(", \"withdraw\": true"), "error"), "error", "UNAUTHORIZED");
    websocket_free(ann);
    websocket_free(seller);
    websocket_free(guest);
}
END_TEST

/* As over HTTP: an answer after 3 s at the latest. A lock on the auction's row delays the decision. */
START_TEST(a_late_withdrawal_is_pending_and_then_decided)
{
    struct websocket *ann = live_open(&fixture.ann);
    char id[UUID_TEXT_SIZE];
    (void)live_exchange(ann, live_proxy_text(", \"maxAmount\": 100.00"), "bid_pending");
    (void)live_receive(ann, "bid_result");
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    ck_assert_int_eq(
        (int)sql_int(fixture.sql, "SELECT 1 FROM auctions WHERE id = $1::uuid FOR UPDATE", fixture.auction, NULL), 1);
    const struct json *answer = live_exchange(ann, live_proxy_text(", \"withdraw\": true"), "bid_pending");
    (void)snprintf(id, sizeof(id), "%s", websocket_text(answer, "bidId"));
    PQclear(sql_rows(fixture.sql, "COMMIT", NULL));
    answer = live_receive(ann, "proxy_withdrawn");
    live_expect(answer, "bidId", id);
    live_expect(answer, "id", "p");
    live_expect_maximum(&fixture.ann, NULL);
    websocket_free(ann);
}
END_TEST

static Suite *live_commands_suite(void)
{
    const TTest *const tests[] = {
        each_overtaken_subscribe_is_answered_by_its_id,
        each_overtaken_subscribe_of_an_unknown_auction_is_refused_by_its_id,
        the_number_of_subscribes_that_wait_for_one_auction_is_limited,
        a_key_makes_a_repeated_proxy_bid_one_bid,
        refusals_of_proxy_bids_have_the_codes_of_http,
        a_late_withdrawal_is_pending_and_then_decided,
        NULL,
    };
    return fixture_suite("live-commands", tests);
}

int main(void)
{
    if (!live_recording_begin()) {
        return EXIT_FAILURE;
    }
    bool passed = suite_run(live_commands_suite()) == EXIT_SUCCESS;
    return live_recording_check("part") && passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
