/*
 * common/io/broker against a real RabbitMQ (ROSTRUM_AMQP_URL): confirms and their failures, deliveries and their order,
 * and a link that is cut by a relay in the middle of the work. Queues and exchanges are this test's own and are
 * deleted at the end of each test.
 */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/broker.h"
#include "common/io/broker_consumer.h"
#include "common/protocol/topology.h"
#include "tests/support/relay.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 20000, /* for any single wait */
    NAME_SIZE = 64,
    URL_SIZE = 512,
};

static struct event_base *base;
static amqp_connection_state_t direct; /* a plain blocking connection that sets up and inspects queues */
static char url[URL_SIZE];
static struct amqp_connection_info server; /* parts of `url_parts` */
static char url_parts[URL_SIZE];
static char exchange[NAME_SIZE];
static char queue[NAME_SIZE];

/* ---- setting up */

static void ck_reply(amqp_rpc_reply_t reply)
{
    ck_assert_int_eq(reply.reply_type, AMQP_RESPONSE_NORMAL);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

/* Runs the loop until the condition holds. */
#define LOOP_UNTIL(condition)                                                                                          \
    do {                                                                                                               \
        int64_t give_up_ms = clock_mono_ms() + DEADLINE_MS;                                                            \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(clock_mono_ms() < give_up_ms, "not true in time: %s", #condition);                           \
            ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);                                                   \
        }                                                                                                              \
    } while (0)

static struct event *look;

static void set_up(void)
{
    const char *given = getenv("ROSTRUM_AMQP_URL");
    ck_assert_msg(given != NULL, "ROSTRUM_AMQP_URL is not set");
    (void)snprintf(url, sizeof url, "%s", given);
    (void)snprintf(url_parts, sizeof url_parts, "%s", given);
    ck_assert_int_eq(amqp_parse_url(url_parts, &server), AMQP_STATUS_OK);
    (void)snprintf(exchange, sizeof exchange, "test.broker.%d", (int)getpid());
    (void)snprintf(queue, sizeof queue, "test.broker.%d.queue", (int)getpid());

    direct = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(direct);
    ck_assert_int_eq(amqp_socket_open(socket, server.host, server.port), AMQP_STATUS_OK);
    ck_reply(amqp_login(direct, server.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, server.user, server.password));
    (void)amqp_channel_open(direct, 1);
    ck_reply(amqp_get_rpc_reply(direct));
    (void)amqp_exchange_declare(direct, 1, amqp_cstring_bytes(exchange), amqp_cstring_bytes("topic"), 0, 1, 0, 0,
                                amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(direct));

    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    look = event_new(base, -1, EV_PERSIST, on_look, NULL);
    struct timeval every = {.tv_usec = SUITE_LOOK_MS * 1000L};
    ck_assert_int_eq(event_add(look, &every), 0);
}

static void tear_down(void)
{
    (void)amqp_queue_delete(direct, 1, amqp_cstring_bytes(queue), 0, 0);
    (void)amqp_exchange_delete(direct, 1, amqp_cstring_bytes(exchange), 0);
    amqp_destroy_connection(direct);
    event_free(look);
    event_base_free(base);
}

/* A quorum queue bound to every key. max_length 0: unbounded, otherwise with reject-publish. */
static void make_queue(int max_length)
{
    amqp_table_entry_t entries[] = {
        {.key = amqp_cstring_bytes("x-queue-type"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes("quorum")}}},
        {.key = amqp_cstring_bytes("x-single-active-consumer"),
         .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value = {.boolean = 1}}},
        {.key = amqp_cstring_bytes("x-overflow"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes("reject-publish")}}},
        {.key = amqp_cstring_bytes("x-max-length"),
         .value = {.kind = AMQP_FIELD_KIND_I32, .value = {.i32 = max_length}}},
    };
    amqp_table_t arguments = {.num_entries = max_length > 0 ? 4 : 2, .entries = entries};
    (void)amqp_queue_declare(direct, 1, amqp_cstring_bytes(queue), 0, 1, 0, 0, arguments);
    ck_reply(amqp_get_rpc_reply(direct));
    (void)amqp_queue_bind(direct, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange), amqp_cstring_bytes("#"),
                          amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(direct));
}

static struct broker *make_broker(const char *to, size_t unconfirmed_max)
{
    struct broker_options options = {
        .base = base,
        .url = to,
        .name = "broker_test",
        .heartbeat_s = 10,
        .connect_timeout_ms = 5000,
        .unconfirmed_max = unconfirmed_max,
    };
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    return broker;
}

