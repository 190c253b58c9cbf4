/*
 * Pages that the gateway serves from a folder (setting web_root): files and their codings, headers, and the
 * history fallback. Then what stays the API's, the page of one auction, and a new build (docs/web-serving.md).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/image.h"
#include "tests/support/own_gateway.h"
#include "tests/support/raw_http.h"
#include "tests/support/web_folder.h"

enum { SECTIONS_SIZE = 512, ETAG_SIZE = 80, RELOAD_MS = 60000, TIMEOUT_S = 120, RAW_SIZE = 8192, LONG_PATH = 8000 };

#define INDEX  "<!doctype html><head><title>Rostrum</title><!--og--></head><body>one</body>"
#define SCRIPT "console.log('a script that is long enough for twins')"

static char folder[WEB_FOLDER_SIZE];
static struct own_gateway gateway;

static void set_up(void)
{
    char sections[SECTIONS_SIZE];
    fixture_setup();
    web_folder_make(folder);
    web_folder_write(folder, "index.html", INDEX);
    web_folder_write(folder, "index.html.br", "index in br");
    web_folder_write(folder, "icon.svg", "<svg/>");
    web_folder_write(folder, "assets/app-1a2b.js", SCRIPT);
    web_folder_write(folder, "assets/app-1a2b.js.br", "in br");
    web_folder_write(folder, "assets/app-1a2b.js.gz", "in gzip");
    (void)snprintf(sections, sizeof(sections),
                   "[gateway]\ncors_origins = none\nweb_root = %s\n[mail]\npublic_url = https://bids.example\n",
                   folder);
    own_gateway_start(&gateway, sections);
}

static void tear_down(void)
{
    own_gateway_stop(&gateway);
    fixture_teardown();
}

static const struct reply *get(const char *path, const char *header)
{
    if (header != NULL) {
        client_header(gateway.client, header);
    }
    return client_call(gateway.client, "GET", path, NULL);
}

static const char *header(const char *name)
{
    return client_reply_header(gateway.client, name);
}

#define EXPECT_HEADER(name, value) ck_assert_str_eq(header(name), (value))

/* The last answer is index.html as it is. */
static void expect_index(const struct reply *reply, const char *path)
{
    ck_assert_msg(reply->status == 200 && strcmp(reply->body, INDEX) == 0, "%s: %d %.500s", path, reply->status,
                  reply->body);
    EXPECT_HEADER("Content-Type", "text/html; charset=utf-8");
    EXPECT_HEADER("Cache-Control", "no-cache");
}

START_TEST(a_file_is_sent_in_the_best_coding_with_a_tag_of_its_own)
{
    static const struct {
        const char *accept;
        const char *coding;
        const char *body;
    } cases[] = {
        {NULL, "", SCRIPT},
        {"Accept-Encoding: gzip, deflate, br", "br", "in br"},
        {"Accept-Encoding: gzip", "gzip", "in gzip"},
        {"Accept-Encoding: br;q=0, *", "gzip", "in gzip"},
        {"Accept-Encoding: *;q=0", "", SCRIPT},
        {"Accept-Encoding: identity;q=0, br;q=0, gzip;q=0", "", SCRIPT},
    };
    char tags[ARRAY_LEN(cases)][ETAG_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct reply *reply = get("/assets/app-1a2b.js", cases[i].accept);
        EXPECT_STATUS(reply, 200);
        ck_assert_str_eq(reply->body, cases[i].body);
        EXPECT_HEADER("Content-Encoding", cases[i].coding);
        EXPECT_HEADER("Content-Type", "text/javascript; charset=utf-8");
        EXPECT_HEADER("Cache-Control", "public, max-age=31536000, immutable");
        EXPECT_HEADER("Vary", "Accept-Encoding");
        (void)snprintf(tags[i], sizeof(tags[i]), "%s", header("ETag"));
        ck_assert(tags[i][0] == '"' && strlen(tags[i]) > 10);
    }
    ck_assert(strcmp(tags[0], tags[1]) != 0 && strcmp(tags[0], tags[2]) != 0 && strcmp(tags[1], tags[2]) != 0);
    ck_assert_str_eq(tags[2], tags[3]);
    /* 304 is by the tag of the same coding. */
    client_header(gateway.client, cases[1].accept);
    const struct reply *reply = get("/assets/app-1a2b.js", client_format("If-None-Match: \"x\", %s", tags[1]));
    EXPECT_STATUS(reply, 304);
    ck_assert_uint_eq(reply->length, 0);
    EXPECT_HEADER("ETag", tags[1]);
    EXPECT_HEADER("Vary", "Accept-Encoding");
    EXPECT_HEADER("Cache-Control", "public, max-age=31536000, immutable");
    client_header(gateway.client, cases[2].accept);
    EXPECT_STATUS(get("/assets/app-1a2b.js", client_format("If-None-Match: %s", tags[1])), 200);
    client_header(gateway.client, cases[1].accept);
    reply = client_call(gateway.client, "HEAD", "/assets/app-1a2b.js", NULL);
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 0);
    EXPECT_HEADER("Content-Length", "5");
    EXPECT_HEADER("Content-Encoding", "br");
    EXPECT_HEADER("ETag", tags[1]);
}
END_TEST

