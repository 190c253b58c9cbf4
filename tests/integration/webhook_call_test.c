/*
 * One webhook call by libcurl to a server of the test's own: the request, the checks before it, and the meaning of an
 * answer. The test decides what a name resolves to (CURLOPT_RESOLVE) and how long that takes (getaddrinfo below).
 */
#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notifyworker/transfers.h"
#include "notifyworker/webhook_call.h"
#include "tests/support/suite.h"

enum {
    URL_SIZE = 128,
    REQUEST_SIZE = 8192,
    RESPONSE_MAX = 4096, /* bytes */
    LARGE = 2 * RESPONSE_MAX,
    BACKLOG = 16,
    DONE_MS = 20000,
    TIMEOUT_MS = 10000,
    SHORT_MS = 300,
};

#define BODY       "{\"type\":\"TEST\"}"
#define ID         "01890000-0000-7000-8000-000000000000"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"

/* ---- a server: the same answer to every request ---- */

struct server {
    int fd;
    int port;
    pthread_t thread;
    const char *answer; /* NULL: no answer, and the connection stays open */
    atomic_int requests;
    char request[REQUEST_SIZE]; /* the last request */
};

static struct server server;

/* Reads until the body is complete. */
static void read_request(int fd)
{
    size_t length = 0;
    while (strstr(server.request, BODY) == NULL && length + 1 < sizeof(server.request)) {
        ssize_t got = read(fd, server.request + length, sizeof(server.request) - 1 - length);
        if (got <= 0) {
            return;
        }
        length += (size_t)got;
        server.request[length] = '\0';
    }
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept(server.fd, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        memset(server.request, 0, sizeof(server.request));
        read_request(fd);
        (void)atomic_fetch_add(&server.requests, 1);
        if (server.answer != NULL) {
            const char *rest = server.answer;
            while (*rest != '\0') {
                ssize_t sent = send(fd, rest, strlen(rest), MSG_NOSIGNAL);
                if (sent <= 0) {
                    break;
                }
                rest += sent;
            }
            (void)close(fd);
        }
    }
}

static void set_up(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t length = sizeof(address);
    server.answer = NO_CONTENT;
    atomic_store(&server.requests, 0);
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(server.fd, BACKLOG), 0);
    ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&address, &length), 0);
    server.port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
    ck_assert_int_eq(curl_global_init(CURL_GLOBAL_DEFAULT), CURLE_OK);
}

static void tear_down(void)
{
    (void)shutdown(server.fd, SHUT_RDWR);
    (void)pthread_join(server.thread, NULL);
    (void)close(server.fd);
    curl_global_cleanup();
}

/* ---- a call ---- */

static const char secret[] = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
static const char old_secret[] = "whsec_HxAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=";

static struct webhook_call_limits limits_of(const char *networks)
{
    struct webhook_call_limits limits = {.rules.http = true,
                                         .connect_timeout_ms = TIMEOUT_MS,
                                         .timeout_ms = TIMEOUT_MS,
                                         .response_max_bytes = RESPONSE_MAX};
    ck_assert(address_networks_parse(networks, &limits.rules.networks));
    return limits;
}

static struct webhook_result call_by(const struct webhook_call_limits *limits, const char *url, const char *resolve)
{
    const struct webhook_request request = {.id = ID, .url = url, .secret = secret, .body = BODY};
    CURL *curl = curl_easy_init();
    struct curl_slist *names = resolve == NULL ? NULL : curl_slist_append(NULL, resolve);
    ck_assert_ptr_nonnull(curl);
    struct webhook_call *call = webhook_call_new(limits, curl, &request);
    ck_assert_ptr_nonnull(call);
    ck_assert_int_eq(curl_easy_setopt(curl, CURLOPT_RESOLVE, names), CURLE_OK);
    struct webhook_result result = webhook_call_result(call, curl_easy_perform(curl));
    webhook_call_free(call);
    curl_easy_cleanup(curl);
    curl_slist_free_all(names);
    return result;
}