/* ---- publishing */

enum { VERDICTS = 4 };
static size_t verdicts[VERDICTS];
static size_t verdicts_all;

static void count_verdict(enum broker_verdict verdict, void *arg)
{
    verdicts[verdict]++;
    verdicts_all++;
    uint8_t *times = arg;
    if (times != NULL) {
        (*times)++;
    }
}

static bool publish(struct broker *broker, const char *key, const void *body, size_t length, uint8_t *times)
{
    struct broker_message message = {
        .exchange = exchange, .routing_key = key, .body = body, .length = length, .message_id = "m1"};
    return broker_publish(broker, &message, count_verdict, times);
}

/* ---- consuming */

enum { SEEN_MAX = 4096 };

struct seen {
    uint64_t tags[SEEN_MAX];
    int numbers[SEEN_MAX]; /* most bodies of this test are numbers */
    bool redelivered[SEEN_MAX];
    int64_t delivery_counts[SEEN_MAX];
    size_t count;
    size_t gone;
    size_t length; /* of the last message */
    uint32_t sum;  /* of its bytes */
    char key[256]; /* of the last message */
    char message_id[256];
    bool ack;           /* acks each delivery at once */
    size_t close_after; /* closes itself inside the callback after this many; 0: never */
    bool closed;
};
static struct seen seen;

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    struct seen *into = arg;
    ck_assert_msg(!into->closed, "a delivery after the consumer was closed");
    ck_assert_uint_lt(into->count, SEEN_MAX);
    char number[16] = "";
    memcpy(number, delivery->body, delivery->length < sizeof number - 1 ? delivery->length : sizeof number - 1);
    into->tags[into->count] = delivery->tag;
    into->redelivered[into->count] = delivery->redelivered;
    into->delivery_counts[into->count] = delivery->delivery_count;
    into->numbers[into->count] = (int)strtol(number, NULL, 10);
    into->count++;
    into->length = delivery->length;
    into->sum = 0;
    for (size_t i = 0; i < delivery->length; i++) {
        into->sum = into->sum * 31 + ((const uint8_t *)delivery->body)[i];
    }
    (void)snprintf(into->key, sizeof into->key, "%s", delivery->routing_key);
    (void)snprintf(into->message_id, sizeof into->message_id, "%s", delivery->message_id);
    if (into->ack) {
        ck_assert(broker_ack(consumer, delivery->tag, false));
    }
    if (into->close_after == into->count) {
        into->closed = true;
        broker_consumer_close(consumer);
    }
}

static void on_gone(struct broker_consumer *consumer, void *arg)
{
    (void)consumer;
    struct seen *into = arg;
    into->gone++;
}

static struct broker_consumer *consume(struct broker *broker, struct seen *into)
{
    struct broker_consumer_options options = {
        .queue = queue, .prefetch = 100, .deliver = on_deliver, .gone = on_gone, .arg = into};
    struct broker_consumer *consumer = broker_consume(broker, &options);
    ck_assert_ptr_nonnull(consumer);
    return consumer;
}

static void publish_numbers(struct broker *broker, int from, int to)
{
    size_t before = verdicts[BROKER_CONFIRMED];
    for (int i = from; i < to; i++) {
        char body[16];
        int length = snprintf(body, sizeof body, "%d", i);
        ck_assert(publish(broker, "some.key", body, (size_t)length, NULL));
    }
    LOOP_UNTIL(verdicts[BROKER_CONFIRMED] == before + (size_t)(to - from));
}

/* ---- publishing tests */

START_TEST(a_message_is_confirmed_after_publish_returned)
{
    make_queue(0);
    struct broker *broker = make_broker(url, 10);
    ck_assert_int_eq(broker_state(broker), BROKER_DOWN);
    ck_assert(!publish(broker, "a", "x", 1, NULL));
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    ck_assert_str_eq(broker_error(broker), "");
    ck_assert(publish(broker, "a", "x", 1, NULL));
    ck_assert_uint_eq(verdicts_all, 0); /* never from within broker_publish */
    ck_assert_uint_eq(broker_unconfirmed(broker), 1);
    LOOP_UNTIL(verdicts_all == 1);
    ck_assert_uint_eq(verdicts[BROKER_CONFIRMED], 1);
    ck_assert_uint_eq(broker_unconfirmed(broker), 0);
    for (int i = 0; i < 10; i++) {
        ck_assert(publish(broker, "a", "x", 1, NULL));
    }
    ck_assert(!publish(broker, "a", "x", 1, NULL)); /* unconfirmed_max */
    LOOP_UNTIL(verdicts[BROKER_CONFIRMED] == 11);
    broker_free(broker);
}
END_TEST

