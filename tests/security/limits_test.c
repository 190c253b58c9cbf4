/*
 * Rate limits and the reload of settings. The tests' deployment runs without limits. This program writes small ones
 * into the deployment's copy of its settings, sends SIGHUP to the gateway, and restores the settings at the end.
 *
 * Runs alone: it changes the settings of the gateway.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/gateway_settings.h"

#define LIMITED                                                                                                        \
    "[limits]\nbids_per_minute = 3\nbids_per_auction_minute = 5\nauctions_per_hour = 2\nsearches_per_minute = "        \
    "4\nlogins_per_minute = 5\n"                                                                                       \
    "registrations_per_hour = 0\nlogins_account_per_minute = 3\n"

/* Without a limit of the auction: bids are counted together with the check of their session. */
#define BIDDERS_LIMITED "[limits]\nbids_per_minute = 3\nlogins_per_minute = 0\nregistrations_per_hour = 0\n"

static char saved[GATEWAY_SETTINGS_SIZE];

static void apply(const char *limited)
{
    fixture_setup();
    gateway_settings_read(saved);
    char *limits = strstr(saved, "[limits]");
    ck_assert_ptr_nonnull(limits);
    char *after = strstr(limits, "\n[");
    char text[GATEWAY_SETTINGS_SIZE];
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(limits - saved), saved, limited, after != NULL ? after : "");
    gateway_settings_apply(text);
}

/* Unchecked fixtures: they run in the parent process, so teardown restores the settings also after a failed test. */
static void setup(void)
{
    apply(LIMITED);
}

static void setup_bidders(void)
{
    apply(BIDDERS_LIMITED);
}

static void teardown(void)
{
    gateway_settings_apply(saved);
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    fixture_teardown();
}

static void expect_rate_limited(const struct reply *reply)
{
    EXPECT_ERROR(reply, 429, "RATE_LIMITED");
    long after = strtol(reply_text(reply, "retryAfter"), NULL, 10);
    ck_assert_msg(after >= 1 && after <= 3600, "retryAfter: %s", reply->body);
    ck_assert_str_eq(client_reply_header(fixture.client, "Retry-After"), reply_text(reply, "retryAfter"));
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Limit"), reply_text(reply, "limit"));
    EXPECT_TEXT(reply, "message",
                client_format("At most %s per %s; try again in %ld s", reply_text(reply, "limit"),
                              reply_text(reply, "window"), after));
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), "0");
}

static const struct reply *log_in(const char *email)
{
    return fixture_call(NULL, "POST", "/api/v1/auth/login",
                        client_format("{\"email\": \"%s\", \"password\": \"wrong password\"}", email));
}

START_TEST(each_rate_limit_refuses_the_next_request_with_429)
{
    static const char *const amounts[] = {"20.00", "30.00", "40.00"};
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, amounts[i]), 200);
        ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Limit"), "3");
        ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), client_format("%zu", 2 - i));
        ck_assert_str_ne(client_reply_header(fixture.client, "RateLimit-Reset"), "");
    }
    expect_rate_limited(factory_bid(fixture.client, &fixture.ann, fixture.auction, "50.00"));

    /* The auction allows five bids a minute. Bob makes two; repeating the first one by its key is not counted. */
    static const char body[] = "{\"amount\": 60.00}";
    client_header(fixture.client, "X-Idempotency-Key: limits");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", fixture_path("/bids"), body), 202);
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.bob, fixture.auction, "80.00"), 200);
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), "0");
    expect_rate_limited(factory_bid(fixture.client, &fixture.bob, fixture.auction, "90.00"));
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Limit"), "5");
    client_header(fixture.client, "X-Idempotency-Key: limits");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", fixture_path("/bids"), body), 200);

    /* Withdrawals have a counter of their own. */
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL), 404);
    }
    expect_rate_limited(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL));

    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, id));
    ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, id));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.seller, id, "20.00"), 200); /* each auction has its own count */
    expect_rate_limited(
        fixture_call(&fixture.ann, "POST", "/api/v1/auctions",
                     "{\"title\": \"Third\", \"startingPrice\": 1, \"endTime\": \"2027-01-01T00:00:00.000Z\"}"));

    for (int i = 0; i < 4; i++) {
        EXPECT_STATUS(fixture_call(&fixture.ann, "GET", "/api/v1/auctions", NULL), 200);
    }
    expect_rate_limited(fixture_call(&fixture.ann, "GET", "/api/v1/auctions", NULL));

    /* Failed logins: three a minute per account from unknown addresses, five a minute per client address. */
    char other_address[FACTORY_EMAIL_SIZE + 8];
    (void)snprintf(other_address, sizeof(other_address), "no.%s", fixture.ann.email);
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(log_in(other_address), 401);
    }
    expect_rate_limited(log_in(other_address));
    EXPECT_STATUS(log_in(fixture.ann.email), 401); /* known address of Ann: not subject to the account's limit */
    expect_rate_limited(log_in(fixture.ann.email));

    const struct reply *reply = NULL;
    for (int i = 0; i < 6; i++) {
        reply = fixture_call(&fixture.bob, "PATCH", "/api/v1/users/me",
                             "{\"password\": \"a new password\", \"currentPassword\": \"wrong password\"}");
        ck_assert_int_eq(reply->status, i < 5 ? 400 : 429);
    }
    expect_rate_limited(reply);
}
END_TEST

