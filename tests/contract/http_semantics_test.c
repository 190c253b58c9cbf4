/*
 * HTTP semantics: HEAD, OPTIONS, CORS, conditional GET, keep-alive, pipelining, Expect, query parameters, and the
 * statuses 404, 405, 415 and 431. Invalid input is in bad_input_test.c, framing in http_framing_test.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum { RAW_SIZE = 16384, WAIT_MS = 5000, EVENT_MS = 500, LONG_HEADER_SIZE = 16500, ETAG_SIZE = 128 };

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

/* The fixture's auction as `who` sees it, without `you` and serverTime. */
static const char *read_auction(const struct factory_user *who, char out[static RAW_SIZE])
{
    const struct reply *reply = fixture_call(who, "GET", fixture_path(""), NULL);
    EXPECT_STATUS(reply, 200);
    (void)snprintf(out, RAW_SIZE, "%s", reply->body);
    char *end = strstr(out, who == NULL ? ",\"serverTime\"" : ",\"you\"");
    ck_assert_ptr_nonnull(end);
    *end = '\0';
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
    const char *later = send_raw("GET /api/v1/time HTTP/1.9\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_msg(strncmp(later, "HTTP/1.1 200", strlen("HTTP/1.1 200")) == 0, "%s", later);
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
    ck_assert_ptr_nonnull(strstr(out, "The request's headers must have at most 16384 bytes"));
}
END_TEST

/* evhttp would go on with the connection, which a proxy in front may take for a tunnel. */
START_TEST(connect_is_refused_and_the_connection_closed)
{
    const char *out = send_raw("CONNECT /api/v1/time HTTP/1.1\r\nHost: x\r\n\r\n"
                               "GET /api/v1/time HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_int_eq(count_occurrences(out, "HTTP/1.1 "), 1);
    ck_assert_msg(strncmp(out, "HTTP/1.1 501", strlen("HTTP/1.1 501")) == 0, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "NOT_IMPLEMENTED"));
    ck_assert_ptr_nonnull(strstr(out, "Connection: close"));
}
END_TEST

START_TEST(options_of_the_server_lists_all_methods)
{
    const char *out = send_raw("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_msg(strncmp(out, "HTTP/1.1 204", strlen("HTTP/1.1 204")) == 0, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "\r\nAllow: OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE\r\n"));
    out = send_raw("GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ck_assert_msg(strncmp(out, "HTTP/1.1 404", strlen("HTTP/1.1 404")) == 0, "%s", out);
}
END_TEST

static const char quote[] = "{\"currentBid\": 9}";

static const struct reply *call_quote(const char *first, const char *second)
{
    client_header(fixture.client, first);
    if (second != NULL) {
        client_header(fixture.client, second);
    }
    return fixture_call(NULL, "POST", "/api/v1/auctions/quote", quote);
}

START_TEST(encoded_bodies_are_415)
{
    static const char *const codings[] = {"Content-Encoding: gzip", "Content-Encoding: br",
                                          "Content-Encoding: identity, gzip", "Content-Encoding: identityx"};
    for (size_t i = 0; i < ARRAY_LEN(codings); i++) {
        EXPECT_ERROR(call_quote(codings[i], NULL), 415, "UNSUPPORTED_MEDIA_TYPE");
        client_header(fixture.client, codings[i]);
        client_header(fixture.client, "Content-Type: image/png");
        EXPECT_ERROR(fixture_call(&fixture.seller, "POST", fixture_path("/images"), "x"), 415,
                     "UNSUPPORTED_MEDIA_TYPE");
    }
    EXPECT_ERROR(call_quote("Content-Encoding: identity", "Content-Encoding: gzip"), 415, "UNSUPPORTED_MEDIA_TYPE");
    EXPECT_STATUS(call_quote("Content-Encoding: Identity", NULL), 200);
}
END_TEST

START_TEST(json_in_another_charset_is_415)
{
    static const char *const refused[] = {
        "Content-Type: application/json; charset=iso-8859-1",
        "Content-Type: application/json;charset=\"utf-16\"",
        "Content-Type: application/json; a=b; CHARSET=utf-80",
        "Content-Type: application/json; charset=",
        "Content-Type: application/json utf-8",
        "Content-Type: application/jsonp",
    };
    static const char *const accepted[] = {
        "Content-Type: application/json; charset=utf-8",
        "Content-Type: Application/JSON;Charset=\"UTF-8\"",
        "Content-Type: application/json ; a=b; charset=UTF-8 ; c=d",
        "Content-Type: application/json;",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        EXPECT_ERROR(call_quote(refused[i], NULL), 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
        EXPECT_STATUS(call_quote(accepted[i], NULL), 200);
    }
}
END_TEST

START_TEST(unknown_query_parameters_are_400_with_their_name)
{
    static const struct {
        const char *path;
        const char *name;
    } refused[] = {
        {"/api/v1/auctions?colour=red", "colour"},
        {"/api/v1/auctions?limit=1&Limit=2", "Limit"},
        {"/api/v1/auctions?l%69mit=1", "l%69mit"},
        {"/api/v1/auctions?limits=1", "limits"},
        {"/api/v1/auctions?lim=1", "lim"},
        {"/api/v1/auctions?&colour", "colour"},
        {"/api/v1/auctions?=1", ""},
        {"/api/v1/time?now", "now"},
        {"/api/v1/auctions/quote?limit=1", "limit"},
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        bool post = strstr(refused[i].path, "quote") != NULL;
        const struct reply *reply = fixture_call(NULL, post ? "POST" : "GET", refused[i].path, post ? quote : NULL);
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", refused[i].name);
        ck_assert_int_eq(reply_count(reply, "fields"), 1);
    }
    EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/auctions?&limit=1&", NULL), 200);
    EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/time?", NULL), 200);
    EXPECT_STATUS(fixture_call(NULL, "GET", "/health?any=1", NULL), 200);
}
END_TEST

START_TEST(numbers_in_queries_are_digits_only)
{
    static const char *const numbers[] = {"%2B5", "+5",  "5+", "0x5", "5%00", "%205",
                                          "5%20", "5e0", "-5", "",    "5%09", "%005"};
    static const char *const names[] = {"limit", "minPrice", "maxPrice"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        for (size_t n = 0; n < ARRAY_LEN(names); n++) {
            const char *path = client_format("/api/v1/auctions?%s=%s", names[n], numbers[i]);
            const struct reply *reply = fixture_call(NULL, "GET", path, NULL);
            ck_assert_msg(reply->status == 400, "%s: %d %s", path, reply->status, reply->body);
            EXPECT_TEXT(reply, "error", "VALIDATION_FAILED");
            EXPECT_TEXT(reply, "fields.0.field", names[n]);
        }
    }
    EXPECT_ERROR(fixture_call(NULL, "GET", "/api/v1/auctions?limit", NULL), 400, "VALIDATION_FAILED");
    EXPECT_STATUS(fixture_call(NULL, "GET", "/api/v1/auctions?limit=05&minPrice=5", NULL), 200);
}
END_TEST

/* Reads the first event of the auction's stream. */
static const char *first_event(const char *last_id)
{
    static char out[RAW_SIZE];
    bool closed = false;
    const char *request =
        client_format("GET /api/v1/auctions/%s/events HTTP/1.0\r\nLast-Event-ID: %s\r\n\r\n", fixture.auction, last_id);
    int got = client_raw(deployment_http_url(), request, strlen(request), 0, EVENT_MS, out, sizeof(out), &closed);
    ck_assert_int_gt(got, 0);
    return out;
}

/* An id that is not exactly the version's digits gets the snapshot, as if it were absent. */
START_TEST(a_last_event_id_is_digits_only)
{
    static const char *const around[][2] = {{"+", ""}, {"0x", ""}, {"", " 1"}, {"", ","}, {"-", ""}};
    char version[32];
    (void)snprintf(version, sizeof(version), "%s",
                   reply_text(fixture_call(NULL, "GET", fixture_path(""), NULL), "version"));
    ck_assert_ptr_null(strstr(first_event(version), "\"type\":\"snapshot\""));
    for (size_t i = 0; i < ARRAY_LEN(around); i++) {
        const char *out = first_event(client_format("%s%s%s", around[i][0], version, around[i][1]));
        ck_assert_msg(strstr(out, "\"type\":\"snapshot\"") != NULL, "%s%s: %s", around[i][0], around[i][1], out);
    }
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
        options_of_the_server_lists_all_methods,
        encoded_bodies_are_415,
        json_in_another_charset_is_415,
        unknown_query_parameters_are_400_with_their_name,
        numbers_in_queries_are_digits_only,
        a_last_event_id_is_digits_only,
        NULL,
    };
    return fixture_suite("http_semantics", tests);
}

int main(void)
{
    return suite_run(http_semantics_suite());
}