START_TEST(a_full_queue_nacks)
{
    make_queue(5);
    struct broker *broker = make_broker(url, 1000);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    while (verdicts[BROKER_NACKED] == 0) { /* the limit is soft: messages in flight may still be accepted */
        ck_assert_uint_lt(verdicts_all, 1000);
        size_t before = verdicts_all;
        ck_assert(publish(broker, "a", "x", 1, NULL));
        LOOP_UNTIL(verdicts_all == before + 1);
    }
    ck_assert_uint_ge(verdicts[BROKER_CONFIRMED], 5);
    broker_free(broker);
}
END_TEST

START_TEST(a_message_with_an_unbound_key_is_returned)
{
    make_queue(0);
    struct broker *broker = make_broker(url, 1000);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    (void)amqp_queue_unbind(direct, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange), amqp_cstring_bytes("#"),
                            amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(direct));
    (void)amqp_queue_bind(direct, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
                          amqp_cstring_bytes("bound.#"), amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(direct));
    for (int i = 0; i < 100; i++) { /* mixed with routable messages, so order alone cannot match verdicts to messages */
        ck_assert(publish(broker, i % 3 == 0 ? "elsewhere" : "bound.here", "x", (size_t)(i % 2), NULL));
    }
    LOOP_UNTIL(verdicts_all == 100);
    ck_assert_uint_eq(verdicts[BROKER_RETURNED], 34);
    ck_assert_uint_eq(verdicts[BROKER_CONFIRMED], 66);
    broker_free(broker);
}
END_TEST

START_TEST(messages_in_flight_are_confirmed_once_each)
{
    enum { MESSAGES = 20000, IN_FLIGHT = 1000 };
    static uint8_t times[MESSAGES];
    char body[300];
    memset(body, 'b', sizeof body);
    make_queue(0);
    struct broker *broker = make_broker(url, IN_FLIGHT);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    for (size_t next = 0; next < MESSAGES;) {
        while (next < MESSAGES && publish(broker, "a", body, sizeof body, &times[next])) {
            next++;
        }
        ck_assert_uint_le(broker_unconfirmed(broker), IN_FLIGHT);
        size_t before = verdicts_all;
        LOOP_UNTIL(verdicts_all > before);
    }
    LOOP_UNTIL(broker_unconfirmed(broker) == 0);
    ck_assert_uint_eq(verdicts[BROKER_CONFIRMED], MESSAGES);
    for (size_t i = 0; i < MESSAGES; i++) {
        ck_assert_uint_eq(times[i], 1);
    }
    broker_free(broker);
}
END_TEST

START_TEST(a_missing_exchange_restarts_the_link)
{
    make_queue(0);
    struct broker *broker = make_broker(url, 10);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    struct broker_message message = {.exchange = "test.broker.nowhere", .routing_key = "a", .body = "x", .length = 1};
    ck_assert(broker_publish(broker, &message, count_verdict, NULL));
    LOOP_UNTIL(verdicts[BROKER_UNKNOWN] == 1);
    ck_assert_ptr_nonnull(strstr(broker_error(broker), "nowhere"));
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    ck_assert(publish(broker, "a", "x", 1, NULL));
    LOOP_UNTIL(verdicts[BROKER_CONFIRMED] == 1);
    broker_free(broker);
}
END_TEST

START_TEST(a_broker_can_be_freed_with_messages_in_flight)
{
    make_queue(0);
    struct broker *broker = make_broker(url, 10);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    for (int i = 0; i < 10; i++) {
        ck_assert(publish(broker, "a", "x", 1, NULL));
    }
    (void)consume(broker, &seen);
    broker_free(broker);
    ck_assert_uint_eq(verdicts[BROKER_UNKNOWN], 10);
    ck_assert_uint_eq(seen.gone, 0);
}
END_TEST

/* ---- consuming tests */

