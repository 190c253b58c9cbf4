/*
 * The bounds of live updates, on a gateway of the test's own with small ones, beside the deployment's: clients that
 * read too slowly, say too much or nothing at all; too many of them; a drain; and the numbers that show it.
 *
 * Runs alone: its own small gateway counts the live updates of all auctions.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/service/daemon.h"
#include "tests/support/deployment.h"
#include "tests/support/events.h"
#include "tests/support/exposition.h"
#include "tests/support/fixture.h"
#include "tests/support/program.h"
#include "tests/support/websocket.h"

enum {
    PORT_LEAST = 20000, /* below those that the kernel gives to clients */
    PORT_COUNT = 8000,
    GATEWAY_MS = 20000, /* for a gateway to start */
    GONE_MS = 30000,    /* for a client to be given up, with what it takes to write down */
    URL_SIZE = 64,
    SETTINGS_SIZE = 1024,
};

static struct {
    pid_t pid;
    char settings[PROGRAM_SETTINGS_SIZE];
    char url[URL_SIZE];
    char metrics_url[URL_SIZE];
} own;

/* Another one than `but`. */
static int free_port(int but)
{
    for (int i = 0; i < PORT_COUNT; i++) {
        int port = PORT_LEAST + (int)((unsigned)(getpid() * 7 + i * 13) % PORT_COUNT);
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool ok = port != but && fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
        if (fd >= 0) {
            (void)close(fd);
        }
        if (ok) {
            return port;
        }
    }
    ck_abort_msg("no port is free");
    return 0;
}

static bool is_ready(void)
{
    struct client *client = client_new(own.url);
    bool ready = client_call(client, "GET", "/ready", NULL)->status == 200;
    client_free(client);
    return ready;
}

/* One worker, with these lines in [live]. */
static void open_gateway(const char *live)
{
    char ini[SETTINGS_SIZE];
    int port = free_port(0);
    int metrics_port = free_port(port);
    (void)snprintf(own.url, sizeof(own.url), "http://127.0.0.1:%d", port);
    (void)snprintf(own.metrics_url, sizeof(own.metrics_url), "http://127.0.0.1:%d", metrics_port);
    ck_assert_int_eq(unsetenv("ROSTRUM_METRICS_PORT"), 0);
    (void)snprintf(ini, sizeof(ini),
                   "[gateway]\nlisten_port = %d\nworkers = 1\n[limits]\nbids_per_minute = 0\n[metrics]\n"
                   "metrics_port = %d\n[live]\n%s",
                   port, metrics_port, live);
    program_settings(ini, own.settings);
    own.pid = program_start("rostrum-gateway", own.settings);
    SUITE_WAIT(is_ready(), GATEWAY_MS);
}

/* 0: it was told before. */
static void end_gateway(int signal_number)
{
    ck_assert_int_eq(program_end(own.pid, signal_number), 0);
    program_settings_remove(own.settings);
}

static void close_gateway(void)
{
    end_gateway(SIGTERM);
}

static int64_t metric(const char *name, const char *labels)
{
    struct client *client = client_new(own.metrics_url);
    const struct reply *reply = client_call(client, "GET", "/metrics", NULL);
    ck_assert_int_eq(reply->status, 200);
    exposition_check(reply->body);
    int64_t sum = exposition_sum(reply->body, name, labels);
    client_free(client);
    return sum;
}

static struct websocket *open_socket(void)
{
    struct websocket *socket = websocket_open(own.url, "");
    ck_assert_ptr_nonnull(socket);
    return socket;
}

static struct websocket *open_slow(void)
{
    struct websocket *socket = websocket_open_small(own.url);
    ck_assert_ptr_nonnull(socket);
    return socket;
}

