/*
 * What one client address can take: connections, live connections, memory of files, refusals. Each test starts a second
 * gateway of one worker with small bounds on the deployment's servers. Clients come from several addresses of the
 * loopback network, of which the tests' settings exempt only 127.0.0.1.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/own_gateway.h"
#include "tests/support/published_sale.h"
#include "tests/support/raw_http.h"
#include "tests/support/scratch.h"
#include "tests/support/websocket.h"

enum {
    URL_SIZE = 64,
    SETTINGS_SIZE = 1024,
    RECEIVE_BYTES = 4096, /* of a client that does not read */
};

static struct own_gateway gateway;

/* ---- connections ---- */

START_TEST(one_address_holds_half_of_the_connections)
{
    enum { MOST = 40, TRIED = 60 };
    int fds[TRIED];
    int kept = 0;
    int refused = 0;
    own_gateway_start(&gateway, "[gateway]\nconnections_max = 40\n");
    for (int i = 0; i < TRIED; i++) {
        fds[i] = raw_http_connect(gateway.port, 2, 0);
        ck_assert(raw_http_send(fds[i], "GET ")); /* reading: it is not idle */
    }
    ck_assert_int_eq(raw_http_get_once(gateway.port, 3, "/health"), 200);
    for (int i = 0; i < TRIED; i++) {
        int status = raw_http_status(fds[i], 50);
        kept += status == -1;
        refused += status == 429;
    }
    ck_assert_int_eq(kept, MOST / 2);
    ck_assert_int_eq(refused, TRIED - MOST / 2);
    raw_http_close_all(fds, TRIED);
    SUITE_WAIT(raw_http_get_once(gateway.port, 2, "/health") == 200, RAW_HTTP_ANSWER_MS);
    (void)own_gateway_end(&gateway, SIGKILL);
}
END_TEST

START_TEST(a_connection_without_a_byte_is_closed_after_five_seconds)
{
    enum { LEAST_MS = 4000, MOST_MS = 20000 };
    own_gateway_start(&gateway, "");
    int silent = raw_http_connect(gateway.port, 2, 0);
    int served = raw_http_connect(gateway.port, 2, 0);
    ck_assert_int_eq(raw_http_get(served, "/health", ""), 200);
    int64_t from_ms = suite_mono_ms();
    ck_assert(raw_http_closed(silent, MOST_MS));
    ck_assert_int_ge(suite_mono_ms() - from_ms, LEAST_MS);
    ck_assert_msg(!raw_http_closed(served, 0), "a kept-alive connection may be idle for longer");
    (void)close(silent);
    (void)close(served);
    (void)own_gateway_end(&gateway, SIGKILL);
}
END_TEST

START_TEST(the_oldest_idle_connection_gives_way)
{
    enum { MOST = 20 };
    int fds[MOST];
    own_gateway_start(&gateway, "[gateway]\nconnections_max = 20\n");
    for (int i = 0; i < MOST; i++) {
        fds[i] = raw_http_connect(gateway.port, 2 + i % 4, 0);
        ck_assert_int_eq(raw_http_get(fds[i], "/health", ""), 200);
    }
    ck_assert(raw_http_send(fds[0], "GET ")); /* not idle any more */
    ck_assert_int_eq(raw_http_get_once(gateway.port, 7, "/health"), 200);
    ck_assert(raw_http_closed(fds[1], RAW_HTTP_ANSWER_MS));
    ck_assert(!raw_http_closed(fds[0], 0));
    ck_assert(!raw_http_closed(fds[MOST - 1], 0));
    raw_http_close_all(fds, MOST);
    (void)own_gateway_end(&gateway, SIGKILL);
}
END_TEST