START_TEST(unacked_messages_are_redelivered_in_order_after_a_close)
{
    make_queue(0);
    struct broker *publisher = make_broker(url, 1000);
    struct broker *broker = make_broker(url, 10);
    LOOP_UNTIL(broker_state(publisher) == BROKER_UP);
    struct broker_consumer *first = consume(broker, &seen); /* before the link is up */
    publish_numbers(publisher, 0, 50);
    LOOP_UNTIL(seen.count == 50);
    ck_assert_str_eq(seen.key, "some.key");
    ck_assert_str_eq(seen.message_id, "m1");
    ck_assert(broker_ack(first, seen.tags[19], true)); /* 0 to 19 */
    broker_consumer_close(first);
    static struct seen again;
    struct broker_consumer *second = consume(broker, &again);
    publish_numbers(publisher, 50, 60);
    LOOP_UNTIL(again.count == 40);
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(again.numbers[i], 20 + i);
        ck_assert(again.redelivered[i] ||
                  i >= 30); /* the later ones may have been delivered on the old channel as well */
        ck_assert_int_eq(again.delivery_counts[i], again.redelivered[i]);
    }
    ck_assert_uint_eq(seen.count, 50);
    ck_assert_uint_eq(seen.gone, 0);
    ck_assert(broker_ack(second, again.tags[39], true));
    broker_consumer_close(second);
    broker_free(publisher);
    broker_free(broker); /* sends the ack first */

    static struct seen rest;
    struct broker *after = make_broker(url, 10);
    (void)consume(after, &rest);
    publisher = make_broker(url, 10);
    LOOP_UNTIL(broker_state(publisher) == BROKER_UP);
    publish_numbers(publisher, 60, 61);
    LOOP_UNTIL(rest.count >= 1);
    ck_assert_int_eq(rest.numbers[0], 60);
    broker_free(publisher);
    broker_free(after);
}
END_TEST

START_TEST(a_consumer_can_be_closed_inside_its_callback)
{
    make_queue(0);
    struct broker *broker = make_broker(url, 1000);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    publish_numbers(broker, 0, 50);
    seen.close_after = 10;
    (void)consume(broker, &seen);
    LOOP_UNTIL(seen.count == 10);
    static struct seen again;
    again.ack = true;
    (void)consume(broker, &again);
    LOOP_UNTIL(again.count == 50);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(again.numbers[i], i);
    }
    ck_assert_uint_eq(seen.count, 10);
    broker_free(broker);
}
END_TEST