START_TEST(pages_have_their_headers_and_are_the_same_for_everyone)
{
    static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
                                 " font-src 'self'; connect-src 'self' wss://bids.example; manifest-src 'self';"
                                 " form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    static const char *const paths[] = {"/", "/login", "/icon.svg", "/assets/app-1a2b.js"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        EXPECT_STATUS(get(paths[i], NULL), 200);
        EXPECT_HEADER("Content-Security-Policy", policy);
        EXPECT_HEADER("X-Content-Type-Options", "nosniff");
        EXPECT_HEADER("Referrer-Policy", "strict-origin-when-cross-origin");
        EXPECT_HEADER("Cross-Origin-Opener-Policy", "same-origin");
        EXPECT_HEADER("Cross-Origin-Resource-Policy", "same-origin");
        ck_assert_ptr_nonnull(strstr(header("Permissions-Policy"), "camera=()"));
        EXPECT_HEADER("Strict-Transport-Security", ""); /* the proxy that does TLS sends it, as for the API */
        ck_assert_str_ne(header("X-Request-Id"), "");
        EXPECT_HEADER("Vary", "Accept-Encoding");
    }
    ck_assert_ptr_null(strstr(policy, "unsafe"));
    /* The browser of a user, who has a cookie, keeps and revalidates them too. */
    expect_index(get("/", "Cookie: session=0123"), "/");
    char tag[ETAG_SIZE];
    (void)snprintf(tag, sizeof(tag), "%s", header("ETag"));
    client_header(gateway.client, "Cookie: session=0123");
    EXPECT_STATUS(get("/", client_format("If-None-Match: %s", tag)), 304);
    const struct reply *reply = get("/me/bids", "Accept-Encoding: br");
    ck_assert_str_eq(reply->body, "index in br");
    ck_assert_str_ne(header("ETag"), tag);
}
END_TEST

