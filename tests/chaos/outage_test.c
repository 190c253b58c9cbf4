/*
 * Tests the table "What fails, and what happens" of ARCHITECTURE.md: the behaviour during the outage of one server, and
 * the recovery without help after it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/sales.h"
#include "tests/support/websocket.h"

enum {
    TEST_S = 400,
    ROTATED_MS = 40000, /* more than the age at which a key begins to sign, and two polls */
    WORKERS_MOST = 16,
};

struct expected {
    int status;
    const char *degraded; /* NULL: any */
};

static const char *look_for(void *arg)
{
    const struct expected *expected = arg;
    client_header(fixture.client, "Connection: close");
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    bool named = expected->degraded == NULL || strcmp(reply_text(reply, "degraded.0"), expected->degraded) == 0;
    return reply->status == expected->status && named ? client_reply_header(fixture.client, "X-Request-Id") : NULL;
}

/* Whether /ready of each worker has this status and names this server (NULL: any). */
static bool all_say(int status, const char *degraded)
{
    return deployment_each_worker(look_for, &(struct expected){status, degraded});
}

static void tear_down(void)
{
    static const char *const names[] = {"postgres", "redis", "rabbitmq"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert(deployment_service(names[i], "up"));
    }
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    fixture_teardown();
}

static void unavailable(const struct reply *reply)
{
    EXPECT_ERROR(reply, 503, "UNAVAILABLE");
    ck_assert_str_ne(client_reply_header(fixture.client, "Retry-After"), "");
}

static const char *status_of(const char *bid)
{
    return sql_text(fixture.sql, "SELECT status || coalesce(' ' || reason, '') FROM bids WHERE bid_id = $1", bid, NULL);
}

/* Asserts the error of a bid over a WebSocket whose user is known by a cookie. */
static void expect_socket_bid_error(const struct factory_user *who, const char *error)
{
    struct websocket *socket =
        websocket_open(deployment_http_url(), client_format("Cookie: session=%s\r\n", who->session));
    ck_assert_ptr_nonnull(socket);
    ck_assert(websocket_send_text(
        socket, client_format("{\"type\": \"bid\", \"auctionId\": \"%s\", \"amount\": 30.00}", fixture.auction)));
    ck_assert_str_eq(websocket_text(websocket_receive(socket, "error"), "error"), error);
    websocket_free(socket);
}

START_TEST(without_redis_bids_are_taken_from_who_has_an_access_token)
{
    char ok[UUID_TEXT_SIZE];
    char low[UUID_TEXT_SIZE];
    struct factory_user session = fixture.bob;
    (void)snprintf(session.token, sizeof(session.token), "%s", fixture.bob.session);
    ck_assert(deployment_service("redis", "down"));
    SUITE_WAIT(all_say(200, "redis"), DEPLOYMENT_READY_MS);
    fixture_submit(&fixture.ann, fixture.auction, "20.00", ok);
    fixture_submit(&fixture.bob, fixture.auction, "20.50",
                   low); /* without the snapshot, only the decision refuses it */
    SUITE_WAIT(strcmp(status_of(low), "rejected BID_TOO_LOW") == 0, FACTORY_DECISION_MS);
    ck_assert_str_eq(status_of(ok), "accepted");
    unavailable(fixture_call(&session, "POST", fixture_path("/bids"), "{\"amount\": 30.00}"));
    expect_socket_bid_error(&fixture.bob, "UNAVAILABLE"); /* not UNAUTHORIZED: nobody knows */
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "currentBid", "20.00");
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL), 200);
}
END_TEST

START_TEST(without_postgresql_bids_are_queued_and_decided_later)
{
    char bid[UUID_TEXT_SIZE];
    ck_assert(deployment_service("postgres", "down"));
    SUITE_WAIT(all_say(200, "postgres"), DEPLOYMENT_READY_MS);
    fixture_submit(&fixture.ann, fixture.auction, "20.00", bid);
    const char *path = client_format("%s/%s", fixture_path("/bids"), bid);
    EXPECT_TEXT(fixture_call(&fixture.ann, "GET", path, NULL), "status", "pending");
    const struct reply *reply = fixture_call(NULL, "GET", "/ready?for=read", NULL);
    EXPECT_STATUS(reply, 200); /* Redis serves auctions */
    EXPECT_TEXT(reply, "degraded.0", "postgres");
    unavailable(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL));
    unavailable(fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 1, \"title\": \"Other\"}"));
    ck_assert(deployment_service("postgres", "up"));
    SUITE_WAIT(strcmp(status_of(bid), "accepted") == 0, DEPLOYMENT_READY_MS);
}
END_TEST

/* The part of a page that Redis holds is shown with its age and the mark, to guests and to the seller. */
static void expect_stale(const struct factory_user *who, const char *tail)
{
    const struct reply *reply = fixture_call(who, "GET", fixture_path(tail), NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "stale", "true");
    ck_assert_str_ne(client_reply_header(fixture.client, "Age"), "");
}

