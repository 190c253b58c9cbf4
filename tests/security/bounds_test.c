/*
 * What one client address can take: connections, live connections, memory of files, refusals. Each test starts a second
 * gateway of one worker with small bounds on the deployment's servers. Clients come from several addresses of the
 * loopback network, of which the tests' settings exempt only 127.0.0.1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/program.h"
#include "tests/support/scratch.h"

enum {
    GATEWAY_MS = 20000, /* until a gateway is ready */
    ANSWER_MS = 10000,
    URL_SIZE = 64,
    SETTINGS_SIZE = 1024,
    HEAD_SIZE = 4096,
    RECEIVE_BYTES = 4096, /* of a client that does not read */
};

static struct {
    pid_t pid;
    int port;
    char settings[PROGRAM_SETTINGS_SIZE];
    char url[URL_SIZE];
} gateway;

static bool is_ready(void)
{
    struct client *client = client_new(gateway.url);
    bool ready = client_call(client, "GET", "/ready", NULL)->status == 200;
    client_free(client);
    return ready;
}

/* `gateway_lines` belong to [gateway]; `sections` are whole sections. */
static void start_gateway(const char *gateway_lines, const char *sections)
{
    char ini[SETTINGS_SIZE];
    gateway.port = program_free_port(0);
    (void)snprintf(gateway.url, sizeof(gateway.url), "http://127.0.0.1:%d", gateway.port);
    ck_assert_int_eq(unsetenv("ROSTRUM_METRICS_PORT"), 0);
    (void)snprintf(ini, sizeof(ini), "[gateway]\nlisten_port = %d\nworkers = 1\n%s\n%s", gateway.port, gateway_lines,
                   sections);
    program_settings_of_deployment(ini, gateway.settings);
    gateway.pid = program_start("rostrum-gateway", gateway.settings);
    SUITE_WAIT(is_ready(), GATEWAY_MS);
}

static void stop_gateway(void)
{
    (void)program_end(gateway.pid, SIGKILL);
    program_settings_remove(gateway.settings);
}

/* ---- clients ---- */

/* Connects from 127.0.0.`host`. `receive_bytes` 0: the usual buffer. */
static int connect_from(int host, int receive_bytes)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK - 1U + (unsigned)host)}};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)gateway.port),
                             .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    if (receive_bytes > 0) {
        ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)), 0);
    }
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&from, sizeof(from)), 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* False: the gateway has closed the connection. */
static bool send_text(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* The status of the next answer; 0: the connection was closed without one, -1: neither within `wait_ms`. */
static int read_status(int fd, int wait_ms)
{
    char head[HEAD_SIZE] = "";
    size_t got = 0;
    int64_t until_ms = suite_mono_ms() + wait_ms;
    while (strstr(head, "\r\n\r\n") == NULL) {
        int64_t left_ms = until_ms - suite_mono_ms();
        struct pollfd look = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&look, 1, (int)left_ms) <= 0) {
            return -1;
        }
        ssize_t more = recv(fd, head + got, sizeof(head) - 1 - got, 0);
        if (more <= 0) {
            return 0;
        }
        got += (size_t)more;
        head[got] = '\0';
    }
    return (int)strtol(head + strlen("HTTP/1.1 "), NULL, 10);
}

static int get(int fd, const char *path, const char *headers)
{
    if (!send_text(fd, client_format("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", path, headers))) {
        return 0;
    }
    return read_status(fd, ANSWER_MS);
}

static int get_once(int host, const char *path)
{
    int fd = connect_from(host, 0);
    int status = get(fd, path, "Connection: close\r\n");
    (void)close(fd);
    return status;
}