START_TEST(paths_of_pages_get_the_index_and_nothing_of_the_api_is_hidden)
{
    static const char *const pages[] = {
        "/",       "/index.html",  "/sales", "/sales/01020304-0506-0708-090a-0b0c0d0e0f10",
        "/login",  "/verify",      "/reset", "/me/notifications",
        "/sell/",  "/admin?tab=2", "/apis",  "/auctions",
        "/health-"};
    static const char *const missing[] = {"/api",
                                          "/api/",
                                          "/api/v1/nowhere",
                                          "/api/v2/auctions",
                                          "/api/v1/auctions/not-a-uuid",
                                          "/api/v1/auctions/01020304-0506-0708-090a-0b0c0d0e0f10",
                                          "/health/x",
                                          "/ready/",
                                          "/metrics",
                                          "/ws/x",
                                          "/images/nothing",
                                          "/.well-known/security.txt",
                                          "/assets/app-0000.js",
                                          "/assets/",
                                          "/assets/nothing",
                                          "/favicon.ico",
                                          "/login.php"};
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        expect_index(get(pages[i], "Accept: text/html,application/xhtml+xml,*/*;q=0.8"), pages[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        const struct reply *reply = get(missing[i], "Accept: text/html");
        ck_assert_msg(reply->status == 404 && strcmp(reply_text(reply, "error"), "NOT_FOUND") == 0, "%s: %d %.500s",
                      missing[i], reply->status, reply->body);
    }
    EXPECT_ERROR(get("/login", "Accept: application/json"), 404, "NOT_FOUND");
    EXPECT_ERROR(get("/auctions/01020304-0506-0708-090a-0b0c0d0e0f10", "Accept: application/json"), 404, "NOT_FOUND");
    EXPECT_STATUS(get("/health", "Accept: text/html"), 200);
    ck_assert_ptr_nonnull(strstr(get("/verify-email", NULL)->body, "Confirm"));
}
END_TEST

START_TEST(other_methods_are_405)
{
    static const char *const paths[] = {"/", "/login", "/assets/app-1a2b.js", "/assets/nothing",
                                        "/auctions/01020304-0506-0708-090a-0b0c0d0e0f10"};
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
            EXPECT_ERROR(client_call(gateway.client, methods[k], paths[i], NULL), 405, "METHOD_NOT_ALLOWED");
            EXPECT_HEADER("Allow", "OPTIONS, GET, HEAD");
        }
        EXPECT_STATUS(client_call(gateway.client, "OPTIONS", paths[i], NULL), 204);
        EXPECT_HEADER("Allow", "OPTIONS, GET, HEAD");
    }
    EXPECT_ERROR(client_call(gateway.client, "POST", "/api/v1/nowhere", NULL), 404, "NOT_FOUND");
    EXPECT_ERROR(client_call(gateway.client, "POST", "/api/v1/time", NULL), 405, "METHOD_NOT_ALLOWED");
    EXPECT_HEADER("Allow", "OPTIONS, GET, HEAD");
}
END_TEST

START_TEST(no_path_leaves_the_folder)
{
    static const char *const paths[] = {"/../etc/passwd",
                                        "/assets/../index.html",
                                        "/assets/../../etc/passwd",
                                        "/%2e%2e/etc/passwd",
                                        "/assets/%2e%2e/index.html",
                                        "/assets%2fapp-1a2b.js",
                                        "/assets/app-1a2b%2ejs",
                                        "//assets/app-1a2b.js",
                                        "/assets//app-1a2b.js",
                                        "//",
                                        "/login//x",
                                        "/..",
                                        "/.",
                                        "/./login",
                                        "/login%00",
                                        "/index.html%00.js",
                                        "/assets/app-1a2b.js/",
                                        "/assets/app-1a2b.js.br",
                                        "/%61pi/v1/time",
                                        "/API/v1/x.y",
                                        "/a\\b"};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const struct reply *reply = get(paths[i], "Accept: text/html");
        ck_assert_msg(reply->status == 404 || reply->status == 400, "%s: %d %.500s", paths[i], reply->status,
                      reply->body);
    }
    static char name[LONG_PATH];
    static char path[LONG_PATH + sizeof("/assets/")];
    memset(name, 'a', sizeof(name) - 1);
    (void)snprintf(path, sizeof(path), "/%s", name);
    EXPECT_STATUS(get(path, NULL), 200); /* it might be a page: it is looked for in memory only */
    (void)snprintf(path, sizeof(path), "/assets/%s", name);
    EXPECT_ERROR(get(path, NULL), 404, "NOT_FOUND");
    char out[RAW_SIZE];
    bool closed = false;
    static const char nul[] = "GET /index.html\0.js HTTP/1.1\r\nHost: a\r\n\r\n";
    ck_assert_int_gt(client_raw(gateway.url, nul, sizeof(nul) - 1, 0, RAW_HTTP_ANSWER_MS, out, sizeof(out), &closed),
                     0);
    ck_assert_ptr_nonnull(strstr(out, " 400 "));
}
END_TEST