START_TEST(without_postgresql_the_page_stays)
{
    enum { DOCUMENT_MS = 6000 /* longer than a document is valid */, SALE_STARTS_MS = 3600000 };
    static const char *const parts[] = {"", "/bids", "/leaderboard"};
    char other[UUID_TEXT_SIZE];
    char product[UUID_TEXT_SIZE];
    char sale[UUID_TEXT_SIZE];
    struct factory_user admin;
    sales_admin(&admin);
    sales_product(&admin, "A lamp", "", product);
    sales_sale(&admin, product, SALE_STARTS_MS, "", sale);
    EXPECT_ABSENT(sales_get(NULL, sale), "stale");
    EXPECT_STATUS(fixture_call(&admin, "POST", client_format(SALES "/%s/cancel", sale), "{\"reason\": \"a test\"}"),
                  200);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), "status", "accepted");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const struct reply *reply = fixture_call(NULL, "GET", fixture_path(parts[i]), NULL);
        EXPECT_STATUS(reply, 200);
        EXPECT_ABSENT(reply, "stale");
        ck_assert_str_eq(client_reply_header(fixture.client, "Age"), "");
    }
    /* The document in Redis does not show this bid. */
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "30.00"), "status", "accepted");
    ck_assert(factory_auction(fixture.client, &fixture.seller, &(struct factory_terms){.title = NULL}, other));
    int64_t shown_ms = clock_mono_ms();
    ck_assert(deployment_service("postgres", "down"));
    SUITE_WAIT(all_say(200, "postgres"), DEPLOYMENT_READY_MS);
    SUITE_WAIT(clock_mono_ms() - shown_ms > DOCUMENT_MS, DEPLOYMENT_READY_MS);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        expect_stale(NULL, parts[i]);
        expect_stale(&fixture.seller, parts[i]);
    }
    EXPECT_TEXT(factory_get_auction(fixture.client, &fixture.bob, fixture.auction), "you", "null");
    const struct reply *reply = factory_get_auction(fixture.client, NULL, fixture.auction);
    EXPECT_ABSENT(reply, "you");
    EXPECT_TEXT(reply, "currentBid", "30.00");
    EXPECT_TEXT(reply, "minimumBid", "31.00");
    ck_assert_int_ge(strtol(client_reply_header(fixture.client, "Age"), NULL, 10), DOCUMENT_MS / 1000 - 1);
    unavailable(factory_get_auction(fixture.client, NULL, other)); /* nobody has looked at it before */
    EXPECT_TEXT(sales_get(NULL, sale), "stale", "true");
    EXPECT_TEXT(sales_get(NULL, sale), "status", "cancelled"); /* of the snapshot: the document does not show it */
    EXPECT_TEXT(sales_get(&fixture.bob, sale), "you", "null");
    ck_assert(deployment_service("postgres", "up"));
    SUITE_WAIT(reply_at(factory_get_auction(fixture.client, NULL, fixture.auction), "stale") == NULL,
               DEPLOYMENT_READY_MS);
    EXPECT_TEXT(factory_get_auction(fixture.client, NULL, fixture.auction), "bidCount", "2");
}
END_TEST

static bool gateway_replaced(pid_t killed)
{
    pid_t now = deployment_pid("gateway");
    return now > 0 && now != killed && fixture_call(NULL, "GET", "/health", NULL)->status == 200;
}

/* The gateway has no keys to verify a token with. */
START_TEST(a_gateway_that_starts_without_postgresql_does_not_call_tokens_invalid)
{
    static const char *const paths[] = {"/api/v1/users/me", "/.well-known/jwks.json"};
    pid_t master = deployment_pid("gateway");
    ck_assert(deployment_service("postgres", "down"));
    ck_assert_int_eq(kill(master, SIGTERM), 0);
    SUITE_WAIT(gateway_replaced(master), DEPLOYMENT_READY_MS);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        unavailable(fixture_call(&fixture.ann, "GET", paths[i], NULL));
    }
    unavailable(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 20.00}"));
    ck_assert(deployment_service("postgres", "up"));
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL), 200);
}
END_TEST

static bool new_key_signs(const char *header, struct factory_user *user)
{
    return factory_log_in(fixture.client, user) && strncmp(user->token, header, strcspn(header, ".")) != 0;
}