/* Calls the server by a name that resolves to `addresses`. */
static struct webhook_result call_name(const char *networks, const char *addresses)
{
    char url[URL_SIZE];
    char resolve[URL_SIZE];
    struct webhook_call_limits limits = limits_of(networks);
    (void)snprintf(url, sizeof(url), "http://shop.example:%d/hook", server.port);
    (void)snprintf(resolve, sizeof(resolve), "shop.example:%d:%s", server.port, addresses);
    return call_by(&limits, url, resolve);
}

static struct webhook_result call_answered(const char *answer)
{
    server.answer = answer;
    return call_name("127.0.0.1/32", "127.0.0.1");
}

static void expect_error(struct webhook_result result, const char *error)
{
    ck_assert_msg(result.error != NULL && strcmp(result.error, error) == 0, "expected %s, got %s (%d)", error,
                  result.error, result.status);
}

/* ---- the request ---- */

/* True if the last request contains this line. */
static bool has_sent_line(const char *line)
{
    return strstr(server.request, line) != NULL;
}

START_TEST(a_call_is_signed_with_both_secrets)
{
    const struct webhook_request request = {
        .id = ID, .secret = secret, .old_secret = old_secret, .body = BODY, .url = "http://127.0.0.1"};
    struct webhook_call_limits limits = limits_of("127.0.0.1/32");
    char url[URL_SIZE];
    char line[REQUEST_SIZE];
    char signatures[2][WEBHOOK_SIGNATURE_SIZE];
    uint8_t key[WEBHOOK_SECRET_BYTES];
    CURL *curl = curl_easy_init();
    struct webhook_call *call = webhook_call_new(&limits, curl, &request);
    ck_assert_ptr_nonnull(call);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook?x=1", server.port);
    ck_assert_int_eq(curl_easy_setopt(curl, CURLOPT_URL, url), CURLE_OK);
    ck_assert_ptr_null(webhook_call_result(call, curl_easy_perform(curl)).error);
    webhook_call_free(call);
    curl_easy_cleanup(curl);
    ck_assert(has_sent_line("POST /hook?x=1 HTTP/1.1\r\n") && has_sent_line("\r\nContent-Type: application/json\r\n"));
    ck_assert(has_sent_line("\r\nwebhook-id: " ID "\r\n") && has_sent_line("\r\n\r\n" BODY));
    const char *stamp = strstr(server.request, "\r\nwebhook-timestamp: ");
    ck_assert_ptr_nonnull(stamp);
    int64_t at_s = strtoll(stamp + strlen("\r\nwebhook-timestamp: "), NULL, 10);
    ck_assert(webhook_secret_parse(secret, key));
    webhook_sign(key, ID, at_s, BODY, strlen(BODY), signatures[0]);
    ck_assert(webhook_secret_parse(old_secret, key));
    webhook_sign(key, ID, at_s, BODY, strlen(BODY), signatures[1]);
    (void)snprintf(line, sizeof(line), "\r\nwebhook-signature: %s %s\r\n", signatures[0], signatures[1]);
    ck_assert_msg(has_sent_line(line), "%s is not in %s", line, server.request);
}
END_TEST

/* ---- addresses ---- */

static const char *const refused[] = {
    "127.0.0.1", "127.8.8.8",       "0.0.0.0",   "[::1]",     "[::ffff:127.0.0.1]",
    "10.0.0.1",  "169.254.169.254", "[fe80::1]", "224.0.0.1",
};

START_TEST(a_name_of_a_special_address_is_refused)
{
    struct webhook_result result = call_name("none", refused[_i]);
    expect_error(result, "ADDRESS_REFUSED");
    ck_assert(result.for_good);
    ck_assert_int_eq(atomic_load(&server.requests), 0);
}
END_TEST

START_TEST(each_address_of_a_name_is_checked)
{
    ck_assert_ptr_null(call_name("127.0.0.1/32", "10.0.0.1,127.0.0.1").error);
    expect_error(call_name("127.0.0.1/32", "10.0.0.1,127.0.0.2,[::1]"), "ADDRESS_REFUSED");
    ck_assert_int_eq(atomic_load(&server.requests), 1);
}
END_TEST

/* The name resolved to another address before. The check applies to the connection that is made. */
START_TEST(a_name_that_resolves_to_another_address_is_checked_again)
{
    ck_assert_ptr_null(call_name("127.0.0.1/32", "127.0.0.1").error);
    expect_error(call_name("127.0.0.1/32", "127.0.0.2"), "ADDRESS_REFUSED");
    ck_assert_int_eq(atomic_load(&server.requests), 1);
}
END_TEST