static void subscribe(struct websocket *socket)
{
    ck_assert(
        websocket_say(socket, client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", fixture.auction)));
    ck_assert_ptr_nonnull(websocket_hear(socket, "snapshot"));
}

/* ---- slow readers ---- */

START_TEST(a_slow_reader_gets_the_latest_state)
{
    enum { PINGS = 4000, BIDS = 30 };
    int heard = 0;
    open_gateway("live_kernel_buffer_bytes = 4096\nlive_buffer_bytes = 10000000\nlive_messages_max = 1000000\n");
    struct websocket *slow = open_slow();
    subscribe(slow);
    /* What it does not read fills every buffer on the way, and more waits behind. */
    for (int i = 0; i < PINGS; i++) {
        ck_assert(websocket_say(slow, "{\"type\": \"ping\", \"id\": \"a rather long one, so that more of it waits\"}"));
    }
    SUITE_WAIT(metric("rostrum_live_messages_total", "kind=\"websocket\"") == PINGS + 1, WEBSOCKET_WAIT_MS);
    for (int i = 0; i < BIDS; i++) {
        const struct factory_user *who = i % 2 == 0 ? &fixture.ann : &fixture.bob;
        EXPECT_STATUS(factory_bid(fixture.client, who, fixture.auction, client_format("%d.00", 20 + i)), 200);
    }
    int64_t last = sql_int(fixture.sql, "SELECT version FROM auctions WHERE id = $1::uuid", fixture.auction, NULL);
    for (int64_t seq = 0; seq < last; heard++) {
        const struct json *message = websocket_hear(slow, "bid_placed snapshot");
        ck_assert_msg(message != NULL, "the last one that came was %lld of %lld", (long long)seq, (long long)last);
        seq = strtoll(websocket_text(message, "seq"), NULL, 10);
        if (heard == 0) {
            ck_assert_str_eq(websocket_text(message, "type"), "snapshot");
        }
        if (seq == last) {
            ck_assert_str_eq(websocket_text(message, "currentBid"), client_format("%d.00", 20 + BIDS - 1));
        }
    }
    ck_assert_msg(heard < BIDS, "%d messages of %d bids: nothing was left out", heard, BIDS);
    ck_assert_int_gt((int)metric("rostrum_live_slow_snapshots_total", ""), 0);
    websocket_free(slow);
    close_gateway();
}
END_TEST

START_TEST(what_nobody_reads_is_bounded)
{
    enum { PINGS = 40000 };
    open_gateway("live_kernel_buffer_bytes = 4096\nlive_buffer_bytes = 4096\nlive_messages_max = 1000000\n");
    struct websocket *slow = open_slow();
    for (int i = 0; i < PINGS && websocket_say(slow, "{\"type\": \"ping\", \"id\": 1}"); i++) {
    }
    ck_assert_uint_eq(websocket_closing(slow), 1013);
    ck_assert_int_eq((int)metric("rostrum_live_closed_total", "code=\"1013\""), 1);
    websocket_free(slow);
    close_gateway();
}
END_TEST

START_TEST(whoever_takes_nothing_at_all_is_closed)
{
    enum { PINGS = 20000 };
    open_gateway("live_kernel_buffer_bytes = 4096\nlive_buffer_bytes = 10000000\nlive_messages_max = 1000000\n"
                 "live_stall_s = 1\n");
    struct websocket *slow = open_slow();
    const char *ping = "{\"type\": \"ping\", \"id\": \"a rather long one, so that more waits\"}";
    for (int i = 0; i < PINGS && websocket_say(slow, ping); i++) {
    }
    SUITE_WAIT(metric("rostrum_live_closed_total", "code=\"1013\"") == 1, GONE_MS);
    SUITE_WAIT(metric("rostrum_live_connections", "") == 0, GONE_MS);
    websocket_free(slow);
    close_gateway();
}
END_TEST

/* ---- what a client may say ---- */

START_TEST(too_many_messages)
{
    enum { MOST = 20 };
    open_gateway("live_messages_max = 20\nlive_messages_window_s = 600\n");
    struct websocket *busy = open_socket();
    for (int i = 0; i < MOST; i++) {
        ck_assert(websocket_say(busy, "{\"type\": \"ping\"}"));
        ck_assert_ptr_nonnull(websocket_hear(busy, "pong"));
    }
    ck_assert(websocket_say(busy, "{\"type\": \"ping\"}"));
    ck_assert_uint_eq(websocket_closing(busy), 1008);
    ck_assert(websocket_ended(busy));
    websocket_free(busy);
    close_gateway();
}
END_TEST

START_TEST(too_long_a_message)
{
    char text[512];
    open_gateway("live_message_max_bytes = 256\n");
    struct websocket *wordy = open_socket();
    int length = snprintf(text, sizeof(text), "{\"type\": \"ping\"}");
    memset(text + length, ' ', sizeof(text) - (size_t)length);
    ck_assert(websocket_send_frame(wordy, WIRE_FIN | WIRE_TEXT, text, 256));
    ck_assert_ptr_nonnull(websocket_hear(wordy, "pong"));
    ck_assert(websocket_send_frame(wordy, WIRE_FIN | WIRE_TEXT, text, 257));
    ck_assert_uint_eq(websocket_closing(wordy), 1009);
    websocket_free(wordy);
    close_gateway();
}
END_TEST

/* ---- who says nothing ---- */

START_TEST(a_client_that_does_not_answer_a_ping_is_gone)
{
    struct wire_frame frame;
    open_gateway("live_ping_interval_s = 1\nlive_idle_timeout_s = 1\n");
    struct websocket *dead = open_socket();
    struct websocket *alive = open_socket();
    subscribe(alive);
    ck_assert_int_eq(websocket_next(dead, &frame, WEBSOCKET_WAIT_MS), WEBSOCKET_FRAME);
    ck_assert_int_eq(frame.first, WIRE_FIN | WIRE_PING);
    /* Answers pings while it waits. */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(websocket_next(alive, &frame, WEBSOCKET_WAIT_MS), WEBSOCKET_FRAME);
        ck_assert_int_eq(frame.first, WIRE_FIN | WIRE_PING);
        ck_assert(websocket_send_frame(alive, WIRE_FIN | WIRE_PONG, frame.payload, frame.length));
    }
    ck_assert_uint_eq(websocket_closing(dead), 1001);
    ck_assert(websocket_say(alive, "{\"type\": \"ping\"}"));
    ck_assert_ptr_nonnull(websocket_hear(alive, "pong"));
    websocket_free(dead);
    websocket_free(alive);
    close_gateway();
}
END_TEST

START_TEST(an_event_stream_has_a_heartbeat)
{
    open_gateway("live_ping_interval_s = 1\nlive_idle_timeout_s = 1\n");
    struct events *events = events_open(own.url, fixture_path("/events"), "");
    int comments = 0;
    ck_assert_ptr_nonnull(events);
    ck_assert_ptr_nonnull(events_hear(events, "snapshot"));
    while (comments < 3) {
        const struct event_block *block = events_next(events);
        ck_assert_ptr_nonnull(block);
        comments += block->comment;
    }
    events_free(events);
    close_gateway();
}
END_TEST

/* ---- how many ---- */

START_TEST(more_than_fit_are_notified_so)
{
    open_gateway("live_connections_max = 2\n");
    struct websocket *first = open_socket();
    struct events *second = events_open(own.url, fixture_path("/events"), "");
    ck_assert_ptr_nonnull(second);
    ck_assert_int_eq(events_status(second), 200);
    struct websocket *third = websocket_connect(own.url);
    ck_assert_int_eq(websocket_ask(third, "/ws", ""), 503);
    struct events *fourth = events_open(own.url, fixture_path("/events"), "");
    ck_assert_ptr_nonnull(fourth);
    ck_assert_int_eq(events_status(fourth), 503);
    SUITE_WAIT(metric("rostrum_live_connections", "") == 2, WEBSOCKET_WAIT_MS);
    websocket_free(first);
    SUITE_WAIT(metric("rostrum_live_connections", "") == 1, WEBSOCKET_WAIT_MS);
    struct websocket *again = open_socket();
    subscribe(again);
    SUITE_WAIT(metric("rostrum_live_subscriptions", "") == 2, WEBSOCKET_WAIT_MS);
    ck_assert_int_gt((int)metric("rostrum_live_messages_total", "kind=\"websocket\""), 0);
    ck_assert_int_gt((int)metric("rostrum_live_messages_total", "kind=\"sse\""), 0);
    websocket_free(third);
    websocket_free(again);
    events_free(second);
    events_free(fourth);
    close_gateway();
}
END_TEST

/* ---- the numbers ---- */

START_TEST(a_connection_that_is_lost_is_counted_as_such)
{
    open_gateway("");
    websocket_free(open_socket());
    SUITE_WAIT(metric("rostrum_live_closed_total", "code=\"none\"") == 1, GONE_MS);
    struct websocket *socket = open_socket();
    ck_assert(websocket_send_frame(socket, WIRE_FIN | WIRE_CLOSE, "\x03\xe8", 2));
    ck_assert_uint_eq(websocket_closing(socket), 1000);
    websocket_free(socket);
    SUITE_WAIT(metric("rostrum_live_connections", "") == 0, GONE_MS);
    ck_assert_int_eq((int)metric("rostrum_live_closed_total", "code=\"1000\""), 1);
    ck_assert_int_eq((int)metric("rostrum_live_closed_total", "code=\"none\""), 1);
    close_gateway();
}
END_TEST

/* ---- a drain ---- */

/* The reason of the close frame that comes. */
static void closing_reason(struct websocket *socket, char *out, size_t size)
{
    struct wire_frame frame;
    do {
        ck_assert_int_eq(websocket_next(socket, &frame, WEBSOCKET_WAIT_MS), WEBSOCKET_FRAME);
    } while (frame.first != (WIRE_FIN | WIRE_CLOSE));
    ck_assert_uint_eq(wire_close_code(&frame), 1001);
    (void)snprintf(out, size, "%.*s", (int)(frame.length - 2), (const char *)frame.payload + 2);
}

START_TEST(a_drain_sends_everybody_away_at_different_times)
{
    enum { SOCKETS = 20 };
    struct websocket *sockets[SOCKETS];
    char reasons[SOCKETS][64];
    int different = 0;
    open_gateway("live_reconnect_ms = 5000\n");
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = open_socket();
        subscribe(sockets[i]);
    }
    struct events *events = events_open(own.url, fixture_path("/events"), "");
    ck_assert_ptr_nonnull(events);
    ck_assert_ptr_nonnull(events_hear(events, "snapshot"));
    ck_assert_int_eq(kill(own.pid, SIGTERM), 0);
    for (int i = 0; i < SOCKETS; i++) {
        char *end = NULL;
        static const char words[] = "reconnect in ";
        closing_reason(sockets[i], reasons[i], sizeof(reasons[i]));
        ck_assert_msg(strncmp(reasons[i], words, strlen(words)) == 0, "%s", reasons[i]);
        long ms = strtol(reasons[i] + strlen(words), &end, 10);
        ck_assert_msg(strcmp(end, " ms") == 0 && ms >= 0 && ms <= 5000, "%s", reasons[i]);
        different += i > 0 && strcmp(reasons[i], reasons[0]) != 0;
    }
    ck_assert_int_gt(different, 0);
    const struct event_block *block = events_next(events);
    ck_assert_ptr_nonnull(block);
    ck_assert_str_ne(block->retry, "");
    ck_assert(events_ended(events));
    for (int i = 0; i < SOCKETS; i++) {
        websocket_free(sockets[i]);
    }
    events_free(events);
    end_gateway(0);
}
END_TEST

