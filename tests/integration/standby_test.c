/*
 * Publishing and consuming with several hosts in amqp_url. The hosts are relays to one real RabbitMQ, so that each can
 * be silent or gone while the queues stay. Published bids: every one is confirmed once, in order, whichever node is
 * left. tests/integration/rabbit_cluster_test.c does the same with a real cluster.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/broker_consumer.h"
#include "common/io/broker_url.h"
#include "common/protocol/topology.h"
#include "common/protocol/topology_prepare.h"
#include "gateway/bid/bid_family.h"
#include "gateway/submit/publisher.h"
#include "tests/support/loop.h"
#include "tests/support/queues.h"
#include "tests/support/relay.h"
#include "tests/support/sql.h"

enum {
    TEST_DEADLINE_MS = 30000, /* for any single wait */
    BIDS_MAX = 16,
    HOSTS_MAX = 3,
    SHARE_MAX = 4,
    SENT = 1 + SHARE_MAX, /* bids of the first two messages, which are published before any confirm */
    LONG_MS = 20000,      /* a deadline that no test reaches */
    LEAVE_MS = 500,       /* a confirm deadline after which a node is left */
    FULL_MS = 3000,       /* a confirm deadline after which a queue is full */
    SEEN_MAX = 8,
    BACKOFF_MAX_MS = 1000, /* of the publisher after a nack */
};

struct bid {
    struct publisher_item bid;
    int verdict;
    int verdicts; /* number of verdicts it got */
    int64_t at_ms;
};

static struct event_base *base;
static struct config config;
static struct broker *broker;
static unsigned shards;
static struct publisher *publisher;
static struct relay relays[HOSTS_MAX];
static size_t hosts;
static struct queues *queues;
static struct uuid auction;
static char exchange[TOPOLOGY_QUEUE_SIZE];
static char tap[QUEUES_NAME_SIZE];
static struct bid bids[BIDS_MAX];
static size_t changes; /* of the broker's state */

/* --- the fixture --- */

static const char *need(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set", name);
    return value;
}

/* Opens `count` relays, and writes the URL that names all of them. */
static void open_hosts(size_t count, char url[static RELAY_URL_SIZE])
{
    const char *given = need("ROSTRUM_AMQP_URL");
    hosts = count;
    size_t used = (size_t)(strchr(given, '@') + 1 - given);
    (void)snprintf(url, RELAY_URL_SIZE, "%.*s", (int)used, given);
    for (size_t i = 0; i < count; i++) {
        char relayed[RELAY_URL_SIZE];
        relays[i] = (struct relay){.base = base};
        relay_open_url(&relays[i], given, relayed);
        used += (size_t)snprintf(url + used, RELAY_URL_SIZE - used, "%s127.0.0.1:%d", i == 0 ? "" : ",",
                                 relays[i].listen_port);
    }
    (void)snprintf(url + used, RELAY_URL_SIZE - used, "%s", strchr(strchr(given, '@'), '/'));
}

/* The relay of the broker's first or second connection. */
static struct relay *relay_of(size_t connection)
{
    return &relays[broker_url_first(hosts, (int)getpid(), connection)];
}

static void on_change(struct broker *of, enum broker_state state, void *arg)
{
    (void)of;
    (void)state;
    (void)arg;
    changes++;
}

static void connect_to(const char *url)
{
    struct broker_options options = {.base = base,
                                     .url = url,
                                     .name = "standby_test",
                                     .heartbeat_s = 60,
                                     .connect_timeout_ms = TEST_DEADLINE_MS,
                                     .unconfirmed_max = BIDS_MAX + TOPOLOGY_SHARDS_MAX,
                                     .confirm_deadline_ms = LEAVE_MS,
                                     .on_change = on_change};
    broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    publisher_connect(publisher, broker, shards);
    ck_assert(topology_prepare_shards(broker, &topology_bids, shards));
}

/* Probes arrive by way of the tap, too; each connection sends one to it. */
static void expect_probes(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct queues_message message;
        LOOP_UNTIL(base, queues_take(queues, tap, &message), TEST_DEADLINE_MS);
        ck_assert_uint_eq(message.length, 0);
        free(message.body);
    }
    LOOP_UNTIL(base, broker_unconfirmed(broker) == 0, TEST_DEADLINE_MS);
}