static int open_live(int fd)
{
    return raw_http_get(fd, "/ws",
                        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
}

START_TEST(one_address_holds_half_of_the_live_connections)
{
    enum { MOST = 10 };
    int fds[MOST + 1];
    own_gateway_start(&gateway, "[live]\nlive_connections_max = 10\n");
    for (int i = 0; i < MOST; i++) {
        fds[i] = raw_http_connect(gateway.port, 2, 0);
        ck_assert_int_eq(open_live(fds[i]), i < MOST / 2 ? 101 : 429);
    }
    const char *events = client_format("/api/v1/auctions/%s/events", fixture.auction);
    ck_assert_int_eq(raw_http_get_once(gateway.port, 2, events), 429);
    fds[MOST] = raw_http_connect(gateway.port, 3, 0);
    ck_assert_int_eq(open_live(fds[MOST]), 101);
    (void)close(fds[0]);
    fds[0] = raw_http_connect(gateway.port, 2, 0);
    SUITE_WAIT(raw_http_get_once(gateway.port, 2, events) == 200, RAW_HTTP_ANSWER_MS); /* room again */
    raw_http_close_all(fds, MOST + 1);
    (void)own_gateway_end(&gateway, SIGKILL);
}
END_TEST

static struct websocket *open_as(const struct factory_user *user, const char *expected)
{
    struct websocket *socket = websocket_open(gateway.url, "");
    ck_assert_ptr_nonnull(socket);
    ck_assert(websocket_send_text(socket, client_format("{\"type\": \"auth\", \"token\": \"%s\"}", user->token)));
    const struct json *answer = websocket_receive(socket, "authenticated error");
    ck_assert_str_eq(websocket_text(answer, expected[0] == '\0' ? "userId" : "error"),
                     expected[0] == '\0' ? user->id : expected);
    return socket;
}

/* Clients with tokens authenticate on the open socket. */
START_TEST(a_user_has_a_number_of_live_connections_also_by_the_command_auth)
{
    own_gateway_start(&gateway, "[limits]\nlimits_exempt = none\nuser_live_max = 2\n");
    struct websocket *one = open_as(&fixture.ann, "");
    struct websocket *two = open_as(&fixture.ann, "");
    struct websocket *three = open_as(&fixture.ann, "RATE_LIMITED");
    ck_assert(websocket_send_text(
        one, client_format("{\"type\": \"auth\", \"token\": \"%s\"}", fixture.bob.token))); /* gives Ann's back */
    ck_assert_str_eq(websocket_text(websocket_receive(one, "authenticated error"), "userId"), fixture.bob.id);
    struct websocket *four = open_as(&fixture.ann, "");
    websocket_free(two);
    websocket_free(open_as(&fixture.bob, ""));
    struct websocket *sockets[] = {one, three, four};
    for (size_t i = 0; i < ARRAY_LEN(sockets); i++) {
        websocket_free(sockets[i]);
    }
    own_gateway_stop(&gateway); /* its counts are consistent */
}
END_TEST

static void watch_sale(struct websocket *socket, const char *sale)
{
    ck_assert(
        websocket_send_text(socket, client_format("{\"type\": \"inventory:watch\", \"flashSaleId\": \"%s\"}", sale)));
    ck_assert_ptr_nonnull(websocket_receive(socket, "queue:position-update"));
}

/*
 * The client is a guest then, and its place before concerns it no more. Bob gets his last position after Ann would: the
 * former ones were sent in this order.
 */
START_TEST(a_failed_auth_ends_what_concerned_the_user_before)
{
    static struct published_sale sale;
    own_gateway_start(&gateway, "[limits]\nlimits_exempt = none\nuser_live_max = 1\n");
    published_sale_make(&sale);
    (void)published_sale_join(&sale, fixture.ann.id);
    (void)published_sale_join(&sale, fixture.bob.id);
    published_sale_commit(&sale, false);
    struct websocket *ann = open_as(&fixture.ann, "");
    struct websocket *bob = open_as(&fixture.bob, "");
    watch_sale(ann, sale.id);
    watch_sale(bob, sale.id);
    ck_assert(websocket_send_text(ann, client_format("{\"type\": \"auth\", \"token\": \"%s\"}", fixture.bob.token)));
    ck_assert_str_eq(websocket_text(websocket_receive(ann, "authenticated error"), "error"), "RATE_LIMITED");
    sale.now.status = SALE_ENDED; /* closes each place */
    published_sale_commit(&sale, false);
    ck_assert_ptr_nonnull(websocket_receive(ann, "sale:status-change"));
    ck_assert_ptr_nonnull(websocket_receive(bob, "queue:position-update"));
    ck_assert(websocket_send_text(ann, "{\"type\": \"ping\"}"));
    ck_assert_str_eq(websocket_text(websocket_receive(ann, "pong queue:position-update"), "type"), "pong");
    websocket_free(ann);
    websocket_free(bob);
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- files ---- */

enum { FILE_BYTES = 7700000, FILE_GUESTS = 100, MEMORY_MOST_KIB = 200 * 1024 };

#define FILE_ID "abcdef00-0000-4000-8000-000000000001"

enum { FOLDER_SIZE = 256, PATH_SIZE = FOLDER_SIZE + 64 };

static char folder[FOLDER_SIZE];

static void file_path(char path[static PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/ab/" FILE_ID ".webp", folder);
}

static unsigned char file_byte(size_t at)
{
    return (unsigned char)(at * 2654435761U >> 13U);
}

static void write_file(void)
{
    char path[PATH_SIZE];
    static unsigned char bytes[FILE_BYTES];
    scratch_pattern("images", folder, sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/ab", folder);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    file_path(path);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = file_byte(i);
    }
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq((int)fwrite(bytes, 1, sizeof(bytes), file), FILE_BYTES);
    ck_assert_int_eq(fclose(file), 0);
}

static void start_with_file(const char *images)
{
    char sections[SETTINGS_SIZE];
    write_file();
    (void)snprintf(sections, sizeof(sections), "[images]\nimage_folder = %s\n%s", folder, images);
    own_gateway_start(&gateway, sections);
}

static void stop_with_file(void)
{
    char path[PATH_SIZE];
    (void)own_gateway_end(&gateway, SIGKILL);
    file_path(path);
    ck_assert_int_eq(unlink(path), 0);
    *strrchr(path, '/') = '\0';
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Resident memory of the gateway's worker. */
static long memory_kib(void)
{
    char path[URL_SIZE];
    char line[256];
    long kib = -1;
    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)deployment_child(gateway.pid));
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtol(line + 6, NULL, 10);
        }
    }
    (void)fclose(file);
    return kib;
}

