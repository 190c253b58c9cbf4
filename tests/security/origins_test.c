/*
 * Requests of other sites' pages: preflights, answers that their scripts may read, and requests that count as foreign.
 * Also the session cookie of a deployment that browsers reach by https; for it each test starts a second gateway.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/own_gateway.h"

#define LISTED    "https://shop.example"
#define ME        "/api/v1/users/me"
#define LINE(...) __VA_ARGS__ "\r\n"
#define HOST      LINE("Host: x")

enum {
    RAW_SIZE = 65536,
    WAIT_MS = 5000,
    FILLER_SIZE = 16500, /* slightly more than header_max_bytes: no TCP reset overtakes the answer */
    BODY_SIZE = 70000,   /* a body may have 64 KiB */
};

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

/* ---- preflights ---- */

static const struct reply *preflight(const char *origin, const char *path, const char *method)
{
    client_header(fixture.client, client_format("Origin: %s", origin));
    client_header(fixture.client, client_format("Access-Control-Request-Method: %s", method));
    client_header(fixture.client, "Access-Control-Request-Headers: authorization, idempotency-key");
    return fixture_call(NULL, "OPTIONS", path, NULL);
}

START_TEST(preflights_are_answered_before_routing)
{
    static const char *const paths[] = {
        "/api/v1/auctions", "/api/v1/auctions/no-id/bids", "/api/v1/nowhere", "/", "/ws", "/images/no-id",
        "/api/v1/time",     "/api/v1/admin/users/1/ban"};
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    static const char *const sent[] = {"Authorization", "Content-Type",  "Idempotency-Key", "X-Idempotency-Key",
                                       "Last-Event-ID", "If-None-Match", "Prefer",          "X-Request-Id",
                                       "traceparent"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (size_t j = 0; j < ARRAY_LEN(methods); j++) {
            const struct reply *reply = preflight(LISTED, paths[i], methods[j]);
            ck_assert_msg(reply->status == 204, "%s %s: %d", methods[j], paths[i], reply->status);
            ck_assert_str_eq(header("Access-Control-Allow-Origin"), LISTED);
            ck_assert_ptr_nonnull(strstr(header("Access-Control-Allow-Methods"), methods[j]));
            ck_assert_str_eq(header("Access-Control-Max-Age"), "600");
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        ck_assert_msg(strstr(header("Access-Control-Allow-Headers"), sent[i]) != NULL, "%s", sent[i]);
    }
    ck_assert_str_eq(header("Access-Control-Allow-Credentials"), "");
}
END_TEST

START_TEST(preflights_of_unlisted_origins_allow_nothing)
{
    static const char *const unlisted[] = {"https://shop.example.evil", "http://shop.example",
                                           "https://shop.example:8443", "https://evil-shop.example",
                                           "https://shop.exampl",       "null",
                                           "https://shop.example/"};
    for (size_t i = 0; i < ARRAY_LEN(unlisted); i++) {
        EXPECT_STATUS(preflight(unlisted[i], "/api/v1/auctions/no-id", "POST"), 204);
        ck_assert_msg(strcmp(header("Access-Control-Allow-Origin"), "") == 0, "%s", unlisted[i]);
        ck_assert_str_eq(header("Access-Control-Allow-Methods"), "");
        ck_assert_str_eq(header("Access-Control-Allow-Headers"), "");
    }
    /* Without a method it is no preflight. */
    client_header(fixture.client, "Origin: " LISTED);
    EXPECT_STATUS(fixture_call(NULL, "OPTIONS", "/api/v1/nowhere", NULL), 404);
}
END_TEST

/* ---- errors ---- */

static char long_header[FILLER_SIZE + 4];
static char long_body[BODY_SIZE + 3];

/* Requests that are refused, most of them by evhttp. %s: the lines of Origin. */
static const struct refused {
    int status;
    const char *head;
    const char *more; /* follows the origin */
} REFUSED[] = {
    {400, LINE("GET /api/v1/time HTTP/1.1") HOST HOST, "\r\n"},
    {400, LINE("GET /api/v1/time HTTP/1.1") HOST, LINE("no header") "\r\n"},
    {401, LINE("GET " ME " HTTP/1.1") HOST, "\r\n"},
    {404, LINE("GET /api/v1/auctions/no-id HTTP/1.1") HOST, "\r\n"},
    {404, LINE("GET /api/v1/nowhere HTTP/1.1") HOST, "\r\n"},
    {405, LINE("DELETE /api/v1/time HTTP/1.1") HOST, "\r\n"},
    {408, LINE("GET /api/v1/time HTTP/1.1") HOST, "X: "},
    {413,
     LINE("POST /api/v1/auth/login HTTP/1.1") HOST LINE("Content-Type: application/json") LINE("Content-Length: 70000"),
     long_body},
    {415, LINE("POST /api/v1/auth/login HTTP/1.1") HOST LINE("Content-Length: 2"), "\r\n{}"},
    {417, LINE("POST /api/v1/auth/login HTTP/1.1") HOST LINE("Expect: tea") LINE("Content-Length: 2"), "\r\n{}"},
    {431, LINE("GET /api/v1/time HTTP/1.1") HOST, long_header},
    {501, LINE("BREW /api/v1/time HTTP/1.1") HOST, "\r\n"},
    {501, LINE("CONNECT /api/v1/time HTTP/1.1") HOST, "\r\n"},
};

static void prepare_long_texts(void)
{
    memset(long_header, 'x', sizeof(long_header) - 1);
    long_header[1] = ':'; /* a header whose name is one letter */
    memset(long_body, 'x', sizeof(long_body) - 1);
    long_body[0] = '\r';
    long_body[1] = '\n';
}

/* A refused request with these lines of Origin, on a connection of its own. */
struct sending {
    pthread_t thread;
    const struct refused *refused;
    const char *origin;
    int got;
    char request[RAW_SIZE * 2];
    char out[RAW_SIZE];
};

static void *run_sending(void *arg)
{
    struct sending *sending = arg;
    bool closed = false;
    (void)snprintf(sending->request, sizeof sending->request, "%s%s%s", sending->refused->head, sending->origin,
                   sending->refused->more);
    sending->got = client_raw(deployment_http_url(), sending->request, strlen(sending->request), 0, WAIT_MS,
                              sending->out, sizeof sending->out, &closed);
    return NULL;
}

static void sending_begin(struct sending *sending, const struct refused *refused, const char *origin)
{
    sending->refused = refused;
    sending->origin = origin;
    ck_assert_int_eq(pthread_create(&sending->thread, NULL, run_sending, sending), 0);
}

/* Returns the answer. */
static const char *sending_end(struct sending *sending)
{
    const char *out = sending->out;
    const char *name = sending->refused->head;
    int status = sending->refused->status;
    ck_assert_int_eq(pthread_join(sending->thread, NULL), 0);
    ck_assert_int_gt(sending->got, 0);
    ck_assert_msg(strtol(out + strlen("HTTP/1.1 "), NULL, 10) == status, "%d %.40s: %s", status, name, out);
    ck_assert_msg(strstr(out, "\r\nX-Content-Type-Options: nosniff\r\n") != NULL, "%.40s: %s", name, out);
    ck_assert_msg(strstr(out, "\r\nVary: Authorization, Cookie, Origin\r\n") != NULL, "%.40s: %s", name, out);
    ck_assert_msg(strstr(out, "\r\nCache-Control: ") != NULL, "%.40s: %s", name, out);
    ck_assert_msg(strstr(out, "Content-Type: application/json") != NULL, "%.40s: %s", name, out);
    return out;
}

/* All at once: a head that does not end is answered after seconds only. */
START_TEST(every_error_can_be_read_by_listed_origins)
{
    static const char *const others[] = {"", LINE("Origin: https://shop.example.evil"),
                                         LINE("Origin: http://shop.example"), LINE("X-Origin: " LISTED),
                                         LINE("Origin: " LISTED " https://evil.example")};
    static struct sending listed, sendings[ARRAY_LEN(others)];
    const struct refused *refused = &REFUSED[_i];
    bool endless = refused->status == 408 || refused->status == 431;
    size_t first = endless ? 1 : 0; /* a head that does not end has no last header: an Origin may still follow */
    prepare_long_texts();
    sending_begin(&listed, refused, LINE("origin: " LISTED));
    for (size_t i = first; i < ARRAY_LEN(others); i++) {
        sending_begin(&sendings[i], refused, others[i]);
    }
    const char *out = sending_end(&listed);
    ck_assert_msg(strstr(out, "\r\nAccess-Control-Allow-Origin: " LISTED "\r\n") != NULL, "%s", out);
    ck_assert_msg(strstr(out, "\r\nAccess-Control-Expose-Headers: ") != NULL, "%s", out);
    for (size_t i = first; i < ARRAY_LEN(others); i++) {
        bool unread = endless && strstr(others[i], "X-Origin") != NULL;
        out = sending_end(&sendings[i]);
        ck_assert_msg(unread || strstr(out, "Access-Control-Allow-Origin") == NULL, "%s: %s", others[i], out);
    }
}
END_TEST

START_TEST(an_error_before_the_origin_was_read_can_be_read_by_all)
{
    prepare_long_texts();
    static struct sending sending;
    sending_begin(&sending, &REFUSED[10], "");
    const char *out = sending_end(&sending);
    ck_assert_msg(strstr(out, "\r\nAccess-Control-Allow-Origin: *\r\n") != NULL, "%s", out);
    ck_assert_ptr_nonnull(strstr(out, "HEADERS_TOO_LARGE"));
}
END_TEST

START_TEST(the_origin_of_a_pipelined_request_is_its_own)
{
    const char *out = send_raw(LINE("GET /api/v1/time HTTP/1.1") HOST LINE("Origin: " LISTED) "\r\n" LINE(
        "BREW /api/v1/time HTTP/1.1") HOST LINE("Origin: https://www.example") "\r\n");
    ck_assert_ptr_nonnull(strstr(out, "\r\nAccess-Control-Allow-Origin: " LISTED "\r\n"));
    const char *second = strstr(out, "HTTP/1.1 501");
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_nonnull(strstr(second, "\r\nAccess-Control-Allow-Origin: https://www.example\r\n"));
}
END_TEST

START_TEST(scripts_may_read_the_headers_of_the_contract)
{
    static const char *const names[] = {"Age",
                                        "Allow",
                                        "ETag",
                                        "Location",
                                        "RateLimit-Limit",
                                        "RateLimit-Remaining",
                                        "RateLimit-Reset",
                                        "Retry-After",
                                        "WWW-Authenticate",
                                        "X-Request-Id"};
    client_header(fixture.client, "Origin: " LISTED);
    EXPECT_STATUS(fixture_call(NULL, "GET", fixture_path(""), NULL), 200);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_msg(strstr(header("Access-Control-Expose-Headers"), names[i]) != NULL, "%s", names[i]);
    }
}
END_TEST