/* Connects the publisher to `count` hosts; returns when both of its connections are proved and the first one is active.
 */
static void connect_hosts(size_t count)
{
    char url[RELAY_URL_SIZE];
    open_hosts(count, url);
    ck_assert_int_eq(evconnlistener_disable(relay_of(1)->listener), 0);
    connect_to(url);
    LOOP_UNTIL(base, broker_state(broker) == BROKER_UP, TEST_DEADLINE_MS);
    ck_assert_int_eq(evconnlistener_enable(relay_of(1)->listener), 0);
    expect_probes(2);
    changes = 0;
}

static unsigned shards_on_record(void)
{
    struct sql *sql = sql_open(need("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(sql);
    unsigned count = sql_shards(sql);
    sql_close(sql);
    ck_assert_uint_gt(count, 0);
    return count;
}

static void set_up(void)
{
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    config = (struct config){
        .confirm_deadline_ms = LONG_MS, .publish_pending_max_bids = BIDS_MAX, .share_max_bids = SHARE_MAX};
    shards = shards_on_record();
    publisher = publisher_new(base, &config, &bid_family, (size_t)config.publish_pending_max_bids);
    ck_assert_ptr_nonnull(publisher);
    queues = queues_open();
    queues_purge_shards(queues, shards);
    auction = uuid_new();
    topology_exchange(&topology_bids, &auction, shards, exchange);
    queues_tap(queues, exchange, "", tap);
    memset(bids, 0, sizeof bids);
    hosts = 0;
}

static void tear_down(void)
{
    broker_free(broker);
    publisher_free(publisher);
    for (size_t i = 0; i < hosts; i++) {
        if (relays[i].listener != NULL) {
            relay_close(&relays[i]);
        }
    }
    queues_purge_shards(queues, shards);
    queues_close(queues);
    event_base_free(base);
}

static void on_done(struct publisher_item *bid, enum publisher_verdict verdict)
{
    struct bid *of = bid->arg;
    of->verdict = (int)verdict;
    of->verdicts++;
    of->at_ms = clock_boot_ms();
}

static void submit(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        struct bid *bid = &bids[i];
        bid->bid = (struct publisher_item){.command.bid = {.kind = COMMAND_BID,
                                                           .id = uuid_new(),
                                                           .auction_id = auction,
                                                           .user_id = uuid_new(),
                                                           .amount = (int64_t)i + 1,
                                                           .received_ms = clock_now_ms()},
                                           .received_boot_ms = clock_boot_ms(),
                                           .done = on_done,
                                           .arg = bid};
        ck_assert(publisher_submit(publisher, &bid->bid));
    }
}

static bool all_have_verdicts(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        if (bids[i].verdicts == 0) {
            return false;
        }
    }
    return true;
}

/* Waits until each of these bids has this verdict, and only one. */
static void expect(size_t first, size_t count, enum publisher_verdict verdict)
{
    LOOP_UNTIL(base, all_have_verdicts(first, count), TEST_DEADLINE_MS);
    for (size_t i = first; i < first + count; i++) {
        ck_assert_msg(bids[i].verdict == (int)verdict, "bid %zu has verdict %d, not %d", i, bids[i].verdict,
                      (int)verdict);
        ck_assert_int_eq(bids[i].verdicts, 1);
    }
}

/* Counts the copies of each bid in a message. A bid's first copy must follow those of all bids before it. */
static void read_message(const struct queues_message *message, size_t copies[static BIDS_MAX])
{
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t found = 0;
    const char *reason = NULL;
    ck_assert_msg(message_read_commands(message->body, message->length, items, MESSAGE_COMMANDS_MAX, &found, &reason),
                  "%s", reason);
    for (size_t i = 0; i < found; i++) {
        size_t number = (size_t)items[i].command.amount - 1;
        ck_assert(uuid_equal(&items[i].command.id, &bids[number].bid.command.bid.id));
        ck_assert_msg(number == 0 || copies[number - 1] > 0, "bid %zu is in the queue before the one before it",
                      number);
        copies[number]++;
    }
}

