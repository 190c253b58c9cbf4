/*
 * Invalid input gets an error in the API's JSON form and changes nothing. Tables hold the requests with the status and
 * error code that each must get. Malformed HTTP is sent through a plain socket. Each test checks that the numbers of
 * users, auctions and bids stay the same.
 *
 * Runs alone: it counts the users, auctions and bids of the deployment.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum {
    RAW_SIZE = 8192,
    RAW_MS = 15000, /* longer than the slowest refusal, the timeout of a slow client */
    LARGE_BODY_SIZE = 70 * 1024,
};

#define AUCTIONS "/api/v1/auctions"

/* Numbers of users, auctions and bids, as text. Fences and automatic bids are not counted: no request writes them. */
static const char *count_rows(void)
{
    return client_format("%s", sql_text(fixture.sql,
                                        "SELECT (SELECT count(*) FROM users) || ' ' || (SELECT count(*) FROM auctions) "
                                        "|| ' ' || (SELECT count(*) FROM bids WHERE kind IN ('bid', 'proxy', "
                                        "'withdraw'))",
                                        NULL));
}

static char before[SQL_TEXT_SIZE];

static void setup(void)
{
    fixture_setup();
    (void)snprintf(before, sizeof(before), "%s", count_rows());
}

static void teardown(void)
{
    ck_assert_str_eq(count_rows(), before);
    fixture_teardown();
}

static void expect_refusal(const struct reply *reply, int status, const char *code, const char *what)
{
    ck_assert_msg(reply->status == status && strcmp(reply_text(reply, "error"), code) == 0 &&
                      reply_text(reply, "message")[0] != '\0' && reply_text(reply, "requestId")[0] != '\0',
                  "%s: expected %d %s, got %d %.1000s", what, status, code, reply->status, reply->body);
    /* The answer reveals no internals. */
    static const char *const secrets[] = {"SELECT", "INSERT", "pg_", ".c:", "libpq", "redis", "amqp", "lua"};
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        ck_assert_msg(strstr(reply->body, secrets[i]) == NULL, "%s shows %s: %.1000s", what, secrets[i], reply->body);
    }
}

static const struct {
    const char *body;
    const char *code;
} invalid_bids[] = {
    {"", "VALIDATION_FAILED"},
    {"{", "VALIDATION_FAILED"},
    {"[]", "VALIDATION_FAILED"},
    {"null", "VALIDATION_FAILED"},
    {"{}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00} x", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00}{\"amount\": 56.00}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00, \"amount\": 56.00}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00, \"colour\": \"red\"}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00, \"\": 1}", "VALIDATION_FAILED"},
    {"{\"amount\": true}", "INVALID_AMOUNT"},
    {"{\"amount\": null}", "VALIDATION_FAILED"},
    {"{\"amount\": [55.00]}", "INVALID_AMOUNT"},
    {"{\"amount\": {\"value\": 55}}", "INVALID_AMOUNT"},
    {"{\"amount\": \"\"}", "INVALID_AMOUNT"},
    {"{\"amount\": \"fifty\"}", "INVALID_AMOUNT"},
    {"{\"amount\": \"55,00\"}", "INVALID_AMOUNT"},
    {"{\"amount\": \" 55\"}", "INVALID_AMOUNT"},
    {"{\"amount\": \"+55\"}", "INVALID_AMOUNT"},
    {"{\"amount\": \"0x37\"}", "INVALID_AMOUNT"},
    {"{\"amount\": \"NaN\"}", "INVALID_AMOUNT"},
    {"{\"amount\": 1e2}", "INVALID_AMOUNT"},
    {"{\"amount\": \"1e2\"}", "INVALID_AMOUNT"},
    {"{\"amount\": 55.001}", "INVALID_AMOUNT"},
    {"{\"amount\": -1}", "INVALID_AMOUNT"},
    {"{\"amount\": -0}", "INVALID_AMOUNT"},
    {"{\"amount\": 0}", "INVALID_AMOUNT"},
    {"{\"amount\": 0.00}", "INVALID_AMOUNT"},
    {"{\"amount\": 10000000000.00}", "INVALID_AMOUNT"},
    {"{\"amount\": 1234567890123}", "INVALID_AMOUNT"},
    {"{\"amount\": 99999999999999999999999999999999999999}", "INVALID_AMOUNT"},
    {"{\"amount\": 00055}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.}", "VALIDATION_FAILED"},
    {"{\"amount\": .55}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00, \"x\": \"\xff\xfe\"}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00, \"x\": \"\xc0\xaf\"}", "VALIDATION_FAILED"},
    {"{\"amount\": 55.00, \"x\\u0000\": 1}", "VALIDATION_FAILED"},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "VALIDATION_FAILED"},
};