/* ---- the own origin ---- */

/* Changes Ann's name by her cookie, on a page of `origin`; `host`: the header Host, NULL: that of the deployment. */
static int change_by_cookie(const char *origin, const char *host)
{
    client_header(fixture.client, client_format("Cookie: session=%s", fixture.ann.session));
    client_header(fixture.client, client_format("Origin: %s", origin));
    if (host != NULL) {
        client_header(fixture.client, client_format("Host: %s", host));
    }
    return fixture_call(NULL, "PATCH", ME, "{\"displayName\": \"Ann\"}")->status;
}

START_TEST(an_origin_is_foreign_unless_scheme_host_and_port_are_those_of_public_url)
{
    const char *own = deployment_http_url();
    const char *authority = strstr(own, "//") + 2;
    ck_assert_int_eq(change_by_cookie(own, NULL), 200);
    ck_assert_int_eq(change_by_cookie(own, "another.example"), 200);
    ck_assert_int_eq(change_by_cookie(client_format("https://%s", authority), NULL), 403);
    ck_assert_int_eq(change_by_cookie(client_format("ftp://%s", authority), NULL), 403);
    ck_assert_int_eq(change_by_cookie(client_format("%s.evil.example", own), NULL), 403);
    ck_assert_int_eq(change_by_cookie(client_format("%s0", own), NULL), 403);
    ck_assert_int_eq(change_by_cookie("http://127.0.0.1", NULL), 403);
    ck_assert_int_eq(change_by_cookie("http://evil.example", "evil.example"), 403);
    ck_assert_int_eq(change_by_cookie(LISTED, NULL), 403);
    ck_assert_int_eq(change_by_cookie("null", NULL), 403);
    /* A second Origin, which no browser sends, does not hide behind the first. */
    client_header(fixture.client, "Origin: https://evil.example");
    ck_assert_int_eq(change_by_cookie(own, NULL), 403);
}
END_TEST

