/*
 * HTTP semantics: HEAD, OPTIONS, CORS, conditional GET, keep-alive, pipelining, Expect, and the statuses 404, 405 and
 * 431. Invalid input is in bad_input_test.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum { RAW_SIZE = 16384, WAIT_MS = 5000, LONG_HEADER_SIZE = 16500, ETAG_SIZE = 128 };

/* Sends the bytes on a new connection and returns the answer. The request itself must make the server close. */
static const char *send_raw(const char *bytes)
{
    static char out[RAW_SIZE];
    bool closed = false;
    int got = client_raw(deployment_http_url(), bytes, strlen(bytes), 0, WAIT_MS, out, sizeof(out), &closed);
    ck_assert_int_gt(got, 0);
    return out;
}

static const char *header(const char *name)
{
    return client_reply_header(fixture.client, name);
}

START_TEST(head_has_the_headers_of_get)
{
    static char etag[ETAG_SIZE];
    EXPECT_STATUS(fixture_call(NULL, "GET", fixture_path(""), NULL), 200);
    (void)snprintf(etag, sizeof(etag), "%s", header("ETag"));
    char *length = strdup(header("Content-Length"));
    ck_assert_ptr_nonnull(length);
    const struct reply *reply = fixture_call(NULL, "HEAD", fixture_path(""), NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq((int)reply->length, 0);
    ck_assert_str_eq(header("Content-Length"), length);
    ck_assert_str_eq(header("Content-Type"), "application/json");
    ck_assert_str_eq(header("ETag"), etag);
    free(length);
    reply = fixture_call(NULL, "HEAD", "/api/v1/nowhere", NULL);
    EXPECT_STATUS(reply, 404);
    ck_assert_int_eq((int)reply->length, 0);
}
END_TEST

START_TEST(options_lists_the_allowed_methods)
{
    const struct reply *reply = fixture_call(NULL, "OPTIONS", "/api/v1/auctions", NULL);
    EXPECT_STATUS(reply, 204);
    ck_assert_ptr_nonnull(strstr(header("Allow"), "GET"));
    ck_assert_ptr_nonnull(strstr(header("Allow"), "HEAD"));
    ck_assert_ptr_nonnull(strstr(header("Allow"), "POST"));
    ck_assert_ptr_nonnull(strstr(header("Allow"), "OPTIONS"));
    EXPECT_STATUS(fixture_call(NULL, "OPTIONS", "/api/v1/nowhere", NULL), 404);
}
END_TEST

START_TEST(allowed_origins_get_cors_headers)
{
    static const char *const listed[] = {"Origin: https://shop.example", "Origin: https://www.example"};
    for (size_t i = 0; i < ARRAY_LEN(listed); i++) {
        client_header(fixture.client, listed[i]);
        EXPECT_STATUS(fixture_call(NULL, "GET", fixture_path(""), NULL), 200);
        ck_assert_str_eq(header("Access-Control-Allow-Origin"), listed[i] + strlen("Origin: "));
        ck_assert_ptr_nonnull(strstr(header("Access-Control-Expose-Headers"), "ETag"));
        ck_assert_str_eq(header("Vary"), "Authorization, Cookie, Origin");
        ck_assert_str_eq(header("Access-Control-Allow-Credentials"), "");
    }
    client_header(fixture.client, listed[0]);
    EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/users/me", NULL), 401);
    ck_assert_str_ne(header("Access-Control-Allow-Origin"), "");
}
END_TEST

START_TEST(other_origins_get_no_cors_headers)
{
    static const char *const unlisted[] = {"Origin: https://evil.example",
                                           "Origin: https://shop.example.evil",
                                           "Origin: https://shop",
                                           "Origin: null",
                                           "Origin: none",
                                           "Origin: https://shop.example https://www.example"};
    for (size_t i = 0; i < ARRAY_LEN(unlisted); i++) {
        client_header(fixture.client, unlisted[i]);
        EXPECT_STATUS(fixture_call(NULL, "GET", fixture_path(""), NULL), 200);
        ck_assert_str_eq(header("Access-Control-Allow-Origin"), "");
    }
}
END_TEST

/* GET of the fixture's auction with If-None-Match: `etags`. */
static const struct reply *get_if_none_match(const struct factory_user *who, const char *etags)
{
    client_header(fixture.client, client_format("If-None-Match: %s", etags));
    return fixture_call(who, "GET", fixture_path(""), NULL);
}

START_TEST(a_matching_if_none_match_gets_304)
{
    char etag[ETAG_SIZE];
    EXPECT_STATUS(fixture_call(NULL, "GET", fixture_path(""), NULL), 200);
    (void)snprintf(etag, sizeof(etag), "%s", header("ETag"));
    const struct reply *reply = get_if_none_match(NULL, etag);
    EXPECT_STATUS(reply, 304);
    ck_assert_int_eq((int)reply->length, 0);
    ck_assert_str_eq(header("ETag"), etag);
    EXPECT_STATUS(get_if_none_match(NULL, client_format("W/\"no\", %s", etag)), 304);
    EXPECT_STATUS(get_if_none_match(NULL, strchr(etag, '"')), 304);
    EXPECT_STATUS(get_if_none_match(NULL, "*"), 304);
    EXPECT_STATUS(get_if_none_match(NULL, "W/\"no\""), 200);
    EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, "20.00"), 200);
    reply = get_if_none_match(NULL, etag);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "currentBid", "20.00");
    ck_assert_str_ne(header("ETag"), etag);
}
END_TEST