START_TEST(invalid_amounts_and_bodies_are_refused)
{
    char text[256];
    for (size_t i = 0; i < ARRAY_LEN(invalid_bids); i++) {
        expect_refusal(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), invalid_bids[i].body), 400,
                       invalid_bids[i].code, invalid_bids[i].body);
        /* The same for a maximum, where the body names an amount. */
        const char *name = strstr(invalid_bids[i].body, "\"amount\":");
        if (name != NULL && strstr(name + 1, "\"amount\":") == NULL) {
            (void)snprintf(text, sizeof(text), "%.*s\"maxAmount\":%s", (int)(name - invalid_bids[i].body),
                           invalid_bids[i].body, name + strlen("\"amount\":"));
            expect_refusal(fixture_call(&fixture.ann, "POST", fixture_path("/proxy"), text), 400, invalid_bids[i].code,
                           text);
        }
    }
}
END_TEST

static const struct {
    const char *members; /* valid title, startingPrice and endTime are added unless named here */
    const char *code;
} invalid_auctions[] = {
    {"\"title\": \"\"", "VALIDATION_FAILED"},
    {"\"title\": 5", "VALIDATION_FAILED"},
    {"\"startingPrice\": 0", "INVALID_AMOUNT"},
    {"\"startingPrice\": -5", "INVALID_AMOUNT"},
    {"\"startingPrice\": 1e2", "INVALID_AMOUNT"},
    {"\"startingPrice\": \"ten\"", "INVALID_AMOUNT"},
    {"\"reservePrice\": 55.001", "INVALID_AMOUNT"},
    {"\"buyNowPrice\": 1234567890123", "INVALID_AMOUNT"},
    {"\"endTime\": \"2001-01-01T00:00:00.000Z\"", "VALIDATION_FAILED"},
    {"\"endTime\": \"9999-01-01T00:00:00.000Z\"", "VALIDATION_FAILED"},
    {"\"endTime\": \"2027-02-30T00:00:00.000Z\"", "VALIDATION_FAILED"},
    {"\"endTime\": \"tomorrow\"", "VALIDATION_FAILED"},
    {"\"endTime\": 1700000000", "VALIDATION_FAILED"},
    {"\"endTime\": \"\"", "VALIDATION_FAILED"},
    {"\"startTime\": \"9998-01-01T00:00:00.000Z\"", "VALIDATION_FAILED"},
    {"\"startTime\": false", "VALIDATION_FAILED"},
    {"\"currency\": \"EUR\"", "VALIDATION_FAILED"},
    {"\"itemId\": \"not-a-uuid\"", "VALIDATION_FAILED"},
    {"\"bidIncrement\": 0", "INVALID_AMOUNT"},
    {"\"bidIncrement\": 1, \"incrementTable\": \"ebay-us\"", "VALIDATION_FAILED"},
    {"\"incrementTable\": \"ebay-de\"", "VALIDATION_FAILED"},
    {"\"incrementTable\": []", "VALIDATION_FAILED"},
    {"\"incrementTable\": [{\"from\": 5, \"increment\": 1}]", "VALIDATION_FAILED"},
    {"\"incrementTable\": [{\"from\": 0, \"increment\": 0}]", "VALIDATION_FAILED"},
    {"\"incrementTable\": [{\"from\": 0, \"increment\": 1}, {\"from\": 0, \"increment\": 2}]", "VALIDATION_FAILED"},
    {"\"antiSnipe\": 5", "VALIDATION_FAILED"},
    {"\"antiSnipe\": {\"windowSeconds\": -1, \"extensionSeconds\": 120, \"maxExtensions\": null}", "VALIDATION_FAILED"},
    {"\"antiSnipe\": {\"windowSeconds\": 1.5, \"extensionSeconds\": 120, \"maxExtensions\": null}",
     "VALIDATION_FAILED"},
    {"\"antiSnipe\": {\"windowSeconds\": 120, \"extensionSeconds\": 120, \"colour\": 1}", "VALIDATION_FAILED"},
    {"\"status\": \"sold\"", "VALIDATION_FAILED"},
    {"\"sellerId\": \"01234567-89ab-7def-8123-456789abcdef\"", "VALIDATION_FAILED"},
};