static int handshake(const char *origin, const char *host)
{
    const char *out = send_raw(
        client_format(LINE("GET /ws HTTP/1.1") LINE("Host: %s") LINE("Origin: %s") LINE("Upgrade: websocket")
                          LINE("Connection: Upgrade") LINE("Sec-WebSocket-Version: 13")
                              LINE("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==") LINE("Cookie: session=%s") "\r\n",
                      host, origin, fixture.ann.session));
    ck_assert_ptr_nonnull(strstr(out, "\r\nX-Content-Type-Options: nosniff\r\n"));
    ck_assert_ptr_nonnull(strstr(out, "\r\nCache-Control: private, no-store\r\n"));
    return (int)strtol(out + strlen("HTTP/1.1 "), NULL, 10);
}

START_TEST(only_the_own_origin_may_open_a_websocket_with_the_cookie)
{
    const char *own = deployment_http_url();
    const char *authority = strstr(own, "//") + 2;
    ck_assert_int_eq(handshake(own, authority), 101);
    ck_assert_int_eq(handshake(client_format("https://%s", authority), authority), 403);
    ck_assert_int_eq(handshake("http://evil.example", "evil.example"), 403);
    ck_assert_int_eq(handshake(LISTED, authority), 403);
}
END_TEST

/* ---- the cookie of https ---- */