/* Takes the next message with bids. Probes are dropped: those of a new connection, and of a standby that is looked at.
 */
static bool take_bids(struct queues_message *message)
{
    while (queues_take(queues, tap, message)) {
        if (message->length > 0) {
            return true;
        }
        free(message->body);
    }
    return false;
}

/* Checks that the queue has the first `count` bids in their order, and no other; returns the number of all copies. */
static size_t expect_queue(size_t count)
{
    struct queues_message message;
    size_t copies[BIDS_MAX] = {0};
    size_t all = 0;
    while (take_bids(&message)) {
        read_message(&message, copies);
        free(message.body);
    }
    for (size_t i = 0; i < BIDS_MAX; i++) {
        ck_assert_msg((copies[i] > 0) == (i < count), "bid %zu is %zu times in the queue", i, copies[i]);
        all += copies[i];
    }
    return all;
}

/* --- publishing --- */

START_TEST(two_connections_use_different_hosts)
{
    connect_hosts(2);
    ck_assert_uint_eq(relays[0].pairs, 1);
    ck_assert_uint_eq(relays[1].pairs, 1);
    submit(0, 3);
    expect(0, 3, PUBLISHER_CONFIRMED);
    ck_assert_uint_eq(expect_queue(3), 3);
}
END_TEST

/* The node took the messages; its confirms do not arrive. The bids are in the queue twice, with the same ids. */
START_TEST(a_node_without_confirms_is_left_and_the_bids_are_published_again_in_order)
{
    connect_hosts(2);
    relay_hold(relay_of(0), RELAY_SERVER);
    submit(0, 8);
    expect(0, 8, PUBLISHER_CONFIRMED);
    ck_assert_uint_eq(changes, 0);
    ck_assert_uint_eq(expect_queue(8), 8 + SENT);
}
END_TEST

/* Nothing reaches the node. */
START_TEST(a_silent_node_is_left_and_nothing_is_lost)
{
    connect_hosts(2);
    relay_freeze(relay_of(0));
    submit(0, 8);
    expect(0, 8, PUBLISHER_CONFIRMED);
    ck_assert_uint_eq(expect_queue(8), 8);
    submit(8, 1);
    expect(8, 1, PUBLISHER_CONFIRMED);
}
END_TEST

START_TEST(a_lost_node_is_left_at_once)
{
    connect_hosts(2);
    relay_hold(relay_of(0), RELAY_SERVER);
    submit(0, 8);
    LOOP_UNTIL(base, queues_depth(queues, tap) >= 2, TEST_DEADLINE_MS);
    relay_close(relay_of(0));
    expect(0, 8, PUBLISHER_CONFIRMED);
    ck_assert_uint_eq(changes, 0);
    ck_assert_int_eq(broker_state(broker), BROKER_UP);
    ck_assert_uint_eq(expect_queue(8), 8 + SENT);
}
END_TEST

START_TEST(a_bid_past_its_deadline_is_not_published_again)
{
    connect_hosts(2);
    config.confirm_deadline_ms = LEAVE_MS / 2;
    relay_freeze(relay_of(0));
    submit(0, 1);
    expect(0, 1, PUBLISHER_UNKNOWN);
    config.confirm_deadline_ms = LONG_MS;
    submit(1, 1);
    expect(1, 1, PUBLISHER_CONFIRMED);
    struct queues_message message;
    size_t copies[BIDS_MAX] = {1};
    ck_assert(take_bids(&message));
    read_message(&message, copies);
    free(message.body);
    ck_assert_uint_eq(copies[1], 1);
    ck_assert(!take_bids(&message));
}
END_TEST

START_TEST(the_standby_moves_to_a_third_node)
{
    connect_hosts(3);
    size_t unused = 3 - (size_t)(relay_of(0) - relays) - (size_t)(relay_of(1) - relays);
    ck_assert_uint_eq(relays[unused].pairs, 0);
    relay_close(relay_of(0));
    expect_probes(1); /* of the new connection */
    ck_assert_uint_eq(relays[unused].pairs, 1);
    relay_close(relay_of(1));
    submit(0, 2);
    expect(0, 2, PUBLISHER_CONFIRMED);
    ck_assert_uint_eq(expect_queue(2), 2);
}
END_TEST