/* Whether the gateway closes the connection within `wait_ms`; skips what it sends before. */
static bool is_closed(int fd, int wait_ms)
{
    char bytes[HEAD_SIZE];
    int64_t until_ms = suite_mono_ms() + wait_ms;
    for (;;) {
        int64_t left_ms = until_ms - suite_mono_ms();
        struct pollfd look = {.fd = fd, .events = POLLIN};
        if (poll(&look, 1, left_ms > 0 ? (int)left_ms : 0) <= 0) {
            return false;
        }
        if (recv(fd, bytes, sizeof(bytes), 0) <= 0) {
            return true;
        }
    }
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
}

/* ---- connections ---- */

START_TEST(one_address_holds_half_of_the_connections)
{
    enum { MOST = 40, TRIED = 60 };
    int fds[TRIED];
    int kept = 0;
    int refused = 0;
    start_gateway("connections_max = 40", "");
    for (int i = 0; i < TRIED; i++) {
        fds[i] = connect_from(2, 0);
        ck_assert(send_text(fds[i], "GET ")); /* reading: it is not idle */
    }
    ck_assert_int_eq(get_once(3, "/health"), 200);
    for (int i = 0; i < TRIED; i++) {
        int status = read_status(fds[i], 50);
        kept += status == -1;
        refused += status == 429;
    }
    ck_assert_int_eq(kept, MOST / 2);
    ck_assert_int_eq(refused, TRIED - MOST / 2);
    close_all(fds, TRIED);
    SUITE_WAIT(get_once(2, "/health") == 200, ANSWER_MS);
    stop_gateway();
}
END_TEST

START_TEST(a_connection_without_a_byte_is_closed_after_five_seconds)
{
    enum { LEAST_MS = 4000, MOST_MS = 20000 };
    start_gateway("", "");
    int silent = connect_from(2, 0);
    int served = connect_from(2, 0);
    ck_assert_int_eq(get(served, "/health", ""), 200);
    int64_t from_ms = suite_mono_ms();
    ck_assert(is_closed(silent, MOST_MS));
    ck_assert_int_ge(suite_mono_ms() - from_ms, LEAST_MS);
    ck_assert_msg(!is_closed(served, 0), "a kept-alive connection may be idle for longer");
    (void)close(silent);
    (void)close(served);
    stop_gateway();
}
END_TEST

START_TEST(the_oldest_idle_connection_gives_way)
{
    enum { MOST = 20 };
    int fds[MOST];
    start_gateway("connections_max = 20", "");
    SUITE_WAIT(is_ready(), GATEWAY_MS);
    for (int i = 0; i < MOST; i++) {
        fds[i] = connect_from(2 + i % 4, 0);
        ck_assert_int_eq(get(fds[i], "/health", ""), 200);
    }
    ck_assert(send_text(fds[0], "GET ")); /* not idle any more */
    ck_assert_int_eq(get_once(7, "/health"), 200);
    ck_assert(is_closed(fds[1], ANSWER_MS));
    ck_assert(!is_closed(fds[0], 0));
    ck_assert(!is_closed(fds[MOST - 1], 0));
    close_all(fds, MOST);
    stop_gateway();
}
END_TEST