START_TEST(invalid_auctions_are_refused)
{
    static const struct {
        const char *name;
        const char *member;
    } defaults[] = {
        {"\"title\"", "\"title\": \"A chair\""},
        {"\"startingPrice\"", "\"startingPrice\": 10.00"},
        {"\"endTime\"", NULL},
    };
    char body[1024];
    char end[64];
    (void)snprintf(end, sizeof(end), "%s",
                   reply_text(factory_get_auction(fixture.client, NULL, fixture.auction), "endTime"));
    for (size_t i = 0; i < ARRAY_LEN(invalid_auctions); i++) {
        int length = snprintf(body, sizeof(body), "{%s", invalid_auctions[i].members);
        for (size_t r = 0; r < ARRAY_LEN(defaults); r++) {
            if (strstr(invalid_auctions[i].members, defaults[r].name) == NULL) {
                const char *member =
                    defaults[r].member != NULL ? defaults[r].member : client_format("\"endTime\": \"%s\"", end);
                length += snprintf(body + length, sizeof(body) - (size_t)length, ", %s", member);
            }
        }
        (void)snprintf(body + length, sizeof(body) - (size_t)length, "}");
        expect_refusal(fixture_call(&fixture.seller, "POST", AUCTIONS, body), 400, invalid_auctions[i].code, body);
    }
}
END_TEST

START_TEST(a_title_of_256_characters_is_refused)
{
    char title[300];
    for (size_t i = 0; i + 1 < sizeof(title); i++) {
        title[i] = 'x';
    }
    title[256] = '\0';
    expect_refusal(
        fixture_call(&fixture.seller, "POST", AUCTIONS,
                     client_format("{\"title\": \"%s\", \"startingPrice\": 1, \"endTime\": \"%s\"}", title,
                                   reply_text(factory_get_auction(fixture.client, NULL, fixture.auction), "endTime"))),
        400, "VALIDATION_FAILED", "a title of 256");
}
END_TEST

START_TEST(an_oversized_body_is_413)
{
    char *body = malloc(LARGE_BODY_SIZE);
    ck_assert_ptr_nonnull(body);
    memset(body, ' ', LARGE_BODY_SIZE - 1);
    memcpy(body, "{\"amount\":55.00", strlen("{\"amount\":55.00"));
    body[LARGE_BODY_SIZE - 2] = '}';
    body[LARGE_BODY_SIZE - 1] = '\0';
    expect_refusal(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), body), 413, "BODY_TOO_LARGE", "70 KiB");
    free(body);
}
END_TEST

START_TEST(other_media_types_are_415)
{
    static const char *const types[] = {"Content-Type: text/plain", "Content-Type: application/xml",
                                        "Content-Type: application/x-www-form-urlencoded"};
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        client_header(fixture.client, types[i]);
        expect_refusal(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 55.00}"), 415,
                       "UNSUPPORTED_MEDIA_TYPE", types[i]);
    }
}
END_TEST

START_TEST(malformed_and_unknown_ids_are_404)
{
    static const char *const ids[] = {
        "x",
        "01234567-89ab-7def-8123-456789abcde",
        "01234567-89ab-7def-8123-456789abcdef0",
        "01234567-89ab-7def-8123-456789abcdeg",
        "{01234567-89ab-7def-8123-456789abcdef}",
        "0123456789ab7def8123456789abcdef",
        "%00",
        "01234567-89ab-7def-8123-456789abcdef",
        "00000000-0000-0000-0000-000000000000",
    };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const char *path = client_format(AUCTIONS "/%s/bids", ids[i]);
        expect_refusal(fixture_call(&fixture.ann, "POST", path, "{\"amount\": 55.00}"), 404, "NOT_FOUND", path);
        path = client_format("%s/%s", fixture_path("/bids"), ids[i]);
        expect_refusal(fixture_call(&fixture.ann, "GET", path, NULL), 404, "NOT_FOUND", path);
        expect_refusal(fixture_call(&fixture.ann, "DELETE", path, NULL), 404, "NOT_FOUND", path);
    }
}
END_TEST