static void ask_for_file(int fd)
{
    ck_assert(raw_http_send(fd, "GET /images/" FILE_ID " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
}

START_TEST(guests_who_do_not_read_an_image_take_little_memory)
{
    int fds[FILE_GUESTS];
    start_with_file("");
    long before = memory_kib();
    for (int i = 0; i < FILE_GUESTS; i++) {
        fds[i] = raw_http_connect(gateway.port, 2 + i, RECEIVE_BYTES);
        ask_for_file(fds[i]);
    }
    for (int i = 0; i < FILE_GUESTS; i++) {
        struct pollfd look = {.fd = fds[i], .events = POLLIN};
        ck_assert_int_eq(poll(&look, 1, RAW_HTTP_ANSWER_MS), 1); /* its answer has begun */
    }
    long taken = memory_kib() - before;
    (void)printf("%d guests took %ld KiB\n", FILE_GUESTS, taken);
    ck_assert_int_lt(taken, MEMORY_MOST_KIB);
    raw_http_close_all(fds, FILE_GUESTS);
    stop_with_file();
}
END_TEST

START_TEST(an_image_of_many_pieces_arrives_whole_on_a_connection_that_stays_open)
{
    start_with_file("");
    struct client *client = client_new(gateway.url);
    for (int i = 0; i < 3; i++) {
        const struct reply *reply = client_call(client, "GET", "/images/" FILE_ID, NULL);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_uint_eq(reply->length, FILE_BYTES);
        size_t same = 0;
        while (same < FILE_BYTES && (unsigned char)reply->body[same] == file_byte(same)) {
            same++;
        }
        ck_assert_uint_eq(same, FILE_BYTES);
        reply = client_call(client, "HEAD", "/images/" FILE_ID, NULL);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_str_eq(client_reply_header(client, "Content-Length"), client_format("%d", FILE_BYTES));
    }
    client_free(client);
    stop_with_file();
}
END_TEST

START_TEST(unsent_bytes_have_a_budget_and_each_address_a_share)
{
    enum { GUESTS = 4 }; /* each takes a piece of 256 KiB */
    int fds[GUESTS];
    start_with_file("image_unsent_max_bytes = 1048576\n");
    for (int i = 0; i < GUESTS; i++) {
        fds[i] = raw_http_connect(gateway.port, 2 + i, RECEIVE_BYTES);
        ask_for_file(fds[i]);
        ck_assert_int_eq(raw_http_status(fds[i], RAW_HTTP_ANSWER_MS), 200);
        ck_assert_int_eq(raw_http_get_once(gateway.port, 2, "/images/" FILE_ID), i < GUESTS - 1 ? 429 : 503);
    }
    raw_http_close_all(fds, GUESTS);
    SUITE_WAIT(raw_http_get_once(gateway.port, 2, "/images/" FILE_ID) == 200, RAW_HTTP_ANSWER_MS);
    stop_with_file();
}
END_TEST

START_TEST(a_guest_who_reads_too_slowly_is_disconnected)
{
    enum { MOST_MS = 30000 };
    start_with_file("image_send_min_bytes_per_s = 1000000\nimage_unsent_max_bytes = 1048576\n");
    int fd = raw_http_connect(gateway.port, 2, RECEIVE_BYTES);
    ask_for_file(fd);
    ck_assert_int_eq(raw_http_status(fd, RAW_HTTP_ANSWER_MS), 200);
    ck_assert_int_eq(raw_http_get_once(gateway.port, 2, "/images/" FILE_ID), 429);
    SUITE_WAIT(raw_http_get_once(gateway.port, 2, "/images/" FILE_ID) == 200, MOST_MS);
    ck_assert(raw_http_closed(fd, RAW_HTTP_ANSWER_MS));
    (void)close(fd);
    stop_with_file();
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_user_who_is_refused_too_often_gets_429)
{
    enum { MOST = 3 };
    char header[FACTORY_TOKEN_SIZE + URL_SIZE];
    own_gateway_start(&gateway, "[limits]\nrefusals_per_minute = 3\n");
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fixture.ann.token);
    int fd = raw_http_connect(gateway.port, 2, 0);
    for (int i = 0; i < MOST; i++) {
        ck_assert_int_eq(raw_http_get(fd, "/api/v1/admin/stats", header), 403);
    }
    (void)close(fd);
    fd = raw_http_connect(gateway.port, 3, 0); /* the user is counted over all addresses */
    ck_assert_int_eq(raw_http_get(fd, "/api/v1/admin/stats", header), 429);
    ck_assert_int_eq(raw_http_get(fd, "/api/v1/users/me", header), 200);
    (void)close(fd);
    (void)own_gateway_end(&gateway, SIGKILL);
}
END_TEST

/* Whether an action was counted, by whichever gateway. */
static bool is_counted(const char *action)
{
    return sql_int(fixture.sql,
                   "SELECT count(*) FROM (SELECT action, actor_id FROM refusal_counts UNION ALL SELECT action, actor_id"
                   " FROM audit_log) r WHERE action = $1 AND (actor_id = $2::uuid OR actor_id IS NULL OR actor_id ="
                   " '00000000-0000-0000-0000-000000000000')",
                   action, fixture.bob.id, NULL) > 0;
}

/* While nothing can be written, a user is refused at more addresses than are counted one by one. */
START_TEST(a_flood_of_refusals_does_not_hide_those_of_another_action)
{
    enum { ADDRESSES = 300, HEADERS_SIZE = FACTORY_TOKEN_SIZE + URL_SIZE };
    char headers[HEADERS_SIZE];
    struct sql *lock = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(lock);
    own_gateway_start(&gateway, "[gateway]\ntrusted_proxies = 127.0.0.0/8\n[limits]\nrefusals_per_minute = 1000\n");
    PQclear(sql_rows(lock, "BEGIN", NULL));
    PQclear(sql_rows(lock, "LOCK TABLE refusal_counts", NULL));
    int fd = raw_http_connect(gateway.port, 2, 0);
    for (int i = 0; i < ADDRESSES; i++) {
        (void)snprintf(headers, sizeof(headers), "Authorization: Bearer %s\r\nX-Forwarded-For: 10.0.%d.%d\r\n",
                       fixture.ann.token, i / 100, i % 100);
        ck_assert_int_eq(raw_http_get(fd, "/api/v1/admin/stats", headers), 403);
    }
    (void)close(fd);
    EXPECT_ERROR(client_call(gateway.client, "POST", "/api/v1/auth/login",
                             client_format("{\"email\": \"%s\", \"password\": \"wrong\"}", fixture.bob.email)),
                 401, "INVALID_CREDENTIALS");
    PQclear(sql_rows(lock, "COMMIT", NULL));
    sql_close(lock);
    SUITE_WAIT(is_counted("ADMIN_REFUSED"), RAW_HTTP_ANSWER_MS);
    SUITE_WAIT(is_counted("LOGIN_FAILED"), RAW_HTTP_ANSWER_MS);
    own_gateway_stop(&gateway);
}
END_TEST

static Suite *bounds_suite(void)
{
    const TTest *const tests[] = {
        one_address_holds_half_of_the_connections,
        a_connection_without_a_byte_is_closed_after_five_seconds,
        the_oldest_idle_connection_gives_way,
        one_address_holds_half_of_the_live_connections,
        a_user_has_a_number_of_live_connections_also_by_the_command_auth,
        a_failed_auth_ends_what_concerned_the_user_before,
        guests_who_do_not_read_an_image_take_little_memory,
        an_image_of_many_pieces_arrives_whole_on_a_connection_that_stays_open,
        unsent_bytes_have_a_budget_and_each_address_a_share,
        a_guest_who_reads_too_slowly_is_disconnected,
        a_user_who_is_refused_too_often_gets_429,
        a_flood_of_refusals_does_not_hide_those_of_another_action,
        NULL,
    };
    return fixture_suite("bounds", tests);
}

int main(void)
{
    return suite_run(bounds_suite());
}
