/*
 * Tests the table "What fails, and what happens" of ARCHITECTURE.md: the behaviour during the outage of one server, and
 * the recovery without help after it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum { LOOKS = 8, TEST_S = 180 };

/* Whether /ready has this status and names this server (NULL: any), on new connections, which reach all workers. */
static bool all_say(int status, const char *degraded)
{
    for (int i = 0; i < LOOKS; i++) {
        client_header(fixture.client, "Connection: close");
        const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
        if (reply->status != status || (degraded != NULL && strcmp(reply_text(reply, "degraded.0"), degraded) != 0)) {
            return false;
        }
    }
    return true;
}

/* Waits until every worker has reconnected. */
static bool all_ready(void)
{
    return deployment_ready() && all_say(200, NULL);
}

static void strike(void)
{
    static const char *const names[] = {"postgres", "redis", "rabbitmq"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert(deployment_service(names[i], "up"));
    }
    SUITE_WAIT(all_ready(), DEPLOYMENT_READY_MS);
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
    EXPECT_TEXT(factory_look(fixture.client, NULL, fixture.auction), "currentBid", "20.00");
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
    EXPECT_STATUS(fixture_call(NULL, "GET", "/ready?for=read", NULL), 503);
    unavailable(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL));
    unavailable(fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 1, \"title\": \"Other\"}"));
    ck_assert(deployment_service("postgres", "up"));
    SUITE_WAIT(strcmp(status_of(bid), "accepted") == 0, DEPLOYMENT_READY_MS);
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
    EXPECT_STATUS(factory_look(fixture.client, NULL, fixture.auction), 200);
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL), 200);
    ck_assert(deployment_service("rabbitmq", "up"));
    SUITE_WAIT(all_ready(), DEPLOYMENT_READY_MS);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), "status", "accepted");
    ck_assert_int_eq(sql_int(fixture.sql, "SELECT count(*) FROM bids WHERE auction_id = $1", fixture.auction, NULL), 1);
}
END_TEST

static Suite *outage_suite(void)
{
    Suite *suite = suite_create("outage");
    TCase *tcase = tcase_create("outage");
    tcase_add_checked_fixture(tcase, fixture_setup, strike);
    tcase_set_timeout(tcase, TEST_S);
    tcase_add_test(tcase, without_redis_bids_are_taken_from_who_has_an_access_token);
    tcase_add_test(tcase, without_postgresql_bids_are_queued_and_decided_later);
    tcase_add_test(tcase, without_its_broker_the_deployment_takes_no_bids_and_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(outage_suite());
}
