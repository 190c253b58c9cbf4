/*
 * The framing of requests to the letter of RFC 9112: chunks, lengths, line ends and control bytes, sent through a plain
 * socket. What two servers could read as different requests is refused with 400, and the connection closed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum { RAW_SIZE = 16384, WAIT_MS = 5000, LONG_SIZE = 5000 };

#define POST(version) "POST /api/v1/auctions/quote HTTP/" version "\r\nHost: x\r\nContent-Type: application/json\r\n"
#define BODY          "{\"currentBid\":9}" /* 16 bytes */
#define LENGTH        "Content-Length: 16\r\n"
#define CHUNKED       POST("1.1") "Transfer-Encoding: chunked\r\n"
#define GET(headers)  "GET /api/v1/time HTTP/1.1\r\nHost: x\r\n" headers "\r\n"
#define LAST          GET("Connection: close\r\n")
#define BYTES(text)   (text), sizeof(text) - 1

struct exchange {
    const char *what;
    const char *bytes; /* may contain NUL */
    size_t length;
    int status;
};

static char out[RAW_SIZE];
static bool closed;

static int answer_status(const char *answer)
{
    return (int)strtol(answer + strcspn(answer, " "), NULL, 10);
}

static int count_answers(const char *text)
{
    int found = 0;
    for (const char *at = strstr(text, "HTTP/1."); at != NULL; at = strstr(at + 1, "HTTP/1.")) {
        found++;
    }
    return found;
}

static void exchange(const struct exchange *with, int pause_ms)
{
    int got =
        client_raw(deployment_http_url(), with->bytes, with->length, pause_ms, WAIT_MS, out, sizeof(out), &closed);
    ck_assert_msg(got > 0, "%s: no answer", with->what);
}

/* The bytes get one answer, an error of the API, and the connection is closed. */
static void expect_refused(const struct exchange *with)
{
    exchange(with, 0);
    ck_assert_msg(answer_status(out) == with->status, "%s: expected %d, got %s", with->what, with->status, out);
    ck_assert_msg(strstr(out, "\r\n\r\n{\"error\":\"") != NULL, "%s: %s", with->what, out);
    ck_assert_msg(count_answers(out) == 1, "%s: answered twice: %s", with->what, out);
    ck_assert_msg(closed, "%s: not closed after %s", with->what, out);
}

/* The bytes get this status, and the connection then serves the next request. */
static void expect_kept(const struct exchange *with)
{
    static char bytes[RAW_SIZE];
    memcpy(bytes, with->bytes, with->length);
    memcpy(bytes + with->length, LAST, sizeof(LAST) - 1);
    const struct exchange both = {with->what, bytes, with->length + sizeof(LAST) - 1, with->status};
    exchange(&both, 0);
    ck_assert_msg(answer_status(out) == with->status, "%s: expected %d, got %s", with->what, with->status, out);
    ck_assert_msg(count_answers(out) == 2 && strstr(out, "serverTime") != NULL, "%s: %s", with->what, out);
}

/* Likewise one byte at a time. */
static void expect_kept_byte_by_byte(const struct exchange *with)
{
    exchange(with, 1);
    ck_assert_msg(answer_status(out) == with->status, "%s: expected %d, got %s", with->what, with->status, out);
    ck_assert_msg(count_answers(out) == 1 && !closed, "%s: %s", with->what, out);
}

static const struct exchange accepted[] = {
    {"chunks", BYTES(CHUNKED "\r\n8\r\n{\"curren\r\n8\r\ntBid\":9}\r\n0\r\n\r\n"), 200},
    {"a size with leading zeros and in both cases",
     BYTES(CHUNKED "\r\n000a\r\n{\"currentB\r\n06\r\nid\":9}\r\n00\r\n\r\n"), 200},
    {"a chunk extension", BYTES(CHUNKED "\r\n10;name=value\r\n" BODY "\r\n0\r\n\r\n"), 200},
    {"extensions without value, quoted, with blanks",
     BYTES(CHUNKED "\r\n10 ; a;b=\"c;\\\"\t d\"\r\n" BODY "\r\n0;last\r\n\r\n"), 200},
    {"trailer fields", BYTES(CHUNKED "\r\n10\r\n" BODY "\r\n0\r\nX-Sum: 1\r\nA:\r\n\r\n"), 200},
    {"trailers are no headers",
     BYTES(CHUNKED "\r\n10\r\n" BODY "\r\n0\r\nHost: y\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"), 200},
    {"a tab before chunked", BYTES(POST("1.1") "Transfer-Encoding:\tchunked \r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n"), 200},
    {"blanks around a length", BYTES(POST("1.1") "Content-Length: \t16 \t\r\n\r\n" BODY), 200},
    {"empty lines before a request", BYTES("\r\n\r\n" POST("1.1") LENGTH "\r\n" BODY), 200},
    {"obsolete text in a header", BYTES(POST("1.1") LENGTH "X-Name: J\xc3\xb8rn\r\n\r\n" BODY), 200},
};