static struct own_gateway secure;

/* The status of a call with this cookie, from a page of `origin` (NULL: no page). */
static int call_with_cookie(const char *name, const char *value, const char *method, const char *origin)
{
    client_header(secure.client, client_format("Cookie: theme=dark; %s=%s", name, value));
    if (origin != NULL) {
        client_header(secure.client, client_format("Origin: %s", origin));
    }
    return client_call(secure.client, method, ME, strcmp(method, "GET") == 0 ? NULL : "{\"displayName\": \"Ann\"}")
        ->status;
}

START_TEST(the_cookie_of_https_is_secure_and_bound_to_its_host)
{
    static const char name[] = "__Host-session";
    char token[FACTORY_TOKEN_SIZE];
    own_gateway_start(&secure, "[mail]\npublic_url = https://Auctions.example/\n");
    const char *body = client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email);
    EXPECT_STATUS(client_call(secure.client, "POST", "/api/v1/auth/login", body), 200);
    const char *set = client_reply_header(secure.client, "Set-Cookie");
    ck_assert_msg(strncmp(set, "__Host-session=", strlen("__Host-session=")) == 0, "%s", set);
    ck_assert_msg(strstr(set, "; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=86400") != NULL, "%s", set);
    ck_assert_msg(strstr(set, "Domain") == NULL, "%s", set);
    const char *value = strchr(set, '=') + 1;
    (void)snprintf(token, sizeof(token), "%.*s", (int)strcspn(value, ";"), value);

    ck_assert_int_eq(call_with_cookie(name, token, "GET", NULL), 200);
    ck_assert_str_eq(client_reply_header(secure.client, "Cache-Control"), "private, no-store");
    ck_assert_int_eq(call_with_cookie("session", token, "GET", NULL), 401);
    ck_assert_int_eq(call_with_cookie(name, token, "PATCH", "https://auctions.example"), 200);
    ck_assert_int_eq(call_with_cookie(name, token, "PATCH", "http://auctions.example"), 403);
    ck_assert_int_eq(call_with_cookie(name, token, "PATCH", "https://auctions.example:8443"), 403);
    ck_assert_int_eq(call_with_cookie(name, token, "PATCH", secure.url), 403);

    client_header(secure.client, client_format("Cookie: %s=%s", name, token));
    EXPECT_STATUS(client_call(secure.client, "POST", "/api/v1/auth/logout", NULL), 204);
    set = client_reply_header(secure.client, "Set-Cookie");
    ck_assert_msg(strcmp(set, "__Host-session=; HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=0") == 0, "%s", set);
    own_gateway_stop(&secure);
}
END_TEST

static Suite *origins_suite(void)
{
    const TTest *const tests[] = {
        preflights_are_answered_before_routing,
        preflights_of_unlisted_origins_allow_nothing,
        an_error_before_the_origin_was_read_can_be_read_by_all,
        the_origin_of_a_pipelined_request_is_its_own,
        scripts_may_read_the_headers_of_the_contract,
        an_origin_is_foreign_unless_scheme_host_and_port_are_those_of_public_url,
        only_the_own_origin_may_open_a_websocket_with_the_cookie,
        the_cookie_of_https_is_secure_and_bound_to_its_host,
        NULL,
    };
    Suite *suite = fixture_suite("origins", tests);
    TCase *errors = tcase_create("errors");
    tcase_add_checked_fixture(errors, fixture_setup, fixture_teardown);
    tcase_add_loop_test(errors, every_error_can_be_read_by_listed_origins, 0, (int)ARRAY_LEN(REFUSED));
    suite_add_tcase(suite, errors);
    return suite;
}

int main(void)
{
    return suite_run(origins_suite());
}