/* With both nodes gone the outcome is unknown at once, as with one node. */
START_TEST(without_any_node_the_outcome_is_unknown)
{
    connect_hosts(2);
    relay_hold(relay_of(0), RELAY_SERVER);
    relay_hold(relay_of(1), RELAY_SERVER);
    submit(0, 2);
    relay_close(relay_of(1));
    relay_close(relay_of(0));
    expect(0, 2, PUBLISHER_UNKNOWN);
    ck_assert_int_eq(broker_state(broker), BROKER_DOWN);
    ck_assert_uint_eq(changes, 1);
}
END_TEST

/* --- nacks --- */

START_TEST(a_nacked_message_is_published_again)
{
    char full[QUEUES_NAME_SIZE];
    struct queues_message message;
    connect_hosts(2);
    queues_tap_full(queues, exchange, full);
    submit(0, 3);
    LOOP_UNTIL(base, broker_unconfirmed(broker) == 0, TEST_DEADLINE_MS); /* nacked */
    ck_assert_uint_eq(publisher_open(publisher), 3);
    for (size_t taken = 0; !all_have_verdicts(0, 3);) { /* makes room for one message at a time */
        loop_turn(base);
        if (queues_take(queues, full, &message)) {
            free(message.body);
            taken++;
        }
        ck_assert_uint_lt(taken, BIDS_MAX);
    }
    expect(0, 3, PUBLISHER_CONFIRMED);
}
END_TEST

/* Connects to two hosts, and fills the queue. The first bid is refused after `deadline_ms`. */
static void refuse_first_bid(int deadline_ms)
{
    char full[QUEUES_NAME_SIZE];
    connect_hosts(2);
    config.confirm_deadline_ms = deadline_ms;
    queues_tap_full(queues, exchange, full);
    submit(0, 1);
    expect(0, 1, PUBLISHER_REFUSED);
}

START_TEST(a_queue_that_stays_full_refuses_at_the_deadline_and_then_at_once)
{
    refuse_first_bid(FULL_MS);
    ck_assert_int_ge(bids[0].at_ms, bids[0].bid.deadline_ms);
    int before = queues_depth(queues, tap);
    ck_assert_int_lt(before, 10); /* 50 ms, doubled to a second: 7 messages in 3 s */
    config.confirm_deadline_ms = FULL_MS / 2;
    submit(1, 1);
    expect(1, 1, PUBLISHER_REFUSED);
    ck_assert_int_lt(bids[1].at_ms, bids[1].bid.deadline_ms);
    ck_assert_int_eq(queues_depth(queues, tap), before + 1);
}
END_TEST

/* The nacks of an election are no reason to refuse a bid of the next one. */
START_TEST(a_nack_long_after_another_is_no_reason_to_refuse)
{
    refuse_first_bid(LEAVE_MS);
    int64_t later_ms = clock_mono_ms() + LEAVE_MS + BACKOFF_MAX_MS + LEAVE_MS;
    LOOP_UNTIL(base, clock_mono_ms() > later_ms, TEST_DEADLINE_MS);
    submit(1, 1);
    expect(1, 1, PUBLISHER_REFUSED);
    ck_assert_int_ge(bids[1].at_ms, bids[1].bid.deadline_ms);
}
END_TEST

/* --- consuming --- */

struct seen {
    char bodies[SEEN_MAX][16];
    size_t count;
};

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    struct seen *seen = arg;
    ck_assert_uint_lt(seen->count, SEEN_MAX);
    (void)snprintf(seen->bodies[seen->count++], sizeof seen->bodies[0], "%.*s", (int)delivery->length,
                   (const char *)delivery->body);
    ck_assert(broker_ack(consumer, delivery->tag, true));
}