static int open_live(int fd)
{
    return get(fd, "/ws",
               "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
}

START_TEST(one_address_holds_half_of_the_live_connections)
{
    enum { MOST = 10 };
    int fds[MOST + 1];
    start_gateway("", "[live]\nlive_connections_max = 10\n");
    for (int i = 0; i < MOST; i++) {
        fds[i] = connect_from(2, 0);
        ck_assert_int_eq(open_live(fds[i]), i < MOST / 2 ? 101 : 429);
    }
    const char *events = client_format("/api/v1/auctions/%s/events", fixture.auction);
    ck_assert_int_eq(get_once(2, events), 429);
    fds[MOST] = connect_from(3, 0);
    ck_assert_int_eq(open_live(fds[MOST]), 101);
    (void)close(fds[0]);
    fds[0] = connect_from(2, 0);
    SUITE_WAIT(get_once(2, events) == 200, ANSWER_MS); /* room again */
    close_all(fds, MOST + 1);
    stop_gateway();
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
    start_gateway("", sections);
}

static void stop_with_file(void)
{
    char path[PATH_SIZE];
    stop_gateway();
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
    ck_assert(send_text(fd, "GET /images/" FILE_ID " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
}

START_TEST(guests_who_do_not_read_an_image_take_little_memory)
{
    int fds[FILE_GUESTS];
    start_with_file("");
    long before = memory_kib();
    for (int i = 0; i < FILE_GUESTS; i++) {
        fds[i] = connect_from(2 + i, RECEIVE_BYTES);
        ask_for_file(fds[i]);
    }
    for (int i = 0; i < FILE_GUESTS; i++) {
        struct pollfd look = {.fd = fds[i], .events = POLLIN};
        ck_assert_int_eq(poll(&look, 1, ANSWER_MS), 1); /* its answer has begun */
    }
    long taken = memory_kib() - before;
    (void)printf("%d guests took %ld KiB\n", FILE_GUESTS, taken);
    ck_assert_int_lt(taken, MEMORY_MOST_KIB);
    close_all(fds, FILE_GUESTS);
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
        fds[i] = connect_from(2 + i, RECEIVE_BYTES);
        ask_for_file(fds[i]);
        ck_assert_int_eq(read_status(fds[i], ANSWER_MS), 200);
        ck_assert_int_eq(get_once(2, "/images/" FILE_ID), i < GUESTS - 1 ? 429 : 503);
    }
    close_all(fds, GUESTS);
    SUITE_WAIT(get_once(2, "/images/" FILE_ID) == 200, ANSWER_MS);
    stop_with_file();
}
END_TEST

START_TEST(a_guest_who_reads_too_slowly_is_disconnected)
{
    enum { MOST_MS = 30000 };
    start_with_file("image_send_min_bytes_per_s = 1000000\nimage_unsent_max_bytes = 1048576\n");
    int fd = connect_from(2, RECEIVE_BYTES);
    ask_for_file(fd);
    ck_assert_int_eq(read_status(fd, ANSWER_MS), 200);
    ck_assert_int_eq(get_once(2, "/images/" FILE_ID), 429);
    SUITE_WAIT(get_once(2, "/images/" FILE_ID) == 200, MOST_MS);
    ck_assert(is_closed(fd, ANSWER_MS));
    (void)close(fd);
    stop_with_file();
}
END_TEST

/* ---- refusals ---- */

START_TEST(a_user_who_is_refused_too_often_gets_429)
{
    enum { MOST = 3 };
    char header[FACTORY_TOKEN_SIZE + URL_SIZE];
    start_gateway("", "[limits]\nrefusals_per_minute = 3\n");
    (void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", fixture.ann.token);
    int fd = connect_from(2, 0);
    for (int i = 0; i < MOST; i++) {
        ck_assert_int_eq(get(fd, "/api/v1/admin/stats", header), 403);
    }
    (void)close(fd);
    fd = connect_from(3, 0); /* the user is counted over all addresses */
    ck_assert_int_eq(get(fd, "/api/v1/admin/stats", header), 429);
    ck_assert_int_eq(get(fd, "/api/v1/users/me", header), 200);
    (void)close(fd);
    stop_gateway();
}
END_TEST

static Suite *bounds_suite(void)
{
    const TTest *const tests[] = {
        one_address_holds_half_of_the_connections,
        a_connection_without_a_byte_is_closed_after_five_seconds,
        the_oldest_idle_connection_gives_way,
        one_address_holds_half_of_the_live_connections,
        guests_who_do_not_read_an_image_take_little_memory,
        an_image_of_many_pieces_arrives_whole_on_a_connection_that_stays_open,
        unsent_bytes_have_a_budget_and_each_address_a_share,
        a_guest_who_reads_too_slowly_is_disconnected,
        a_user_who_is_refused_too_often_gets_429,
        NULL,
    };
    return fixture_suite("bounds", tests);
}

int main(void)
{
    return suite_run(bounds_suite());
}
