/*
 * Limits of live updates: slow readers, floods, idle clients, too many connections, a drain, and the metrics of them.
 * Each test starts a second gateway with small limits on the deployment's servers.
 *
 * Runs alone: the metrics of its gateway count the live updates of all auctions.
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
#include "tests/support/live_recording.h"
#include "tests/support/own_gateway.h"
#include "tests/support/websocket.h"

enum {
    CLOSED_MS = 30000, /* until a dead client is closed and counted */
    URL_SIZE = 64,
    SETTINGS_SIZE = 1024,
};

static struct own_gateway gateway;

/* Starts a gateway with these lines in [live]. */
static void start_gateway(const char *live)
{
    own_gateway_start(&gateway, client_format("[limits]\nbids_per_minute = 0\n[live]\n%s", live));
}

static int64_t metric(const char *name, const char *labels)
{
    struct client *client = client_new(gateway.metrics_url);
    const struct reply *reply = client_call(client, "GET", "/metrics", NULL);
    ck_assert_int_eq(reply->status, 200);
    exposition_check(reply->body);
    int64_t sum = exposition_sum(reply->body, name, labels);
    client_free(client);
    return sum;
}

static struct websocket *open_socket(void)
{
    struct websocket *socket = websocket_open(gateway.url, "");
    ck_assert_ptr_nonnull(socket);
    return socket;
}

static struct websocket *open_slow(void)
{
    struct websocket *socket = websocket_open_small(gateway.url);
    ck_assert_ptr_nonnull(socket);
    return socket;
}