static void consume(size_t count, struct seen *seen)
{
    char url[RELAY_URL_SIZE];
    open_hosts(count, url);
    struct broker_options options = {.base = base,
                                     .url = url,
                                     .name = "standby_test consuming",
                                     .heartbeat_s = BROKER_CONSUMING_HEARTBEAT_S,
                                     .connect_timeout_ms = TEST_DEADLINE_MS,
                                     .unconfirmed_max = 1};
    broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    static char shard[TOPOLOGY_QUEUE_SIZE];
    topology_shard_name(&topology_bids, 0, shard);
    struct broker_consumer_options consumer = {.queue = shard, .prefetch = 10, .deliver = on_deliver, .arg = seen};
    ck_assert_ptr_nonnull(broker_consume(broker, &consumer));
    queues_publish(queues, shard, "", "1", 1);
    LOOP_UNTIL(base, seen->count == 1, TEST_DEADLINE_MS);
}

/* The first message may be delivered again: its ack may have been lost with the host. */
static void publish_and_expect(const struct seen *seen, const char *body)
{
    char shard[TOPOLOGY_QUEUE_SIZE];
    topology_shard_name(&topology_bids, 0, shard);
    queues_publish(queues, shard, "", body, strlen(body));
    LOOP_UNTIL(base, strcmp(seen->bodies[seen->count - 1], body) == 0, TEST_DEADLINE_MS);
}

START_TEST(a_consumer_moves_to_the_next_host_when_its_own_is_gone)
{
    struct seen seen = {.count = 0};
    consume(3, &seen);
    struct relay *first = relay_of(0);
    struct relay *next = &relays[((size_t)(first - relays) + 1) % 3];
    relay_close(first);
    publish_and_expect(&seen, "2");
    ck_assert_uint_eq(next->pairs, 1);
}
END_TEST

START_TEST(a_consumer_moves_to_the_next_host_when_its_own_is_silent)
{
    struct seen seen = {.count = 0};
    consume(2, &seen);
    relay_freeze(relay_of(0));
    publish_and_expect(&seen, "2");
    ck_assert_uint_eq(relay_of(1)->pairs, 1);
}
END_TEST

START_TEST(a_consumer_takes_probes_away)
{
    struct seen seen = {.count = 0};
    char shard[TOPOLOGY_QUEUE_SIZE];
    topology_shard_name(&topology_bids, 0, shard);
    connect_hosts(2); /* each of its connections sends a probe to each shard */
    SUITE_WAIT(queues_depth(queues, shard) == 2, TEST_DEADLINE_MS);
    struct broker_options options = {.base = base,
                                     .url = need("ROSTRUM_AMQP_URL"),
                                     .name = "standby_test consuming",
                                     .heartbeat_s = BROKER_CONSUMING_HEARTBEAT_S,
                                     .connect_timeout_ms = TEST_DEADLINE_MS,
                                     .unconfirmed_max = 1};
    struct broker *consuming = broker_new(&options);
    ck_assert_ptr_nonnull(consuming);
    struct broker_consumer_options consumer = {.queue = shard, .prefetch = 1, .deliver = on_deliver, .arg = &seen};
    ck_assert_ptr_nonnull(broker_consume(consuming, &consumer));
    queues_publish(queues, shard, "", "1", 1);
    LOOP_UNTIL(base, seen.count == 1, TEST_DEADLINE_MS); /* the prefetch of 1 is not used up by probes */
    ck_assert_str_eq(seen.bodies[0], "1");
    broker_free(consuming);
    SUITE_WAIT(queues_depth(queues, shard) == 0, TEST_DEADLINE_MS);
}
END_TEST

static Suite *standby_suite(void)
{
    const TTest *const tests[] = {
        two_connections_use_different_hosts,
        a_node_without_confirms_is_left_and_the_bids_are_published_again_in_order,
        a_silent_node_is_left_and_nothing_is_lost,
        a_lost_node_is_left_at_once,
        a_bid_past_its_deadline_is_not_published_again,
        the_standby_moves_to_a_third_node,
        without_any_node_the_outcome_is_unknown,
        a_nacked_message_is_published_again,
        a_queue_that_stays_full_refuses_at_the_deadline_and_then_at_once,
        a_nack_long_after_another_is_no_reason_to_refuse,
        a_consumer_moves_to_the_next_host_when_its_own_is_gone,
        a_consumer_moves_to_the_next_host_when_its_own_is_silent,
        a_consumer_takes_probes_away,
    };
    Suite *suite = suite_create("standby");
    TCase *tcase = tcase_create("standby");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(standby_suite());
}