/* The fixture's auction as `who` sees it, without serverTime. */
static const char *read_auction(const struct factory_user *who, char out[static RAW_SIZE])
{
    const struct reply *reply = fixture_call(who, "GET", fixture_path(""), NULL);
    EXPECT_STATUS(reply, 200);
    (void)snprintf(out, RAW_SIZE, "%s", reply->body);
    char *time = strstr(out, ",\"serverTime\"");
    ck_assert_ptr_nonnull(time);
    *time = '\0';
    return out;
}

START_TEST(cached_answers_equal_those_from_postgresql)
{
    static char first[RAW_SIZE];
    static char again[RAW_SIZE];
    struct factory_terms terms = {.more = "\"reservePrice\": 30.00, \"buyNowPrice\": 90.00"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, fixture.auction));
    for (int bid = 20; bid <= 40; bid += 10) {
        EXPECT_STATUS(factory_bid(fixture.client, &fixture.ann, fixture.auction, client_format("%d.00", bid)), 200);
        /* The first read after a change comes from PostgreSQL, the next ones from the cached document in Redis. */
        (void)read_auction(NULL, first);
        ck_assert_ptr_nonnull(strstr(first, client_format("\"currentBid\":%d.00", bid)));
        ck_assert_ptr_nonnull(strstr(first, bid < 30 ? "\"reserveMet\":false" : "\"reserveMet\":true"));
        ck_assert_str_eq(read_auction(NULL, again), first);
        ck_assert_str_eq(read_auction(&fixture.bob, again), first);
        ck_assert_ptr_null(strstr(again, "reservePrice"));
        ck_assert_ptr_nonnull(strstr(read_auction(&fixture.seller, again), "\"reservePrice\":30.00"));
        ck_assert_str_eq(read_auction(NULL, again), first);
    }
}
END_TEST

/* After a change, no reader gets an older document, and no user gets the view of another one. */
START_TEST(the_cache_never_serves_another_users_view)
{
    static char first[RAW_SIZE];
    static char again[RAW_SIZE];
    struct factory_terms terms = {.more = "\"draft\": true, \"buyNowPrice\": 90.00"};
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, fixture.auction));
    for (int round = 0; round < 2; round++) {
        ck_assert_ptr_nonnull(strstr(read_auction(&fixture.seller, first), "\"status\":\"draft\""));
        EXPECT_STATUS(fixture_call(NULL, "GET", fixture_path(""), NULL), 404);
        EXPECT_STATUS(fixture_call(&fixture.ann, "GET", fixture_path(""), NULL), 404);
    }
    EXPECT_STATUS(fixture_call(&fixture.seller, "POST", fixture_path("/publish"), NULL), 200);
    ck_assert_ptr_nonnull(strstr(read_auction(NULL, first), "\"status\":\"active\""));
    ck_assert_str_eq(read_auction(NULL, again), first);
    const struct reply *reply =
        fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 2, \"title\": \"A sofa\"}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "title", "A sofa");
    ck_assert_str_eq(header("ETag"), "");
    ck_assert_ptr_nonnull(strstr(read_auction(NULL, first), "\"A sofa\""));
    client_header(fixture.client, "Prefer: wait=10");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", fixture_path("/buy-now"), NULL), 200);
    SUITE_WAIT(factory_has_status(fixture.client, fixture.auction, "sold"), WAIT_MS);
    for (int round = 0; round < 2; round++) {
        ck_assert_ptr_null(strstr(read_auction(NULL, again), "contact"));
        ck_assert_ptr_null(strstr(read_auction(&fixture.bob, again), "contact"));
        ck_assert_ptr_nonnull(strstr(read_auction(&fixture.ann, again), "\"role\":\"seller\""));
        ck_assert_ptr_nonnull(strstr(read_auction(&fixture.seller, again), "\"role\":\"winner\""));
    }
}
END_TEST