START_TEST(bodies_of_every_size_are_delivered_unchanged)
{
    static const size_t sizes[] = {0, 1, 131063, 131064, 131065, 262128, 300000, 2000000};
    static uint8_t body[2000000];
    for (size_t i = 0; i < sizeof body; i++) {
        body[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    make_queue(0);
    struct broker *broker = make_broker(url, 10);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    seen.ack = true;
    (void)consume(broker, &seen);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        ck_assert(publish(broker, "a", body, sizes[i], NULL));
        LOOP_UNTIL(seen.count == i + 1);
        uint32_t sum = 0;
        for (size_t j = 0; j < sizes[i]; j++) {
            sum = sum * 31 + body[j];
        }
        ck_assert_uint_eq(seen.length, sizes[i]);
        ck_assert_uint_eq(seen.sum, sum);
    }
    LOOP_UNTIL(verdicts[BROKER_CONFIRMED] == ARRAY_LEN(sizes));
    broker_free(broker);
}
END_TEST

START_TEST(a_deleted_queue_is_subscribed_again)
{
    make_queue(0);
    struct broker *publisher = make_broker(url, 100);
    struct broker *broker = make_broker(url, 100);
    LOOP_UNTIL(broker_state(publisher) == BROKER_UP && broker_state(broker) == BROKER_UP);
    struct broker_consumer *consumer = consume(broker, &seen);
    publish_numbers(publisher, 0, 3);
    LOOP_UNTIL(seen.count == 3);
    (void)amqp_queue_delete(direct, 1, amqp_cstring_bytes(queue), 0, 0);
    ck_reply(amqp_get_rpc_reply(direct));
    LOOP_UNTIL(seen.gone == 1);
    ck_assert(!broker_ack(consumer, seen.tags[2], true));
    make_queue(0);
    publish_numbers(publisher, 3, 4);
    LOOP_UNTIL(seen.count == 4);
    ck_assert_int_eq(seen.numbers[3], 3);
    ck_assert_uint_gt(seen.tags[3], seen.tags[2]);
    ck_assert(!broker_ack(consumer, seen.tags[0], false)); /* of the earlier subscription */
    ck_assert(broker_ack(consumer, seen.tags[3], true));
    ck_assert_uint_eq(seen.gone, 1);
    broker_free(broker);
    broker_free(publisher);
}
END_TEST

START_TEST(consumers_are_bounded_by_channels)
{
    struct broker *broker = make_broker(url, 10);
    struct broker_consumer_options options = {.queue = queue, .prefetch = 1, .deliver = on_deliver, .arg = &seen};
    for (int i = 0; i < 254; i++) { /* 255 channels, one of which publishes */
        (void)consume(broker, &seen);
    }
    ck_assert_ptr_null(broker_consume(broker, &options));
    broker_free(broker);
}
END_TEST

/* Our channel.close and the server's cross on the wire, because the queue does not exist. */
START_TEST(crossing_closes_free_the_channel)
{
    make_queue(0);
    struct broker *broker = make_broker(url, 100);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    struct broker_consumer_options options = {
        .queue = "test.broker.nowhere", .prefetch = 1, .deliver = on_deliver, .arg = &seen};
    for (int i = 0; i < 1000; i++) { /* far more than there are channels: NULL until some are free again */
        struct broker_consumer *consumer = NULL;
        LOOP_UNTIL((consumer = broker_consume(broker, &options)) != NULL);
        broker_consumer_close(consumer);
    }
    seen.ack = true;
    options.queue = queue;
    LOOP_UNTIL(broker_consume(broker, &options) != NULL);
    publish_numbers(broker, 0, 3);
    LOOP_UNTIL(seen.count == 3);
    ck_assert_int_eq(broker_state(broker), BROKER_UP);
    broker_free(broker);
}
END_TEST

/* ---- connection tests */

START_TEST(a_missing_queue_keeps_the_link_down)
{
    char missing[NAME_SIZE + 8];
    (void)snprintf(missing, sizeof missing, "%s.missing", queue);
    make_queue(0);
    const char *exchanges[] = {exchange, NULL};
    const char *queues[] = {queue, missing, NULL};
    struct broker_options options = {.base = base,
                                     .url = url,
                                     .name = "broker_test",
                                     .heartbeat_s = 10,
                                     .connect_timeout_ms = 5000,
                                     .unconfirmed_max = 10,
                                     .require_exchanges = exchanges,
                                     .require_queues = queues};
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    LOOP_UNTIL(strstr(broker_error(broker), missing) != NULL);
    ck_assert_int_eq(broker_state(broker), BROKER_DOWN);
    (void)amqp_queue_declare(direct, 1, amqp_cstring_bytes(missing), 0, 1, 0, 0, amqp_empty_table);
    ck_reply(amqp_get_rpc_reply(direct));
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    (void)amqp_queue_delete(direct, 1, amqp_cstring_bytes(missing), 0, 0);
    ck_reply(amqp_get_rpc_reply(direct));
    broker_free(broker);
}
END_TEST

START_TEST(a_wrong_password_keeps_the_link_down)
{
    char wrong[URL_SIZE];
    (void)snprintf(wrong, sizeof wrong, "amqp://%s:wrong@%s:%d/", server.user, server.host, server.port);
    struct broker *broker = make_broker(wrong, 10);
    LOOP_UNTIL(strstr(broker_error(broker), "ACCESS_REFUSED") != NULL);
    ck_assert_int_eq(broker_state(broker), BROKER_DOWN);
    broker_free(broker);
}
END_TEST

START_TEST(an_invalid_url_is_refused)
{
    struct broker_options options = {.base = base,
                                     .url = "http://127.0.0.1/",
                                     .name = "broker_test",
                                     .connect_timeout_ms = 1000,
                                     .unconfirmed_max = 1};
    ck_assert_ptr_null(broker_new(&options));
}
END_TEST

/* ---- behind a relay that can cut the link or stop forwarding */

static struct relay relay;
static char relay_url[URL_SIZE];
static size_t heartbeats[2]; /* heartbeats in a segment of their own, by sender */

static void see_heartbeats(size_t from, const uint8_t *bytes, size_t length, void *arg)
{
    (void)arg;
    static const uint8_t heartbeat[] = {AMQP_FRAME_HEARTBEAT, 0, 0, 0, 0, 0, 0, AMQP_FRAME_END};
    if (length == sizeof heartbeat && memcmp(bytes, heartbeat, sizeof heartbeat) == 0) {
        heartbeats[from]++;
    }
}

static void open_relay(bool silent)
{
    relay =
        (struct relay){.base = base, .host = server.host, .port = server.port, .silent = silent, .see = see_heartbeats};
    relay_open(&relay);
    (void)snprintf(relay_url, sizeof relay_url, "amqp://%s:%s@127.0.0.1:%d/%s", server.user, server.password,
                   relay.listen_port, server.vhost[0] == '/' ? "" : server.vhost);
}

START_TEST(a_cut_link_is_restored_and_unacked_messages_redelivered)
{
    make_queue(0);
    open_relay(false);
    struct broker *broker = make_broker(relay_url, 1000);
    struct broker_consumer *consumer = consume(broker, &seen);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    publish_numbers(broker, 0, 10);
    LOOP_UNTIL(seen.count == 10);
    for (int i = 0; i < 100; i++) {
        ck_assert(publish(broker, "some.key", "1000", 4, NULL));
    }
    relay_cut(&relay); /* none of the hundred was sent */
    LOOP_UNTIL(verdicts_all == 110);
    ck_assert_uint_eq(verdicts[BROKER_UNKNOWN], 100);
    ck_assert_uint_eq(seen.gone, 1);
    ck_assert_int_eq(broker_state(broker), BROKER_DOWN);
    ck_assert_str_ne(broker_error(broker), "");
    ck_assert(!publish(broker, "some.key", "x", 1, NULL));
    ck_assert(!broker_ack(consumer, seen.tags[0], false));
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    LOOP_UNTIL(seen.count == 20); /* all ten are redelivered */
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(seen.numbers[10 + i], i);
        ck_assert(seen.redelivered[10 + i]);
    }
    ck_assert(broker_ack(consumer, seen.tags[19], true));
    publish_numbers(broker, 10, 11);
    LOOP_UNTIL(seen.count == 21);
    ck_assert_uint_eq(seen.gone, 1);
    broker_free(broker);
    relay_close(&relay);
}
END_TEST