static const char *page_path(const char *id)
{
    return client_format("/auctions/%s", id);
}

/* An auction with an image and with texts that a browser must not execute. */
static void make_auction(char id[static UUID_TEXT_SIZE])
{
    const struct factory_terms terms = {
        .title = "</title><script>alert(1)</script>\\u202E \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
        .more = "\"description\": \"It's \\\"old\\\" & <b>heavy</b>\\n\\tor so\"",
        .starts_in_ms = 3600000,
        .lasts_ms = 7200000,
    };
    struct image image = image_png(64, 48, 1);
    ck_assert(factory_auction(fixture.client, &fixture.seller, &terms, id));
    client_token(fixture.client, fixture.seller.token);
    client_header(fixture.client, "Content-Type: image/png");
    const struct reply *reply =
        client_send(fixture.client, "POST", client_format("/api/v1/auctions/%s/images", id), image.bytes, image.length);
    EXPECT_STATUS(reply, 201);
    client_token(fixture.client, NULL);
    free(image.bytes);
}

START_TEST(the_page_of_an_auction_has_tags_for_previews)
{
    char id[UUID_TEXT_SIZE];
    make_auction(id);
    const struct reply *reply = get(page_path(id), "Accept-Encoding: br, gzip");
    EXPECT_STATUS(reply, 200);
    const char *const parts[] = {
        "<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d</title>",
        "<meta property=\"og:title\" content=\"&lt;/title&gt;&lt;script&gt;",
        "<meta property=\"og:description\" content=\"It&#39;s &quot;old&quot; &amp; &lt;b&gt;heavy&lt;/b&gt; or so\">",
        "<meta name=\"description\" content=\"It&#39;s ",
        client_format("<meta property=\"og:url\" content=\"https://bids.example/auctions/%s\">", id),
        "<meta property=\"og:image\" content=\"https://bids.example/images/",
        "<body>one</body>",
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        ck_assert_msg(strstr(reply->body, parts[i]) != NULL, "no %s in %.3000s", parts[i], reply->body);
    }
    ck_assert_ptr_null(strstr(reply->body, "<script"));
    EXPECT_HEADER("Content-Encoding", "");
    EXPECT_HEADER("ETag", "");
    EXPECT_HEADER("Cache-Control", "no-cache");
    EXPECT_HEADER("Content-Type", "text/html; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(header("Content-Security-Policy"), "script-src 'self'"));
    /* The same to everyone, also to the seller. */
    client_token(gateway.client, fixture.seller.token);
    ck_assert_ptr_nonnull(strstr(get(page_path(id), NULL)->body, "og:title"));
    client_token(gateway.client, NULL);
    EXPECT_STATUS(client_call(gateway.client, "HEAD", page_path(id), NULL), 200);
    ck_assert_int_gt(strtol(header("Content-Length"), NULL, 10), (long)strlen(INDEX));
}
END_TEST

START_TEST(an_auction_that_guests_cannot_see_has_the_plain_page)
{
    char id[UUID_TEXT_SIZE];
    const struct factory_terms terms = {.title = "Unfinished", .more = "\"draft\": true"};
    ck_assert(factory_auction(gateway.client, &fixture.seller, &terms, id));
    client_token(gateway.client, fixture.seller.token);
    EXPECT_TEXT(get(client_format("/api/v1/auctions/%s", id), NULL), "status", "draft");
    expect_index(get(page_path(id), NULL), "the draft, to its seller");
    ck_assert_str_ne(header("ETag"), "");
    client_token(gateway.client, NULL);
    expect_index(get(page_path(id), NULL), "the draft");
    expect_index(get("/auctions/01020304-0506-0708-090a-0b0c0d0e0f10", NULL), "no auction");
    expect_index(get("/auctions/00000000-0000-0000-0000-000000000000", NULL), "nil");
    expect_index(get("/auctions/new", NULL), "another page");
}
END_TEST

START_TEST(a_page_does_not_wait_for_its_tags)
{
    PQclear(sql_rows(fixture.sql, "BEGIN", NULL));
    PQclear(sql_rows(fixture.sql, "LOCK TABLE images IN ACCESS EXCLUSIVE MODE", NULL));
    int64_t start_ms = suite_mono_ms();
    expect_index(get(page_path(fixture.auction), NULL), "without PostgreSQL");
    int64_t took_ms = suite_mono_ms() - start_ms;
    PQclear(sql_rows(fixture.sql, "COMMIT", NULL));
    ck_assert_int_ge((int)took_ms, 900);
    SUITE_WAIT(strstr(get(page_path(fixture.auction), NULL)->body, "og:title") != NULL, RELOAD_MS);
}
END_TEST

static bool serves_build(const char *body)
{
    return strstr(get("/", NULL)->body, body) != NULL;
}

START_TEST(a_reload_serves_a_new_build_and_keeps_the_assets_before)
{
    web_folder_remove(folder, "assets/app-1a2b.js");
    web_folder_remove(folder, "assets/app-1a2b.js.br");
    web_folder_remove(folder, "assets/app-1a2b.js.gz");
    web_folder_remove(folder, "icon.svg");
    web_folder_write(folder, "assets/app-3c4d.js", "two");
    web_folder_write(folder, "index.html", "<title>two</title>");
    EXPECT_STATUS(get("/assets/app-1a2b.js", NULL), 200); /* nothing is read before the reload */
    EXPECT_STATUS(get("/assets/app-3c4d.js", NULL), 404);
    ck_assert_int_eq(kill(gateway.pid, SIGHUP), 0);
    SUITE_WAIT(serves_build("<title>two"), RELOAD_MS);
    EXPECT_STATUS(get("/assets/app-3c4d.js", NULL), 200);
    ck_assert_str_eq(get("/assets/app-1a2b.js", "Accept-Encoding: gzip")->body, "in gzip");
    EXPECT_STATUS(get("/icon.svg", NULL), 404);
    /* A folder that cannot be served changes nothing. */
    web_folder_remove(folder, "index.html");
    ck_assert_int_eq(kill(gateway.pid, SIGHUP), 0);
    web_folder_write(folder, "assets/app-5e6f.js", "three");
    ck_assert(serves_build("<title>two"));
    EXPECT_STATUS(get("/assets/app-3c4d.js", NULL), 200);
}
END_TEST

/* A new connection, so that any worker may answer. */
static bool has_file(const char *path)
{
    client_free(gateway.client);
    gateway.client = client_new(gateway.url);
    ck_assert_ptr_nonnull(gateway.client);
    return get(path, NULL)->status == 200;
}

START_TEST(new_pages_wait_for_the_last_worker_of_the_build_before)
{
    pid_t old = 0;
    ck_assert_uint_eq(deployment_children(gateway.pid, &old, 1), 1);
    ck_assert_int_eq(kill(old, SIGSTOP), 0);
    web_folder_write(folder, "assets/app-3c4d.js", "two");
    web_folder_write(folder, "index.html", "<title>two</title><!--og-->");
    ck_assert_int_eq(kill(gateway.pid, SIGHUP), 0);
    SUITE_WAIT(has_file("/assets/app-3c4d.js"), RELOAD_MS);
    ck_assert(serves_build("<body>one</body>"));
    ck_assert_ptr_nonnull(strstr(get(page_path(fixture.auction), NULL)->body, "<body>one</body>"));
    ck_assert_int_eq(kill(old, SIGCONT), 0);
    SUITE_WAIT(serves_build("<title>two"), RELOAD_MS);
}
END_TEST

START_TEST(a_bad_folder_is_an_error_at_the_start)
{
    char settings[PROGRAM_SETTINGS_SIZE];
    web_folder_remove(folder, "index.html");
    program_settings_of_deployment(
        client_format("[gateway]\nlisten_port = %d\nweb_root = %s\n", program_free_port(gateway.port), folder),
        settings);
    pid_t pid = program_start("rostrum-gateway", settings);
    ck_assert_int_eq(program_end(pid, 0), 2);
    program_settings_remove(settings);
}
END_TEST

START_TEST(pages_count_in_the_metrics_by_their_route)
{
    struct client *metrics = client_new(gateway.metrics_url);
    ck_assert_ptr_nonnull(metrics);
    EXPECT_STATUS(get("/login", NULL), 200);
    EXPECT_STATUS(get("/assets/app-1a2b.js", NULL), 200);
    EXPECT_STATUS(get(page_path(fixture.auction), NULL), 200);
    EXPECT_STATUS(get("/assets/nothing.js", NULL), 404);
    const struct reply *reply = client_call(metrics, "GET", "/metrics", NULL);
    static const char *const lines[] = {
        "rostrum_http_requests_total{method=\"GET\",route=\"/\",status=\"200\"} 1\n",
        "rostrum_http_requests_total{method=\"GET\",route=\"/assets/\",status=\"200\"} 1\n",
        "rostrum_http_requests_total{method=\"GET\",route=\"/assets/\",status=\"404\"} 1\n",
        "rostrum_http_requests_total{method=\"GET\",route=\"/auctions/:id\",status=\"200\"} 1\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        ck_assert_msg(strstr(reply->body, lines[i]) != NULL, "no %s", lines[i]);
    }
    client_free(metrics);
}
END_TEST

START_TEST(links_of_notifications_lead_to_pages)
{
    static const char notifications[] = "/api/v1/users/me/notifications";
    PQclear(sql_rows(fixture.sql,
                     "INSERT INTO notifications (user_id, id, kind, auction_id, created_at, shown)"
                     " VALUES ($1::uuid, gen_random_uuid(), 'OUTBID', $2::uuid, now(), true)",
                     fixture.ann.id, fixture.auction, NULL));
    client_token(gateway.client, fixture.ann.token);
    const struct reply *reply = client_call(gateway.client, "GET", notifications, NULL);
    EXPECT_STATUS(reply, 200);
    EXPECT_TEXT(reply, "items.0.link", client_format("https://bids.example/auctions/%s", fixture.auction));
    reply = fixture_call(&fixture.ann, "GET", notifications, NULL); /* from a gateway without pages */
    ck_assert_ptr_nonnull(strstr(reply_text(reply, "items.0.link"), "/api/v1/auctions/"));
}
END_TEST

static Suite *web_pages_suite(void)
{
    const TTest *const tests[] = {
        a_file_is_sent_in_the_best_coding_with_a_tag_of_its_own,
        pages_have_their_headers_and_are_the_same_for_everyone,
        paths_of_pages_get_the_index_and_nothing_of_the_api_is_hidden,
        other_methods_are_405,
        no_path_leaves_the_folder,
        the_page_of_an_auction_has_tags_for_previews,
        an_auction_that_guests_cannot_see_has_the_plain_page,
        a_page_does_not_wait_for_its_tags,
        a_reload_serves_a_new_build_and_keeps_the_assets_before,
        new_pages_wait_for_the_last_worker_of_the_build_before,
        a_bad_folder_is_an_error_at_the_start,
        pages_count_in_the_metrics_by_their_route,
        links_of_notifications_lead_to_pages,
    };
    Suite *suite = suite_create("web_pages");
    TCase *tcase = tcase_create("pages");
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(web_pages_suite());
}
