/*
 * Rate limits, and with them the reload of settings: the tests' deployment runs without limits; this program writes
 * small ones into the deployment's copy of its settings, sends the gateway SIGHUP, and restores what was there at the
 * end.
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

enum { LIMITS_CONF_SIZE = 8192, LIMITS_RELOAD_MS = 15000 };

#define LIMITED                                                                                                        \
    "[limits]\nbids_per_minute = 3\nbids_per_auction_minute = 5\nauctions_per_hour = 2\nsearches_per_minute = "        \
    "4\nlogins_per_minute = 5\n"                                                                                       \
    "registrations_per_hour = 0\nlogins_account_per_minute = 3\n"

static char saved[LIMITS_CONF_SIZE];

static const char *conf_path(void)
{
    const char *path = getenv("ROSTRUM_TEST_CONF");
    ck_assert_ptr_nonnull(path);
    return path;
}

static void conf_write(const char *text)
{
    int fd = open(conf_path(), O_WRONLY | O_TRUNC | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq((int)write(fd, text, strlen(text)), (int)strlen(text));
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(kill(deployment_pid("gateway"), SIGHUP), 0);
}

static bool limited(void)
{
    (void)fixture_call(&fixture.bob, "GET", "/api/v1/auctions", NULL);
    return client_reply_header(fixture.client, "RateLimit-Limit")[0] != '\0';
}

/*
 * Whether each of a number of fresh connections says so: they land on all workers. Asking uses up the asker's own
 * searches, which no other test counts on.
 */
static bool limited_everywhere(bool yes)
{
    enum { LOOKS = 12 };
    for (int i = 0; i < LOOKS; i++) {
        client_header(fixture.client, "Connection: close");
        if (limited() != yes) {
            return false;
        }
    }
    return true;
}

/* In the runner itself, so that the settings come back also after a test that failed. */
static void set(void)
{
    fixture_setup();
    int fd = open(conf_path(), O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ssize_t length = read(fd, saved, sizeof(saved) - 1);
    ck_assert_int_gt((int)length, 0);
    saved[length] = '\0';
    ck_assert_int_eq(close(fd), 0);
    char *limits = strstr(saved, "[limits]");
    ck_assert_ptr_nonnull(limits);
    char *after = strstr(limits, "\n[");
    char text[LIMITS_CONF_SIZE];
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(limits - saved), saved, LIMITED, after != NULL ? after : "");
    conf_write(text);
    SUITE_WAIT(limited_everywhere(true), LIMITS_RELOAD_MS);
}

static void strike(void)
{
    conf_write(saved);
    SUITE_WAIT(limited_everywhere(false), LIMITS_RELOAD_MS);
    SUITE_WAIT(deployment_ready(), DEPLOYMENT_READY_MS);
    fixture_teardown();
}

static void refused(const struct reply *reply)
{
    EXPECT_ERROR(reply, 429, "RATE_LIMITED");
    long after = strtol(reply_text(reply, "retryAfter"), NULL, 10);
    ck_assert_msg(after >= 1 && after <= 3600, "retryAfter: %s", reply->body);
    ck_assert_str_eq(client_reply_header(fixture.client, "Retry-After"), reply_text(reply, "retryAfter"));
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), "0");
}

static const struct reply *log_in(const char *email)
{
    return fixture_call(NULL, "POST", "/api/v1/auth/login",
                        client_format("{\"email\": \"%s\", \"password\": \"wrong password\"}", email));
}

START_TEST(each_limit_refuses_the_next_one)
{
    static const char *const amounts[] = {"20.00", "30.00", "40.00"};
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, amounts[i]), 200);
        ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Limit"), "3");
        ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), client_format("%zu", 2 - i));
        ck_assert_str_ne(client_reply_header(fixture.client, "RateLimit-Reset"), "");
    }
    refused(factory_bid(fixture.client, &fixture.ann, fixture.auction, "50.00"));

    /* The auction takes five in all: of Bob's two, the first may still be asked for again. */
    static const char body[] = "{\"amount\": 60.00}";
    client_header(fixture.client, "X-Idempotency-Key: limits");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", fixture_path("/bids"), body), 202);
    EXPECT_STATUS(factory_proxy(fixture.client, &fixture.bob, fixture.auction, "80.00"), 200);
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Remaining"), "0");
    refused(factory_bid(fixture.client, &fixture.bob, fixture.auction, "90.00"));
    ck_assert_str_eq(client_reply_header(fixture.client, "RateLimit-Limit"), "5");
    client_header(fixture.client, "X-Idempotency-Key: limits");
    EXPECT_STATUS(fixture_call(&fixture.bob, "POST", fixture_path("/bids"), body), 200);

    /* Withdrawals are counted by themselves. */
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL), 404);
    }
    refused(fixture_call(&fixture.ann, "DELETE", fixture_path("/proxy"), NULL));

    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {0};
    ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, id));
    ck_assert(factory_auction(fixture.client, &fixture.ann, &terms, id));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.seller, id, "20.00"), 200); /* another auction, another minute */
    refused(fixture_call(&fixture.ann, "POST", "/api/v1/auctions",
                         "{\"title\": \"Third\", \"startingPrice\": 1, \"endTime\": \"2027-01-01T00:00:00.000Z\"}"));

    for (int i = 0; i < 4; i++) {
        EXPECT_STATUS(fixture_call(&fixture.ann, "GET", "/api/v1/auctions", NULL), 200);
    }
    refused(fixture_call(&fixture.ann, "GET", "/api/v1/auctions", NULL));

    /* Strangers together may try one account three times, an address five times whatever it tries. */
    char other_address[FACTORY_EMAIL_SIZE + 8];
    (void)snprintf(other_address, sizeof(other_address), "no.%s", fixture.ann.email);
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(log_in(other_address), 401);
    }
    refused(log_in(other_address));
    EXPECT_STATUS(log_in(fixture.ann.email), 401); /* she logged in from here before: no stranger shuts her out */
    refused(log_in(fixture.ann.email));

    const struct reply *reply = NULL;
    for (int i = 0; i < 6; i++) {
        reply = fixture_call(&fixture.bob, "PATCH", "/api/v1/users/me",
                             "{\"password\": \"a new password\", \"currentPassword\": \"wrong password\"}");
        ck_assert_int_eq(reply->status, i < 5 ? 400 : 429);
    }
    refused(reply);
}
END_TEST

static Suite *limits_suite(void)
{
    Suite *suite = suite_create("limits");
    TCase *limits = tcase_create("limits");
    tcase_add_unchecked_fixture(limits, set, strike);
    tcase_add_test(limits, each_limit_refuses_the_next_one);
    suite_add_tcase(suite, limits);
    return suite;
}

int main(void)
{
    return suite_run(limits_suite());
}