START_TEST(a_broker_can_be_freed_while_connecting)
{
    open_relay(true);
    struct broker *broker = make_broker(relay_url, 10);
    LOOP_UNTIL(relay.pairs == 1);
    broker_free(broker);
    relay_close(&relay);
}
END_TEST

static long threads(void)
{
    char line[128];
    long count = 0;
    FILE *status = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(status);
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "Threads:", 8) == 0) {
            count = strtol(line + 8, NULL, 10);
        }
    }
    (void)fclose(status);
    return count;
}

/*
 * The server does not complete the TCP handshake, because its backlog is full. Nothing can wake the connecting thread.
 * So it is detached, and frees its memory when its timeout has passed.
 */
START_TEST(a_broker_can_be_freed_before_the_tcp_handshake_completes)
{
#if defined(__SANITIZE_THREAD__)
    enum { FILLERS = 4, OTHERS = 3 }; /* ThreadSanitizer runs one thread, and one more after a fork */
#else
    enum { FILLERS = 4, OTHERS = 1 };
#endif
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 0), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    int fillers[FILLERS];
    for (size_t i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    char to[URL_SIZE];
    (void)snprintf(to, sizeof to, "amqp://guest:guest@127.0.0.1:%d/", ntohs(address.sin_port));
    struct broker_options options = {
        .base = base, .url = to, .name = "broker_test", .connect_timeout_ms = 2000, .unconfirmed_max = 10};
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    LOOP_UNTIL(threads() == OTHERS + 1);
    broker_free(broker);
    SUITE_WAIT(threads() == OTHERS, DEADLINE_MS);
    for (size_t i = 0; i < FILLERS; i++) {
        (void)close(fillers[i]);
    }
    (void)close(listener);
}
END_TEST

START_TEST(a_silent_server_is_given_up)
{
    open_relay(true);
    struct broker_options options = {.base = base,
                                     .url = relay_url,
                                     .name = "broker_test",
                                     .heartbeat_s = 10,
                                     .connect_timeout_ms = 200,
                                     .unconfirmed_max = 10};
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    LOOP_UNTIL(relay.pairs == 3);
    ck_assert_int_eq(broker_state(broker), BROKER_DOWN);
    ck_assert_ptr_nonnull(strstr(broker_error(broker), "login"));
    broker_free(broker);
    relay_close(&relay);
}
END_TEST