static int count_occurrences(const char *text, const char *part)
{
    int found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        found++;
    }
    return found;
}

START_TEST(pipelined_requests_are_answered_in_order)
{
    const char *out = send_raw(client_format("GET /api/v1/auctions/%s HTTP/1.1\r\nHost: x\r\nX-Request-Id: one\r\n\r\n"
                                             "GET /api/v1/nowhere HTTP/1.1\r\nHost: x\r\nX-Request-Id: two\r\n"
                                             "Connection: close\r\n\r\n",
                                             fixture.auction));
    const char *one = strstr(out, "X-Request-Id: one");
    const char *two = strstr(out, "X-Request-Id: two");
    ck_assert_msg(one != NULL && two != NULL && one < two && count_occurrences(out, "HTTP/1.1 ") == 2, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "HTTP/1.1 404"));
}
END_TEST

START_TEST(connections_are_kept_alive_unless_the_client_closes)
{
    EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/time", NULL), 200);
    ck_assert_str_ne(header("Connection"), "close");
    ck_assert_ptr_nonnull(
        strstr(send_raw("GET /api/v1/time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "Connection: close"));
    ck_assert_ptr_nonnull(strstr(send_raw("GET /api/v1/time HTTP/1.0\r\n\r\n"), " 200 OK"));
}
END_TEST

START_TEST(expect_100_continue_is_honoured_and_others_get_417)
{
    /* libcurl sends the body after 100 Continue, or after one second without it. */
    client_header(fixture.client, "Expect: 100-continue");
    EXPECT_STATUS(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 20.00}"), 202);
    const char *out = send_raw("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                               "Expect: miracles\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    ck_assert_msg(strncmp(out, "HTTP/1.1 417", strlen("HTTP/1.1 417")) == 0, "%s", out);
}
END_TEST

START_TEST(unknown_paths_methods_and_long_headers_are_refused)
{
    static char request[LONG_HEADER_SIZE + 64];
    static char filler[LONG_HEADER_SIZE];
    EXPECT_ERROR(fixture_call(NULL, "GET", "/api/v1/nowhere", NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(NULL, "GET", "/metrics", NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(fixture_call(NULL, "PUT", "/api/v1/time", "{}"), 405, "METHOD_NOT_ALLOWED");
    ck_assert_str_eq(header("Allow"), "OPTIONS, GET, HEAD");
    /* Slightly longer than header_max_bytes: the gateway reads all of it, so no TCP reset overtakes the answer. */
    memset(filler, 'x', sizeof(filler) - 1);
    (void)snprintf(request, sizeof(request), "GET /api/v1/time HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", filler);
    const char *out = send_raw(request);
    ck_assert_msg(strncmp(out, "HTTP/1.1 431", strlen("HTTP/1.1 431")) == 0, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "HEADERS_TOO_LARGE"));
}
END_TEST

/* evhttp would answer CONNECT without a length, and the client would wait. */
START_TEST(connect_is_refused_and_the_connection_closed)
{
    const char *out = send_raw("CONNECT /api/v1/time HTTP/1.1\r\nHost: x\r\n\r\n");
    ck_assert_msg(strncmp(out, "HTTP/1.1 501", strlen("HTTP/1.1 501")) == 0, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "NOT_IMPLEMENTED"));
    ck_assert_ptr_nonnull(strstr(out, "Connection: close"));
}
END_TEST

static Suite *http_semantics_suite(void)
{
    const TTest *const tests[] = {
        head_has_the_headers_of_get,
        options_lists_the_allowed_methods,
        allowed_origins_get_cors_headers,
        other_origins_get_no_cors_headers,
        a_matching_if_none_match_gets_304,
        cached_answers_equal_those_from_postgresql,
        the_cache_never_serves_another_users_view,
        pipelined_requests_are_answered_in_order,
        connections_are_kept_alive_unless_the_client_closes,
        expect_100_continue_is_honoured_and_others_get_417,
        unknown_paths_methods_and_long_headers_are_refused,
        connect_is_refused_and_the_connection_closed,
        NULL,
    };
    return fixture_suite("http_semantics", tests);
}

int main(void)
{
    return suite_run(http_semantics_suite());
}