/* A forged cursor of the auction list by endTime, with this sort key. */
static const char *forge_cursor(const char *key)
{
    static char text[256];
    const char *plain = client_format("ending|%s|01234567-89ab-7def-8123-456789abcdef", key);
    (void)sodium_bin2base64(text, sizeof(text), (const unsigned char *)plain, strlen(plain),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return text;
}

START_TEST(invalid_query_parameters_are_400)
{
    static const char *const keys[] = {
        "0000-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59-23:59",
        "2026-01-01T00:00:00+23:59",
        "'",
    };
    static const char *const queries[] = {"category=%ff",  "category=%c0%af", "category=%ed%a0%80", "category=%00",
                                          "minPrice=-1",   "limit=0",         "limit=101",          "cursor=x",
                                          "sellerId=here", "sort=upwards",    "status=draft"};
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        expect_refusal(fixture_call(NULL, "GET", client_format(AUCTIONS "?%s", queries[i]), NULL), 400,
                       "VALIDATION_FAILED", queries[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        expect_refusal(fixture_call(NULL, "GET", client_format(AUCTIONS "?cursor=%s", forge_cursor(keys[i])), NULL),
                       400, "VALIDATION_FAILED", keys[i]);
    }
}
END_TEST

START_TEST(invalid_idempotency_keys_are_400)
{
    static const char *const keys[] = {
        "X-Idempotency-Key;",
        "Idempotency-Key;",
        "Idempotency-Key: \"\"",
        "Idempotency-Key: \"not closed",
        "Idempotency-Key: \"parameters\";are=refused",
        "X-Idempotency-Key: 12345678901234567890123456789012345678901234567890123456789012345",
        "Idempotency-Key: 12345678901234567890123456789012345678901234567890123456789012345",
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        client_header(fixture.client, keys[i]);
        expect_refusal(fixture_call(&fixture.ann, "POST", fixture_path("/bids"), "{\"amount\": 55.00}"), 400,
                       "VALIDATION_FAILED", keys[i]);
    }
}
END_TEST

/* Ann's access token with one character of its signature changed. */
static const char *tampered_token(void)
{
    static char token[FACTORY_TOKEN_SIZE];
    (void)snprintf(token, sizeof(token), "%s", fixture.ann.token);
    char *last = token + strlen(token) - 8;
    *last = (char)(*last == 'A' ? 'B' : 'A');
    return token;
}

START_TEST(missing_and_forged_credentials_are_401)
{
    /* {"alg":"none"} . {"sub":"01234567-89ab-7def-8123-456789abcdef"} . nothing */
    static const char unsigned_token[] =
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwMTIzNDU2Ny04OWFiLTdkZWYtODEyMy00NTY3ODlhYmNkZWYifQ.";
    const char *const headers[] = {
        "X-Nothing: here",
        "Authorization:  Bearer",
        "Authorization: Bearer x",
        "Authorization: Basic YW5uOnBhc3N3b3Jk",
        client_format("Authorization: Bearer %s", unsigned_token),
        client_format("Authorization: Bearer %s", tampered_token()),
        client_format("Authorization: Token %s", fixture.ann.token),
        "Cookie: session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "Cookie: session=",
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        client_header(fixture.client, headers[i]);
        expect_refusal(fixture_call(NULL, "POST", fixture_path("/bids"), "{\"amount\": 55.00}"), 401, "UNAUTHORIZED",
                       headers[i]);
        client_header(fixture.client, headers[i]);
        expect_refusal(fixture_call(NULL, "POST", AUCTIONS, "{}"), 401, "UNAUTHORIZED", headers[i]);
        client_header(fixture.client, headers[i]);
        expect_refusal(fixture_call(NULL, "GET", "/api/v1/users/me", NULL), 401, "UNAUTHORIZED", headers[i]);
    }
}
END_TEST

START_TEST(invalid_registrations_are_refused)
{
    static const struct {
        const char *body;
    } cases[] = {
        {"{\"email\": \"a@example.org\", \"password\": \"1234567\", \"displayName\": \"x\"}"},
        {"{\"email\": \"a@example.org\", \"password\": 12345678, \"displayName\": \"x\"}"},
        {"{\"email\": \"a b@example.org\", \"password\": \"12345678\", \"displayName\": \"x\"}"},
        {"{\"email\": \"@\", \"password\": \"12345678\", \"displayName\": \"x\"}"},
        {"{\"email\": \"\", \"password\": \"12345678\", \"displayName\": \"x\"}"},
        {"{\"email\": \"a@example.org\\r\\nBcc: b@example.org\", \"password\": \"12345678\", \"displayName\": \"x\"}"},
        {"{\"email\": \"a@example.org\", \"password\": \"12345678\"}"},
        {"{\"email\": \"a@example.org\", \"password\": \"12345678\", \"displayName\": \"x\", \"role\": \"admin\"}"},
        {"{\"email\": \"a@example.org\", \"password\": \"12345678\", \"displayName\": \"x\\u0000y\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expect_refusal(fixture_call(NULL, "POST", "/api/v1/auth/register", cases[i].body), 400, "VALIDATION_FAILED",
                       cases[i].body);
    }
}
END_TEST

/* Malformed HTTP requests. */
struct raw_case {
    const char *what;
    const char *request;
    int least; /* accepted statuses: least to most */
    int most;
    int pause_ms;
    bool closes;
};

static const struct raw_case raw_cases[] = {
    {"two different Content-Lengths",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
     "Content-Length: 40\r\n\r\n{}GET /health HTTP/1.1\r\nHost: x\r\n\r\n      ",
     400, 400, 0, true},
    {"the same Content-Length twice",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
     "Content-Length: 2\r\n\r\n{}",
     400, 400, 0, true},
    {"Content-Length and chunked",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
     "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
     400, 400, 0, true},
    {"a missing Host", "GET /api/v1/time HTTP/1.1\r\n\r\n", 400, 400, 0, true},
    {"a negative Content-Length",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n{}",
     400, 413, 0, true},
    {"a Content-Length that is no number",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: two\r\n\r\n{}",
     400, 400, 0, true},
    {"a huge Content-Length",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
     "99999999999\r\n\r\n{}",
     400, 413, 0, true},
    {"a Content-Length with a sign",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: +2\r\n\r\n{}",
     400, 400, 0, true},
    {"a space before the colon",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length : 2\r\n\r\n{}",
     400, 400, 0, true},
    {"a header without a name", "GET /api/v1/time HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400, 400, 0, true},
    {"no HTTP at all", "\x16\x03\x01\x02\x01\r\n\r\n", 400, 501, 0, true},
    {"a slow client", "GET /api/v1/time HTTP/1.1\r\nHost: x\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     408, 408, 100, true},
    {"a slow body",
     "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
     "60\r\n\r\n{\"email\": \"aaaaaaaaaaaaaaaaaaaaaaaa",
     408, 408, 50, true},
};

START_TEST(malformed_http_is_refused_and_the_connection_closed)
{
    const struct raw_case *raw = &raw_cases[_i];
    char out[RAW_SIZE];
    bool closed = false;
    int got = client_raw(deployment_http_url(), raw->request, strlen(raw->request), raw->pause_ms, RAW_MS, out,
                         sizeof(out), &closed);
    ck_assert_msg(got >= 0, "%s: no connection", raw->what);
    ck_assert_msg(closed || !raw->closes, "%s: not closed after %s", raw->what, out);
    if (got == 0) {
        return; /* closed without an answer: acceptable for a client that does not speak HTTP */
    }
    int status = (int)strtol(out + strcspn(out, " "), NULL, 10);
    ck_assert_msg(status >= raw->least && status <= raw->most, "%s: %s", raw->what, out);
    ck_assert_msg(strstr(out, "\r\n\r\n{\"error\":\"") != NULL && strstr(out, "\"message\":\"") != NULL, "%s: %s",
                  raw->what, out);
    ck_assert_msg(strstr(strstr(out, "HTTP/1.") + 1, "HTTP/1.") == NULL, "%s: answered twice: %s", raw->what, out);
}
END_TEST

START_TEST(oversized_headers_are_431)
{
    char request[40000];
    char out[RAW_SIZE];
    bool closed = false;
    int length = snprintf(request, sizeof(request), "GET /api/v1/time HTTP/1.1\r\nHost: x\r\nX-Long: ");
    memset(request + length, 'x', sizeof(request) - (size_t)length - 5);
    memcpy(request + sizeof(request) - 5, "\r\n\r\n", 5);
    int got = client_raw(deployment_http_url(), request, sizeof(request) - 1, 0, RAW_MS, out, sizeof(out), &closed);
    ck_assert_int_ge(got, 0);
    ck_assert(closed);
    ck_assert_msg(got == 0 || strstr(out, " 431 ") != NULL, "%s", out);
}
END_TEST

START_TEST(the_deployment_is_ready_afterwards)
{
    EXPECT_STATUS(fixture_call(NULL, "GET", "/ready", NULL), 200);
}
END_TEST

/* Sends otherwise valid bodies with invalid texts in `field`. Each gets 400, and the error names the field. */
static void expect_invalid_names(const struct factory_user *who, const char *method, const char *path,
                                 const char *field, const char *rest)
{
    static const char *const texts[] = {
        " ", "   ", "\\t", "\\n", "A\\nB", "\\u0007", "A\\u007f", "\\u00a0", "\\u3000 \\u200b"};
    char where[128]; /* a copy: `path` may be client_format's buffer */
    (void)snprintf(where, sizeof(where), "%s", path);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct reply *reply =
            fixture_call(who, method, where, client_format("{\"%s\": \"%s\"%s}", field, texts[i], rest));
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", field);
    }
}

START_TEST(blank_and_multi_line_names_are_refused)
{
    char rest[256];
    char end[64];
    (void)snprintf(end, sizeof(end), "%s",
                   reply_text(factory_get_auction(fixture.client, NULL, fixture.auction), "endTime"));
    (void)snprintf(rest, sizeof(rest), ", \"startingPrice\": 1, \"endTime\": \"%s\"", end);
    expect_invalid_names(&fixture.seller, "POST", "/api/v1/auctions", "title", rest);
    expect_invalid_names(&fixture.seller, "POST", "/api/v1/items", "title", "");
    expect_invalid_names(&fixture.seller, "PUT", fixture_path(""), "title", ", \"version\": 1");
    expect_invalid_names(&fixture.seller, "PUT", fixture_path(""), "category", ", \"version\": 1");
    expect_invalid_names(&fixture.ann, "PATCH", "/api/v1/users/me", "displayName", "");
    expect_invalid_names(NULL, "POST", "/api/v1/auth/register", "displayName",
                         ", \"email\": \"nobody@example.org\", \"password\": \"a long enough password\"");
}
END_TEST

START_TEST(descriptions_allow_line_feeds_and_tabs_but_no_other_control_characters)
{
    static const char *const texts[] = {"\\r\\n", "\\u001b[2J", "\\u007f"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct reply *reply =
            fixture_call(&fixture.seller, "POST", "/api/v1/items",
                         client_format("{\"title\": \"A chair\", \"description\": \"%s\"}", texts[i]));
        EXPECT_ERROR(reply, 400, "VALIDATION_FAILED");
        EXPECT_TEXT(reply, "fields.0.field", "description");
    }
    const struct reply *reply = fixture_call(&fixture.seller, "PUT", fixture_path(""),
                                             "{\"version\": 1, \"title\": \"\\u00a0A  \\u00fcber chair \","
                                             " \"description\": \"Oak.\\n\\tFour legs.\", \"category\": \"\"}");
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "description", "Oak.\n\tFour legs.");
}
END_TEST

static Suite *bad_input_suite(void)
{
    Suite *suite = suite_create("bad input");
    TCase *tables = tcase_create("bad input");
    tcase_add_checked_fixture(tables, setup, teardown);
    tcase_add_test(tables, invalid_amounts_and_bodies_are_refused);
    tcase_add_test(tables, invalid_auctions_are_refused);
    tcase_add_test(tables, blank_and_multi_line_names_are_refused);
    tcase_add_test(tables, descriptions_allow_line_feeds_and_tabs_but_no_other_control_characters);
    tcase_add_test(tables, a_title_of_256_characters_is_refused);
    tcase_add_test(tables, an_oversized_body_is_413);
    tcase_add_test(tables, other_media_types_are_415);
    tcase_add_test(tables, malformed_and_unknown_ids_are_404);
    tcase_add_test(tables, invalid_query_parameters_are_400);
    tcase_add_test(tables, invalid_idempotency_keys_are_400);
    tcase_add_test(tables, missing_and_forged_credentials_are_401);
    tcase_add_test(tables, invalid_registrations_are_refused);
    tcase_add_loop_test(tables, malformed_http_is_refused_and_the_connection_closed, 0, (int)ARRAY_LEN(raw_cases));
    tcase_add_test(tables, oversized_headers_are_431);
    tcase_add_test(tables, the_deployment_is_ready_afterwards);
    suite_add_tcase(suite, tables);
    return suite;
}

int main(void)
{
    return suite_run(bad_input_suite());
}