START_TEST(a_refused_request_gives_its_limit_back)
{
    enum { TRIES = 8 }; /* more than each limit */
    for (int i = 0; i < TRIES; i++) {
        const struct reply *reply = fixture_call(&fixture.bob, "POST", fixture_path("/bids"), "{\"amount\": 5.00}");
        EXPECT_ERROR(reply, 400, "BID_TOO_LOW");
        ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), "3");
        reply = fixture_call(&fixture.bob, "POST", "/api/v1/auctions", "{\"title\": \"\"}");
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), "2");
        reply = fixture_call(NULL, "POST", "/api/v1/auth/login", "{\"email\": 1}");
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_ERROR(fixture_call(NULL, "POST", "/api/v1/auth/login", "{"), 400, "VALIDATION_FAILED");
    }
}
END_TEST

static const struct reply *bid(struct factory_user *user, const char *amount)
{
    return fixture_call(user, "POST", fixture_path("/bids"), client_format("{\"amount\": %s}", amount));
}

static void expect_remaining(const struct reply *reply, int status, const char *remaining)
{
    EXPECT_STATUS(reply, status);
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Limit"), "3");
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), remaining);
    long reset = strtol(client_reply_header(fixture.client, "RateLimit-Reset"), NULL, 10);
    ck_assert_msg(reset >= 1 && reset <= 60, "RateLimit-Reset: %ld", reset);
}

START_TEST(bids_of_a_known_session_are_counted_exactly)
{
    expect_remaining(bid(&fixture.ann, "20.00"), 202, "2");
    expect_remaining(bid(&fixture.ann, "30.00"), 202, "1");
    expect_remaining(bid(&fixture.ann, "1.00"), 400, "1"); /* refused, and given back */
    expect_remaining(bid(&fixture.ann, "40.00"), 202, "0");
    for (int i = 0; i < 3; i++) {
        expect_rate_limited(bid(&fixture.ann, "50.00"));
    }
    /* Withdrawals have a counter of their own. */
    expect_remaining(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL), 404, "2");
    expect_remaining(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL), 404, "1");
}
END_TEST

START_TEST(an_ended_session_does_not_spend_the_limit_of_its_user)
{
    enum { TRIES = 8 }; /* more than the limit */
    struct factory_user thief = fixture.bob;
    ck_assert(factory_log_in(fixture.client, &thief));
    expect_remaining(bid(&thief, "60.00"), 202, "2");
    expect_remaining(bid(&thief, "70.00"), 202, "1"); /* the worker knows the session */
    EXPECT_STATUS(fixture_call(&thief, "POST", "/api/v1/auth/logout", NULL), 204);
    for (int i = 0; i < TRIES; i++) {
        EXPECT_ERROR(bid(&thief, "80.00"), 401, "UNAUTHORIZED");
    }
    expect_remaining(bid(&fixture.bob, "80.00"), 202, "0");
    expect_rate_limited(bid(&fixture.bob, "90.00"));
}
END_TEST

static Suite *limits_suite(void)
{
    Suite *suite = suite_create("limits");
    TCase *limits = tcase_create("limits");
    tcase_add_unchecked_fixture(limits, setup, teardown);
    tcase_add_test(limits, a_refused_request_gives_its_limit_back);
    tcase_add_test(limits, each_rate_limit_refuses_the_next_request_with_429);
    suite_add_tcase(suite, limits);
    TCase *bidders = tcase_create("bidders");
    tcase_add_unchecked_fixture(bidders, setup_bidders, teardown);
    tcase_add_test(bidders, bids_of_a_known_session_are_counted_exactly);
    tcase_add_test(bidders, an_ended_session_does_not_spend_the_limit_of_its_user);
    suite_add_tcase(suite, bidders);
    return suite;
}

int main(void)
{
    return suite_run(limits_suite());
}