/* Its last look around is at connections, and what they still want of back ends. */
START_TEST(a_drain_is_over_at_its_deadline_with_users_connected)
{
    char bearer[WEBSOCKET_HEAD_SIZE];
    open_gateway("live_connections_max = 10\n[gateway]\ndrain_deadline_ms = 100\n");
    (void)snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s\r\n", fixture.ann.token);
    struct websocket *socket = websocket_open(own.url, bearer);
    ck_assert_ptr_nonnull(socket);
    subscribe(socket);
    ck_assert_int_eq(program_end(own.pid, SIGTERM), EXIT_DRAIN);
    program_settings_remove(own.settings);
    websocket_free(socket);
}
END_TEST

static Suite *live_limits_suite(void)
{
    const TTest *const tests[] = {
        a_slow_reader_gets_the_latest_state,
        what_nobody_reads_is_bounded,
        whoever_takes_nothing_at_all_is_closed,
        too_many_messages,
        too_long_a_message,
        a_client_that_does_not_answer_a_ping_is_gone,
        an_event_stream_has_a_heartbeat,
        more_than_fit_are_notified_so,
        a_connection_that_is_lost_is_counted_as_such,
        a_drain_sends_everybody_away_at_different_times,
        a_drain_is_over_at_its_deadline_with_users_connected,
        NULL,
    };
    return fixture_suite("live_limits", tests);
}

int main(void)
{
    return suite_run(live_limits_suite());
}