START_TEST(proxies_of_the_environment_are_not_used)
{
    char proxy[URL_SIZE];
    char resolve[URL_SIZE];
    struct webhook_call_limits limits = limits_of("127.0.0.1/32");
    int closed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, but not listening */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    ck_assert_int_eq(bind(closed, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(getsockname(closed, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ck_assert_int_eq(setenv(names[i], proxy, 1), 0);
    }
    (void)snprintf(proxy, sizeof(proxy), "http://shop.example:%d/", ntohs(address.sin_port));
    (void)snprintf(resolve, sizeof(resolve), "shop.example:%d:127.0.0.1", ntohs(address.sin_port));
    expect_error(call_by(&limits, proxy, resolve), "NO_CONNECTION");
    ck_assert_int_eq(atomic_load(&server.requests), 0);
    (void)close(closed);
}
END_TEST

START_TEST(schemes_other_than_http_and_https_are_refused)
{
    struct webhook_call_limits limits = limits_of("127.0.0.1/32");
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/",
                                       "dict://127.0.0.1/"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct webhook_result result = call_by(&limits, urls[i], NULL);
        expect_error(result, "URL_REFUSED");
        ck_assert(result.for_good);
    }
    limits.rules.http = false;
    expect_error(call_by(&limits, "http://127.0.0.1/", NULL), "URL_REFUSED");
}
END_TEST

/* ---- answers ---- */

static const struct {
    const char *answer;
    int status;
    const char *error; /* NULL: delivered */
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, NULL},
    {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, NULL},
    {"HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n", 299, NULL},
    {"HTTP/1.1 301 Moved\r\nLocation: http://shop.example/\r\nContent-Length: 0\r\n\r\n", 301, "REDIRECT"},
    {"HTTP/1.1 307 Moved\r\nLocation: /hook\r\nContent-Length: 0\r\n\r\n", 307, "REDIRECT"},
    {"HTTP/1.1 304 Not Modified\r\n\r\n", 304, "REDIRECT"},
    {"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", 400, "STATUS"},
    {"HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 401, "STATUS"},
    {"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", 500, "STATUS"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", 200, "NO_ANSWER"},
    {"220 mail.example ESMTP\r\n", 0, "NO_HTTP"},
};

START_TEST(each_answer_has_its_error)
{
    struct webhook_result result = call_answered(answers[_i].answer);
    if (answers[_i].error == NULL) {
        ck_assert_msg(result.error == NULL, "%s", result.error);
    } else {
        expect_error(result, answers[_i].error);
    }
    ck_assert_int_eq(result.status, answers[_i].status);
    ck_assert(!result.for_good && !result.gone);
    ck_assert_int_eq(atomic_load(&server.requests), 1);
}
END_TEST

START_TEST(status_410_is_permanent)
{
    struct webhook_result result = call_answered("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
    ck_assert(result.gone && result.for_good);
    expect_error(result, "STATUS");
}
END_TEST

START_TEST(an_answer_larger_than_the_limit_is_refused)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
    /* One buffer per call: the server's thread may still read the previous answer. */
    char ok[LARGE];
    char large[LARGE];
    char headers[LARGE];
    memset(ok, 'x', sizeof(ok));
    memcpy(ok, head, strlen(head));
    memcpy(large, ok, sizeof(large));
    ok[RESPONSE_MAX] = '\0';
    ck_assert_ptr_null(call_answered(ok).error);
    large[RESPONSE_MAX + 1] = '\0';
    expect_error(call_answered(large), "RESPONSE_TOO_LARGE");
    (void)snprintf(headers, sizeof(headers), "HTTP/1.1 200 OK\r\nX: ");
    memset(headers + strlen(headers), 'x', RESPONSE_MAX);
    (void)snprintf(headers + RESPONSE_MAX, sizeof(headers) - RESPONSE_MAX, "\r\n\r\n");
    expect_error(call_answered(headers), "RESPONSE_TOO_LARGE");
}
END_TEST

START_TEST(a_missing_answer_times_out)
{
    struct webhook_call_limits limits = limits_of("127.0.0.1/32");
    char url[URL_SIZE];
    server.answer = NULL;
    limits.timeout_ms = SHORT_MS;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
    expect_error(call_by(&limits, url, NULL), "TIMEOUT");
}
END_TEST

/* ---- a name that does not resolve in time ---- */

static atomic_int resolving; /* lookups of slow.example under way */
static atomic_bool answered; /* lookups may end */

/* Replaces the C library's function. */
int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict req,
                struct addrinfo **restrict pai)
{
    typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    static lookup *next;
    if (name != NULL && strcmp(name, "slow.example") == 0) {
        (void)atomic_fetch_add(&resolving, 1);
        while (!atomic_load(&answered)) {
            suite_pause();
        }
        (void)atomic_fetch_sub(&resolving, 1);
        return EAI_AGAIN;
    }
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    }
    return next(name, service, req, pai);
}

struct end {
    bool done;
    CURLcode outcome;
    int resolving; /* lookups under way at that time */
};

static void on_done(CURL *curl, CURLcode outcome, void *arg)
{
    (void)curl;
    struct end *end = arg;
    *end = (struct end){true, outcome, atomic_load(&resolving)};
}

START_TEST(a_name_that_is_slow_to_resolve_delays_no_other_call)
{
    struct webhook_call_limits limits = limits_of("127.0.0.1/32");
    struct webhook_request requests[2] = {{.id = ID, .url = "http://slow.example/", .secret = secret, .body = BODY}};
    struct webhook_call *calls[2];
    CURL *curls[2];
    struct end ends[2] = {{.done = false}};
    char url[URL_SIZE];
    struct event_base *base = event_base_new();
    struct transfers *transfers = transfers_new(base, 1);
    ck_assert_ptr_nonnull(transfers);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
    requests[1] = requests[0];
    requests[1].url = url;
    limits.timeout_ms = SHORT_MS;
    for (size_t i = 0; i < 2; i++) {
        curls[i] = curl_easy_init();
        calls[i] = webhook_call_new(&limits, curls[i], &requests[i]);
        ck_assert(transfers_start(transfers, curls[i], on_done, &ends[i]));
        limits.timeout_ms = TIMEOUT_MS;
    }
    int64_t until_ms = suite_mono_ms() + DONE_MS;
    while ((!ends[0].done || !ends[1].done) && suite_mono_ms() < until_ms) {
        ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    ck_assert(ends[0].done && ends[1].done);
    ck_assert_ptr_null(webhook_call_result(calls[1], ends[1].outcome).error);
    expect_error(webhook_call_result(calls[0], ends[0].outcome), "TIMEOUT");
    ck_assert_msg(ends[0].resolving == 1, "the loop waited for the resolver");
    for (size_t i = 0; i < 2; i++) {
        webhook_call_free(calls[i]);
        curl_easy_cleanup(curls[i]);
    }
    ck_assert_int_eq(atomic_load(&resolving), 1);
    transfers_free(transfers);
    event_base_free(base);
    atomic_store(&answered, true);
    SUITE_WAIT(atomic_load(&resolving) == 0, DONE_MS);
}
END_TEST

static Suite *webhook_call_suite(void)
{
    Suite *suite = suite_create("webhook_call");
    TCase *tcase = tcase_create("webhook_call");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_call_is_signed_with_both_secrets);
    tcase_add_loop_test(tcase, a_name_of_a_special_address_is_refused, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(tcase, each_address_of_a_name_is_checked);
    tcase_add_test(tcase, a_name_that_resolves_to_another_address_is_checked_again);
    tcase_add_test(tcase, proxies_of_the_environment_are_not_used);
    tcase_add_test(tcase, schemes_other_than_http_and_https_are_refused);
    tcase_add_loop_test(tcase, each_answer_has_its_error, 0, (int)ARRAY_LEN(answers));
    tcase_add_test(tcase, status_410_is_permanent);
    tcase_add_test(tcase, an_answer_larger_than_the_limit_is_refused);
    tcase_add_test(tcase, a_missing_answer_times_out);
    tcase_add_test(tcase, a_name_that_is_slow_to_resolve_delays_no_other_call);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    return suite_run(webhook_call_suite());
}