/* Replaces the gateway's workers. Asserts that the user is never called unknown meanwhile; needs only Redis. */
static void replace_workers(const struct factory_user *who)
{
    pid_t old[WORKERS_MOST];
    pid_t master = deployment_pid("gateway");
    size_t count = deployment_children(master, old, ARRAY_LEN(old));
    ck_assert_uint_gt(count, 0);
    ck_assert_int_eq(kill(master, SIGHUP), 0);
    for (bool replaced = false; !replaced; suite_pause()) {
        count -= count > 0 && kill(old[count - 1], 0) != 0;
        replaced = count == 0;
        client_header(fixture.client, "Connection: close");
        EXPECT_STATUS(fixture_call(who, "POST", "/api/v1/auth/refresh", NULL), 200);
    }
}

START_TEST(workers_that_start_without_postgresql_know_the_keys_of_their_predecessors)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    char before[FACTORY_TOKEN_SIZE];
    (void)snprintf(before, sizeof(before), "%s", fixture.bob.token);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "keys", "rotate", NULL), 0);
    SUITE_WAIT(new_key_signs(before, &fixture.bob), ROTATED_MS);
    ck_assert(deployment_service("postgres", "down"));
    replace_workers(&fixture.bob);
}
END_TEST

START_TEST(without_its_broker_the_deployment_takes_no_bids_and_is_read)
{
    ck_assert(deployment_service("rabbitmq", "down"));
    SUITE_WAIT(all_say(503, NULL), DEPLOYMENT_READY_MS);
    EXPECT_TEXT(fixture_call(NULL, "GET", "/ready", NULL), "status", "unavailable");
    const struct reply *reply = fixture_call(NULL, "GET", "/ready?for=read", NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "degraded.0", "rabbitmq");
    unavailable(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 20.00}"));
    EXPECT_STATUS(factory_get_auction(fixture.client, NULL, fixture.auction), 200);
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL), 200);
    ck_assert(deployment_service("rabbitmq", "up"));
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), "status", "accepted");
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM bids WHERE auction_id = $1", fixture.auction, NULL), 1);
}
END_TEST

static const struct reply *decided(const struct factory_user *who, const char *path, const char *body)
{
    client_header(fixture.client, "Prefer: wait=10");
    return fixture_call(who, "POST", path, body);
}

/* A turn of ten seconds and a reservation of ten, in an outage that is longer. */
START_TEST(without_its_broker_turns_and_reservations_do_not_run_out)
{
    enum { TURN_MS = 10000 };
    struct factory_user admin;
    char product[UUID_TEXT_SIZE];
    char sale[UUID_TEXT_SIZE];
    char order[UUID_TEXT_SIZE];
    sales_admin(&admin);
    sales_product(&admin, "A kettle", "", product);
    sales_sale(&admin, product, 0, ", \"turnSeconds\": 10, \"reservationSeconds\": 10", sale);
    const char *body = client_format("{\"flashSaleId\": \"%s\", \"quantity\": 1}", sale);
    const struct reply *reply = decided(&fixture.bob, "/api/v1/orders", body);
    EXPECT_TEXT(reply, "status", "reserved");
    (void)snprintf(order, sizeof(order), "%s", reply_text(reply, "orderId"));
    EXPECT_TEXT(decided(&fixture.ann, "/api/v1/queue/join", body), "status", "turn");
    int64_t began_ms = clock_mono_ms();
    ck_assert(deployment_service("rabbitmq", "down"));
    SUITE_WAIT(all_say(503, NULL), DEPLOYMENT_READY_MS);
    unavailable(fixture_call(&fixture.ann, "POST", "/api/v1/orders", body));
    SUITE_WAIT(clock_mono_ms() - began_ms > TURN_MS, DEPLOYMENT_READY_MS);
    ck_assert(deployment_service("rabbitmq", "up"));
    SUITE_WAIT(all_say(200, NULL), DEPLOYMENT_READY_MS);
    EXPECT_TEXT(decided(&fixture.ann, "/api/v1/orders", body), "status", "reserved");
    EXPECT_TEXT(decided(&fixture.bob, client_format("/api/v1/orders/%s/confirm", order), "{}"), "status", "confirmed");
}
END_TEST

static Suite *outage_suite(void)
{
    Suite *suite = suite_create("outage");
    TCase *tcase = tcase_create("outage");
    tcase_add_checked_fixture(tcase, fixture_setup, tear_down);
    tcase_set_timeout(tcase, TEST_S);
    tcase_add_test(tcase, without_redis_bids_are_taken_from_who_has_an_access_token);
    tcase_add_test(tcase, without_postgresql_bids_are_queued_and_decided_later);
    tcase_add_test(tcase, without_postgresql_the_page_stays);
    tcase_add_test(tcase, a_gateway_that_starts_without_postgresql_does_not_call_tokens_invalid);
    tcase_add_test(tcase, workers_that_start_without_postgresql_know_the_keys_of_their_predecessors);
    tcase_add_test(tcase, without_its_broker_the_deployment_takes_no_bids_and_is_read);
    tcase_add_test(tcase, without_its_broker_turns_and_reservations_do_not_run_out);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(outage_suite());
}