/* The relay stops forwarding, with the connections open, so heartbeats are missed. */
START_TEST(missed_heartbeats_close_the_link)
{
    make_queue(0);
    open_relay(false);
    struct broker_options options = {.base = base,
                                     .url = relay_url,
                                     .name = "broker_test",
                                     .heartbeat_s = 1,
                                     .connect_timeout_ms = 5000,
                                     .unconfirmed_max = 10};
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    LOOP_UNTIL(heartbeats[0] >= 5 && heartbeats[1] >= 5); /* an idle link stays open */
    ck_assert_int_eq(broker_state(broker), BROKER_UP);
    ck_assert_uint_eq(relay.pairs, 1);
    relay_freeze(&relay);
    ck_assert(publish(broker, "a", "x", 1, NULL));
    LOOP_UNTIL(broker_state(broker) == BROKER_DOWN);
    ck_assert_ptr_nonnull(strstr(broker_error(broker), "heartbeat"));
    ck_assert_uint_eq(verdicts[BROKER_UNKNOWN], 1);
    LOOP_UNTIL(broker_state(broker) == BROKER_UP);
    broker_free(broker);
    relay_close(&relay);
}
END_TEST

/* ---- names */

START_TEST(test_names)
{
    char name[TOPOLOGY_QUEUE_SIZE];
    char key[TOPOLOGY_KEY_SIZE];
    char expected[TOPOLOGY_KEY_SIZE];
    topology_shard_name(&topology_bids, 7, name);
    ck_assert_str_eq(name, "bids.shard.07");
    topology_shard_name(&topology_bids, 99, name);
    ck_assert_str_eq(name, "bids.shard.99");
    struct uuid id;
    const char *text = "01890a5d-ac96-774b-bcce-b302099a8057";
    ck_assert(uuid_parse(text, strlen(text), &id));
    topology_key(&topology_bids, &id, 16, key);
    (void)snprintf(expected, sizeof expected, "bids.auction.%s.%02u", text, ids_shard(&id, 16));
    ck_assert_str_eq(key, expected);
    topology_shard_name(&topology_sales, 99, name);
    ck_assert_str_eq(name, "sales.shard.99");
    topology_key(&topology_sales, &id, 100, key);
    (void)snprintf(expected, sizeof expected, "sales.sale.%s.%02u", text, ids_shard(&id, 100));
    ck_assert_str_eq(key, expected);
    topology_exchange(&topology_sales, &id, 16, name);
    (void)snprintf(expected, sizeof expected, "sales.shard.%02u", ids_shard(&id, 16));
    ck_assert_str_eq(name, expected);
}
END_TEST

static Suite *broker_suite(void)
{
    const struct {
        const char *name;
        const TTest *test;
    } tests[] = {
        {"confirm", a_message_is_confirmed_after_publish_returned},
        {"full queue nacks", a_full_queue_nacks},
        {"unbound key returns", a_message_with_an_unbound_key_is_returned},
        {"many in flight", messages_in_flight_are_confirmed_once_each},
        {"missing exchange", a_missing_exchange_restarts_the_link},
        {"freed in flight", a_broker_can_be_freed_with_messages_in_flight},
        {"order and redelivery", unacked_messages_are_redelivered_in_order_after_a_close},
        {"close inside deliver", a_consumer_can_be_closed_inside_its_callback},
        {"bodies of every size", bodies_of_every_size_are_delivered_unchanged},
        {"deleted queue", a_deleted_queue_is_subscribed_again},
        {"all channels", consumers_are_bounded_by_channels},
        {"crossing closes", crossing_closes_free_the_channel},
        {"missing queue", a_missing_queue_keeps_the_link_down},
        {"wrong password", a_wrong_password_keeps_the_link_down},
        {"URL that is none", an_invalid_url_is_refused},
        {"cut link", a_cut_link_is_restored_and_unacked_messages_redelivered},
        {"freed while connecting", a_broker_can_be_freed_while_connecting},
        {"freed without an answer", a_broker_can_be_freed_before_the_tcp_handshake_completes},
        {"silent server", a_silent_server_is_given_up},
        {"missed heartbeats", missed_heartbeats_close_the_link},
        {"names", test_names},
    };
    Suite *suite = suite_create("broker");
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        TCase *one = tcase_create(tests[i].name);
        tcase_add_checked_fixture(one, set_up, tear_down);
        tcase_add_test(one, tests[i].test);
        suite_add_tcase(suite, one);
    }
    return suite;
}

int main(void)
{
    return suite_run(broker_suite());
}