START_TEST(chunk_extensions_and_trailers_are_accepted_and_discarded)
{
    expect_kept(&accepted[_i]);
    expect_kept_byte_by_byte(&accepted[_i]);
}
END_TEST

static const struct exchange refused[] = {
    {"a chunk size with a sign", BYTES(CHUNKED "\r\n+10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a negative chunk size", BYTES(CHUNKED "\r\n-10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a chunk size with 0x", BYTES(CHUNKED "\r\n0x10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a blank before a chunk size", BYTES(CHUNKED "\r\n 10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a blank after a chunk size", BYTES(CHUNKED "\r\n10 \r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a text after a chunk size", BYTES(CHUNKED "\r\n10 a\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a NUL after a chunk size", BYTES(CHUNKED "\r\n10\0\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a chunk size that is no number", BYTES(CHUNKED "\r\nxyz\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"no chunk size", BYTES(CHUNKED "\r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"an extension without a chunk size", BYTES(CHUNKED "\r\n;a=b\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a chunk size of too many digits", BYTES(CHUNKED "\r\n00000000000000010\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a huge chunk size", BYTES(CHUNKED "\r\nffffffffffffffff\r\n" BODY "\r\n0\r\n\r\n"), 413},
    {"a chunk longer than its size", BYTES(CHUNKED "\r\nf\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a chunk without a line end", BYTES(CHUNKED "\r\n10\r\n" BODY "0\r\n\r\n"), 400},
    {"a bare line feed after a chunk size", BYTES(CHUNKED "\r\n10\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a bare line feed after an extension", BYTES(CHUNKED "\r\n10;a\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a bare line feed after a chunk", BYTES(CHUNKED "\r\n10\r\n" BODY "\n0\r\n\r\n"), 400},
    {"a control byte in an extension", BYTES(CHUNKED "\r\n10;a=\x01\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"a trailer without a colon", BYTES(CHUNKED "\r\n10\r\n" BODY "\r\n0\r\nSum\r\n\r\n"), 400},
    {"a blank before a trailer", BYTES(CHUNKED "\r\n10\r\n" BODY "\r\n0\r\n Sum: 1\r\n\r\n"), 400},
    {"chunks in HTTP/1.0", BYTES(POST("1.0") "Transfer-Encoding: chunked\r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"an unknown transfer coding",
     BYTES(POST("1.1") "Transfer-Encoding: gzip, chunked\r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"chunked twice", BYTES(CHUNKED "Transfer-Encoding: chunked\r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"the coding identity", BYTES(POST("1.1") "Transfer-Encoding: identity\r\n" LENGTH "\r\n" BODY), 400},
    {"a length and chunks", BYTES(CHUNKED LENGTH "\r\n10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"chunks and a length of 0", BYTES(CHUNKED "Content-Length: 0\r\n\r\n10\r\n" BODY "\r\n0\r\n\r\n"), 400},
    {"two lengths", BYTES(POST("1.1") LENGTH "Content-Length: 17\r\n\r\n" BODY), 400},
    {"the same length twice", BYTES(POST("1.1") LENGTH LENGTH "\r\n" BODY), 400},
    {"a list of lengths", BYTES(POST("1.1") "Content-Length: 16, 16\r\n\r\n" BODY), 400},
    {"a length with a sign", BYTES(POST("1.1") "Content-Length: +16\r\n\r\n" BODY), 400},
    {"a length with 0x", BYTES(POST("1.1") "Content-Length: 0x10\r\n\r\n" BODY), 400},
    {"a length with a blank inside", BYTES(POST("1.1") "Content-Length: 1 6\r\n\r\n" BODY), 400},
    {"a length with a NUL", BYTES(POST("1.1") "Content-Length: 16\0\r\n\r\n" BODY), 400},
    {"an empty length", BYTES(POST("1.1") "Content-Length:\r\n\r\n" BODY), 400},
    {"a folded header", BYTES(GET("X-A: a\r\n b\r\n")), 400},
    {"a folded header with a tab", BYTES(GET("X-A: a\r\n\tb\r\n")), 400},
    {"a folded length", BYTES(POST("1.1") "Content-Length: 1\r\n 6\r\n\r\n" BODY), 400},
    {"bare line feeds", BYTES("GET /api/v1/time HTTP/1.1\nHost: x\n\n"), 400},
    {"a bare line feed in the head", BYTES("GET /api/v1/time HTTP/1.1\r\nHost: x\nX-A: a\r\n\r\n"), 400},
    {"a bare carriage return", BYTES(GET("X-A: a\rX-B: b\r\n")), 400},
    {"a blank before a colon", BYTES(GET("X-A : a\r\n")), 400},
    {"a tab before a colon", BYTES(GET("X-A\t: a\r\n")), 400},
    {"a header without a colon", BYTES(GET("X-A\r\n")), 400},
    {"a NUL in a header", BYTES(GET("X-A: a\0b\r\n")), 400},
    {"a NUL at the start of a line", BYTES(GET("\0\r\n")), 400},
    {"a control byte in a header", BYTES(GET("X-A: a\x01\r\n")), 400},
    {"DEL in a header", BYTES(GET("X-A: a\x7f\r\n")), 400},
    {"an escape in a header", BYTES(GET("User-Agent: \x1b[2J\r\n")), 400},
    {"a NUL in a header name", BYTES(GET("X\0A: a\r\n")), 400},
    {"a NUL in the target", BYTES("GET /api/v1/time\0 HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"a blank in the target", BYTES("GET /api/v1/time ?a HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"two blanks in the request line", BYTES("GET  /api/v1/time HTTP/1.1\r\nHost: x\r\n\r\n"), 400},
    {"a version with a sign", BYTES("GET /api/v1/time HTTP/+1.1\r\nHost: x\r\n\r\n"), 400},
    {"a version of two digits", BYTES("GET /api/v1/time HTTP/1.01\r\nHost: x\r\n\r\n"), 400},
    {"two Authorization headers", BYTES(GET("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")), 400},
    {"two Host headers", BYTES(GET("Host: y\r\n")), 400},
};

START_TEST(ambiguous_requests_are_refused_and_the_connection_closed)
{
    expect_refused(&refused[_i]);
}
END_TEST

/* The answer to the first request is sent before the refusal of the second. */
START_TEST(an_invalid_second_request_does_not_hide_the_answer_to_the_first)
{
    const struct exchange both = {"pipelined", BYTES(CHUNKED "\r\n10;a\r\n" BODY "\r\n0\r\n\r\n" GET("X-A : a\r\n")),
                                  200};
    exchange(&both, 0);
    ck_assert_msg(answer_status(out) == 200 && count_answers(out) == 2, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "\"amounts\""));
    const char *second = strstr(out, "HTTP/1.1 400");
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_nonnull(strstr(second, "Connection: close"));
}
END_TEST

START_TEST(too_many_bytes_of_extensions_are_refused)
{
    static char bytes[RAW_SIZE];
    int length = snprintf(bytes, sizeof(bytes), CHUNKED "\r\n10;");
    memset(bytes + length, 'a', LONG_SIZE);
    length += LONG_SIZE;
    length += snprintf(bytes + length, sizeof(bytes) - (size_t)length, "\r\n" BODY "\r\n0\r\n\r\n");
    const struct exchange with = {"long extensions", bytes, (size_t)length, 400};
    expect_refused(&with);
}
END_TEST

/* The client waits for 100 Continue and has sent no byte of the body. */
START_TEST(expect_with_a_body_too_large_is_refused_before_the_body)
{
    const struct exchange json = {"JSON", BYTES(POST("1.1") "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n"),
                                  413};
    expect_refused(&json);
    ck_assert_ptr_nonnull(strstr(out, "BODY_TOO_LARGE"));
    const char *image =
        client_format("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nExpect: 100-continue\r\n"
                      "Authorization: Bearer %s\r\nContent-Length: 5242881\r\n\r\n",
                      fixture_path("/images"), fixture.seller.token);
    const struct exchange file = {"an image", image, strlen(image), 413};
    expect_refused(&file);
    const struct exchange other = {"Expect", BYTES(POST("1.1") "Expect: tea\r\nContent-Length: 70000\r\n\r\n"), 417};
    expect_refused(&other);
}
END_TEST

static Suite *http_framing_suite(void)
{
    const TTest *const tests[] = {
        an_invalid_second_request_does_not_hide_the_answer_to_the_first,
        too_many_bytes_of_extensions_are_refused,
        expect_with_a_body_too_large_is_refused_before_the_body,
        NULL,
    };
    Suite *suite = fixture_suite("http_framing", tests);
    TCase *tables = tcase_create("tables");
    tcase_add_loop_test(tables, chunk_extensions_and_trailers_are_accepted_and_discarded, 0, (int)ARRAY_LEN(accepted));
    tcase_add_loop_test(tables, ambiguous_requests_are_refused_and_the_connection_closed, 0, (int)ARRAY_LEN(refused));
    suite_add_tcase(suite, tables);
    return suite;
}

int main(void)
{
    return suite_run(http_framing_suite());
}
