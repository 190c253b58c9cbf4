/*
 * "Service" of the API and the conventions of all routes: readiness, time, request ids, unknown paths, methods, traces.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/support/fixture.h"

enum { PATH_SIZE = 256, HEADER_SIZE = 256 };

START_TEST(the_deployment_is_healthy_and_ready)
{
    EXPECT_STATUS(fixture_call(NULL, "GET", "/health", NULL), 200);
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_le(reply_count(reply, "degraded"), 0);
    EXPECT_TEXT(reply, "deciding.stopped", "0");
    EXPECT_STATUS(fixture_call(NULL, "GET", "/ready?for=read", NULL), 200);
    EXPECT_ERROR(fixture_call(NULL, "GET", "/ready?for=writing", NULL), 400, "VALIDATION_FAILED");
}
END_TEST

START_TEST(time_returns_the_server_clock)
{
    int64_t ms = 0;
    const struct reply *reply = fixture_call(NULL, "GET", "/api/v1/time", NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert(clock_parse(reply_text(reply, "serverTime"), &ms));
    ck_assert(llabs(ms - clock_now_ms()) < INT64_C(60000));
}
END_TEST

START_TEST(a_valid_request_id_is_kept_and_others_are_replaced)
{
    client_header(fixture.client, "X-Request-Id: a.B-9_z");
    EXPECT_TEXT(fixture_call(NULL, "GET", "/api/v1/nowhere", NULL), "requestId", "a.B-9_z");
    ck_assert_str_eq(client_reply_header(fixture.client, "X-Request-Id"), "a.B-9_z");
    client_header(fixture.client, "X-Request-Id: no spaces, please");
    const struct reply *reply = fixture_call(NULL, "GET", "/api/v1/nowhere", NULL);
    ck_assert_str_ne(reply_text(reply, "requestId"), "no spaces, please");
    ck_assert_str_ne(reply_text(reply, "requestId"), "");
    EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/time", NULL), 200);
    ck_assert_str_ne(client_reply_header(fixture.client, "X-Request-Id"), "");
}
END_TEST

START_TEST(unknown_paths_and_malformed_ids_are_404)
{
    static const char *const paths[] = {
        "/",
        "/api/v1",
        "/api/v2/auctions",
        "/api/v1/auctions/not-a-uuid",
        "/api/v1/auctions/01234567-89ab-7def-8123-456789abcdef",
        "/api/v1/auctions/01234567-89ab-7def-8123-456789abcdef/bids",
        "/api/v1/auctions/0123456789ab7def8123456789abcdef",
        "/api/v1/auctions/%2e%2e/auctions",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct reply *reply = fixture_call(NULL, "GET", paths[i], NULL);
        ck_assert_msg(reply->status == 404 && strcmp(reply_text(reply, "error"), "NOT_FOUND") == 0, "%s: %d %.1000s",
                      paths[i], reply->status, reply->body);
    }
}
END_TEST

START_TEST(unsupported_methods_get_405_and_allow)
{
    const struct reply *reply = fixture_call(NULL, "DELETE", "/api/v1/auctions", NULL);
    EXPECT_ERROR(reply, 405, "METHOD_NOT_ALLOWED");
    const char *allow = client_reply_header(fixture.client, "Allow");
    ck_assert_msg(strstr(allow, "GET") != NULL && strstr(allow, "POST") != NULL, "Allow: %s", allow);
    EXPECT_ERROR(fixture_call(NULL, "POST", "/api/v1/time", "{}"), 405, "METHOD_NOT_ALLOWED");
}
END_TEST

START_TEST(head_has_the_headers_of_get_and_no_body)
{
    static const char *const same[] = {"ETag", "Content-Type", "Cache-Control", "Vary"};
    char headers[ARRAY_LEN(same)][HEADER_SIZE];
    char length[HEADER_SIZE];
    const struct reply *reply = fixture_call(NULL, "GET", fixture_path(""), NULL);
    EXPECT_STATUS(reply, 200);
    (void)snprintf(length, sizeof(length), "%zu", reply->length);
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        (void)snprintf(headers[i], sizeof(headers[i]), "%s", client_reply_header(fixture.client, same[i]));
    }
    reply = fixture_call(NULL, "HEAD", fixture_path(""), NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq((int)reply->length, 0);
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        ck_assert_str_eq(client_reply_header(fixture.client, same[i]), headers[i]);
    }
    ck_assert_str_ne(headers[0], "");
    ck_assert_str_eq(client_reply_header(fixture.client, "Content-Length"), length);
}
END_TEST

/* True if one line of the service's current log contains both texts. */
static bool is_logged(const char *service, const char *text, const char *second)
{
    char line[LOG_LINE_MAX + 1];
    char path[PATH_SIZE];
    bool found = false;
    (void)snprintf(path, sizeof path, "%s/log/%s/current", getenv("ROSTRUM_VAR"), service);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s cannot be read", path);
    while (!found && fgets(line, sizeof line, file) != NULL) {
        found = strstr(line, text) != NULL && strstr(line, second) != NULL;
    }
    ck_assert_int_eq(fclose(file), 0);
    return found;
}

START_TEST(every_program_logs_the_traceparent_of_a_bid)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    client_header(fixture.client, client_format("traceparent: %s", trace));
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.bob, fixture.auction, "30.00"), 200);
    SUITE_WAIT(is_logged("gateway", trace, "\"durationMs\""), FACTORY_DECISION_MS);
    SUITE_WAIT(is_logged("bidworker-1", trace, "decided: accepted\"") ||
                   is_logged("bidworker-2", trace, "decided: accepted\""),
               FACTORY_DECISION_MS);
    SUITE_WAIT(is_logged("notifyworker", trace, "notifying: outbid"), FACTORY_DECISION_MS);
}
END_TEST

static Suite *service_suite(void)
{
    const TTest *const tests[] = {
        the_deployment_is_healthy_and_ready,
        time_returns_the_server_clock,
        a_valid_request_id_is_kept_and_others_are_replaced,
        unknown_paths_and_malformed_ids_are_404,
        unsupported_methods_get_405_and_allow,
        head_has_the_headers_of_get_and_no_body,
        every_program_logs_the_traceparent_of_a_bid,
        NULL,
    };
    return fixture_suite("service", tests);
}

int main(void)
{
    return suite_run(service_suite());
}