static void subscribe(struct websocket *socket)
{
    ck_assert(websocket_send_text(socket,
                                  client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", fixture.auction)));
    ck_assert_ptr_nonnull(websocket_receive(socket, "snapshot"));
}

/* ---- slow readers ---- */

START_TEST(a_slow_reader_gets_the_latest_state)
{
    enum { PINGS = 4000, BIDS = 30 };
    int received = 0;
    start_gateway("live_kernel_buffer_bytes = 4096\nlive_buffer_bytes = 10000000\nlive_messages_max = 1000000\n");
    struct websocket *slow = open_slow();
    subscribe(slow);
    /* The pongs that it does not read fill the kernel's buffers and then the gateway's. */
    for (int i = 0; i < PINGS; i++) {
        ck_assert(
            websocket_send_text(slow, "{\"type\": \"ping\", \"id\": \"a rather long id, to fill the buffers soon\"}"));
    }
    SUITE_WAIT(metric("rostrum_live_messages_total", "kind=\"websocket\"") == PINGS + 1, WEBSOCKET_WAIT_MS);
    for (int i = 0; i < BIDS; i++) {
        const struct factory_user *who = i % 2 == 0 ? &fixture.ann : &fixture.bob;
        EXPECT_STATUS(factory_bid(fixture.client, who, fixture.auction, client_format("%d.00", 20 + i)), 200);
    }
    int64_t last = sql_int(fixture.sql, "SELECT version FROM auctions WHERE id = $1::uuid", fixture.auction, NULL);
    for (int64_t seq = 0; seq < last; received++) {
        const struct json *message = websocket_receive(slow, "bid_placed snapshot");
        ck_assert_msg(message != NULL, "the last version received is %lld of %lld", (long long)seq, (long long)last);
        seq = strtoll(websocket_text(message, "seq"), NULL, 10);
        if (received == 0) {
            ck_assert_str_eq(websocket_text(message, "type"), "snapshot");
        }
        if (seq == last) {
            ck_assert_str_eq(websocket_text(message, "currentBid"), client_format("%d.00", 20 + BIDS - 1));
        }
    }
    ck_assert_msg(received < BIDS, "%d messages for %d bids: no version was skipped", received, BIDS);
    ck_assert_int_gt((int)metric("rostrum_live_slow_snapshots_total", ""), 0);
    websocket_free(slow);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(a_full_send_buffer_closes_the_connection)
{
    enum { PINGS = 40000 };
    start_gateway("live_kernel_buffer_bytes = 4096\nlive_buffer_bytes = 4096\nlive_messages_max = 1000000\n");
    struct websocket *slow = open_slow();
    for (int i = 0; i < PINGS && websocket_send_text(slow, "{\"type\": \"ping\", \"id\": 1}"); i++) {
    }
    ck_assert_uint_eq(websocket_receive_close(slow), 1013);
    ck_assert_int_eq((int)metric("rostrum_live_closed_total", "code=\"1013\""), 1);
    websocket_free(slow);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(a_stalled_reader_is_closed)
{
    enum { PINGS = 20000 };
    start_gateway("live_kernel_buffer_bytes = 4096\nlive_buffer_bytes = 10000000\nlive_messages_max = 1000000\n"
                  "live_stall_s = 1\n");
    struct websocket *slow = open_slow();
    const char *ping = "{\"type\": \"ping\", \"id\": \"a rather long id, to fill them soon\"}";
    for (int i = 0; i < PINGS && websocket_send_text(slow, ping); i++) {
    }
    SUITE_WAIT(metric("rostrum_live_closed_total", "code=\"1013\"") == 1, CLOSED_MS);
    SUITE_WAIT(metric("rostrum_live_connections", "") == 0, CLOSED_MS);
    websocket_free(slow);
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- messages of clients ---- */

START_TEST(too_many_messages_close_the_connection)
{
    enum { LIMIT = 20 };
    start_gateway("live_messages_max = 20\nlive_messages_window_s = 600\n");
    struct websocket *socket = open_socket();
    for (int i = 0; i < LIMIT; i++) {
        ck_assert(websocket_send_text(socket, "{\"type\": \"ping\"}"));
        ck_assert_ptr_nonnull(websocket_receive(socket, "pong"));
    }
    ck_assert(websocket_send_text(socket, "{\"type\": \"ping\"}"));
    ck_assert_uint_eq(websocket_receive_close(socket), 1008);
    ck_assert(websocket_ended(socket));
    websocket_free(socket);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(an_oversized_message_closes_the_connection)
{
    char text[512];
    start_gateway("live_message_max_bytes = 256\n");
    struct websocket *socket = open_socket();
    int length = snprintf(text, sizeof(text), "{\"type\": \"ping\"}");
    memset(text + length, ' ', sizeof(text) - (size_t)length);
    ck_assert(websocket_send_frame(socket, WIRE_FIN | WIRE_TEXT, text, 256));
    ck_assert_ptr_nonnull(websocket_receive(socket, "pong"));
    ck_assert(websocket_send_frame(socket, WIRE_FIN | WIRE_TEXT, text, 257));
    ck_assert_uint_eq(websocket_receive_close(socket), 1009);
    websocket_free(socket);
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- idle clients ---- */

START_TEST(a_client_that_does_not_answer_a_ping_is_closed)
{
    struct wire_frame frame;
    start_gateway("live_ping_interval_s = 1\nlive_idle_timeout_s = 1\n");
    struct websocket *dead = open_socket();
    struct websocket *alive = open_socket();
    subscribe(alive);
    ck_assert_int_eq(websocket_next(dead, &frame, WEBSOCKET_WAIT_MS), WEBSOCKET_FRAME);
    ck_assert_int_eq(frame.first, WIRE_FIN | WIRE_PING);
    /* This client answers three pings while the other one times out. */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(websocket_next(alive, &frame, WEBSOCKET_WAIT_MS), WEBSOCKET_FRAME);
        ck_assert_int_eq(frame.first, WIRE_FIN | WIRE_PING);
        ck_assert(websocket_send_frame(alive, WIRE_FIN | WIRE_PONG, frame.payload, frame.length));
    }
    ck_assert_uint_eq(websocket_receive_close(dead), 1001);
    ck_assert(websocket_send_text(alive, "{\"type\": \"ping\"}"));
    ck_assert_ptr_nonnull(websocket_receive(alive, "pong"));
    websocket_free(dead);
    websocket_free(alive);
    own_gateway_stop(&gateway);
}
END_TEST

START_TEST(an_event_stream_sends_heartbeats)
{
    start_gateway("live_ping_interval_s = 1\nlive_idle_timeout_s = 1\n");
    struct events *events = events_open(gateway.url, fixture_path("/events"), "");
    int comments = 0;
    ck_assert_ptr_nonnull(events);
    ck_assert_ptr_nonnull(events_receive(events, "snapshot"));
    while (comments < 3) {
        const struct event_block *block = events_next(events);
        ck_assert_ptr_nonnull(block);
        comments += block->comment;
    }
    events_free(events);
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- number of connections ---- */

START_TEST(connections_over_the_limit_get_503)
{
    start_gateway("live_connections_max = 2\n");
    struct websocket *first = open_socket();
    struct events *second = events_open(gateway.url, fixture_path("/events"), "");
    ck_assert_ptr_nonnull(second);
    ck_assert_int_eq(events_status(second), 200);
    struct websocket *third = websocket_connect(gateway.url);
    ck_assert_int_eq(websocket_handshake(third, "/ws", ""), 503);
    struct events *fourth = events_open(gateway.url, fixture_path("/events"), "");
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
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- metrics ---- */

START_TEST(a_lost_connection_is_counted_without_a_close_code)
{
    start_gateway("");
    websocket_free(open_socket());
    SUITE_WAIT(metric("rostrum_live_closed_total", "code=\"none\"") == 1, CLOSED_MS);
    struct websocket *socket = open_socket();
    ck_assert(websocket_send_frame(socket, WIRE_FIN | WIRE_CLOSE, "\x03\xe8", 2));
    ck_assert_uint_eq(websocket_receive_close(socket), 1000);
    websocket_free(socket);
    SUITE_WAIT(metric("rostrum_live_connections", "") == 0, CLOSED_MS);
    ck_assert_int_eq((int)metric("rostrum_live_closed_total", "code=\"1000\""), 1);
    ck_assert_int_eq((int)metric("rostrum_live_closed_total", "code=\"none\""), 1);
    own_gateway_stop(&gateway);
}
END_TEST

/* ---- drain ---- */

/* Reads frames up to the close frame and copies its reason. */
static void read_close_reason(struct websocket *socket, char *out, size_t size)
{
    struct wire_frame frame;
    do {
        ck_assert_int_eq(websocket_next(socket, &frame, WEBSOCKET_WAIT_MS), WEBSOCKET_FRAME);
    } while (frame.first != (WIRE_FIN | WIRE_CLOSE));
    ck_assert_uint_eq(wire_close_code(&frame), 1001);
    (void)snprintf(out, size, "%.*s", (int)(frame.length - 2), (const char *)frame.payload + 2);
}

/* Not at once: a gateway that restarts needs about a second. */
START_TEST(a_drain_spreads_the_reconnects_of_its_clients)
{
    enum { SOCKETS = 20, LEAST_MS = 1000, SPREAD_MS = 1000 };
    struct websocket *sockets[SOCKETS];
    char reasons[SOCKETS][64];
    int different = 0;
    start_gateway(client_format("live_reconnect_ms = %d\n", SPREAD_MS));
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = open_socket();
        subscribe(sockets[i]);
    }
    struct events *events = events_open(gateway.url, fixture_path("/events"), "");
    ck_assert_ptr_nonnull(events);
    ck_assert_ptr_nonnull(events_receive(events, "snapshot"));
    ck_assert_int_eq(kill(gateway.pid, SIGTERM), 0);
    for (int i = 0; i < SOCKETS; i++) {
        char *end = NULL;
        static const char words[] = "reconnect in ";
        read_close_reason(sockets[i], reasons[i], sizeof(reasons[i]));
        ck_assert_msg(strncmp(reasons[i], words, strlen(words)) == 0, "%s", reasons[i]);
        long ms = strtol(reasons[i] + strlen(words), &end, 10);
        ck_assert_msg(strcmp(end, " ms") == 0 && ms >= LEAST_MS && ms <= LEAST_MS + SPREAD_MS, "%s", reasons[i]);
        different += i > 0 && strcmp(reasons[i], reasons[0]) != 0;
    }
    ck_assert_int_gt(different, 0);
    const struct event_block *block = events_next(events);
    ck_assert_ptr_nonnull(block);
    long retry_ms = strtol(block->retry, NULL, 10);
    ck_assert_msg(retry_ms >= LEAST_MS && retry_ms <= LEAST_MS + SPREAD_MS, "retry: %s", block->retry);
    ck_assert(events_ended(events));
    for (int i = 0; i < SOCKETS; i++) {
        websocket_free(sockets[i]);
    }
    events_free(events);
    ck_assert_int_eq(own_gateway_end(&gateway, 0), 0);
}
END_TEST

/* The gateway must end these connections before its link to Redis, where they still unsubscribe. */
START_TEST(a_drain_ends_at_its_deadline_with_users_connected)
{
    char bearer[WEBSOCKET_HEAD_SIZE];
    start_gateway("live_connections_max = 10\n[gateway]\ndrain_deadline_ms = 100\n");
    (void)snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s\r\n", fixture.ann.token);
    struct websocket *socket = websocket_open(gateway.url, bearer);
    ck_assert_ptr_nonnull(socket);
    subscribe(socket);
    ck_assert_int_eq(own_gateway_end(&gateway, SIGTERM), EXIT_DRAIN);
    websocket_free(socket);
}
END_TEST

static Suite *live_limits_suite(void)
{
    const TTest *const tests[] = {
        a_slow_reader_gets_the_latest_state,
        a_full_send_buffer_closes_the_connection,
        a_stalled_reader_is_closed,
        too_many_messages_close_the_connection,
        an_oversized_message_closes_the_connection,
        a_client_that_does_not_answer_a_ping_is_closed,
        an_event_stream_sends_heartbeats,
        connections_over_the_limit_get_503,
        a_lost_connection_is_counted_without_a_close_code,
        a_drain_spreads_the_reconnects_of_its_clients,
        a_drain_ends_at_its_deadline_with_users_connected,
        NULL,
    };
    return fixture_suite("live_limits", tests);
}

int main(void)
{
    if (!live_recording_begin()) {
        return EXIT_FAILURE;
    }
    bool passed = suite_run(live_limits_suite()) == EXIT_SUCCESS;
    return live_recording_check("part") && passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
