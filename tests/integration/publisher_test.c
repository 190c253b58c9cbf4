/*
 * gateway/submit/publisher against a real RabbitMQ: every bid gets exactly one verdict, and a confirm counts only
 * before the deadline. A relay in front of the broker delays confirms; a full queue refuses messages. Bids and joins go
 * to queues of shards without a consumer.
 */
#include "gateway/bid/bid_family.h"
#include "gateway/sale/sale_family.h"
#include "gateway/submit/publisher.h"

#include <amqp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/topology.h"
#include "tests/support/loop.h"
#include "tests/support/queues.h"
#include "tests/support/relay.h"
#include "tests/support/sql.h"

enum {
    TEST_DEADLINE_MS = 20000, /* for any single wait */
    BIDS_MAX = 16,
    URL_SIZE = 512,
    NO_VERDICT = -1,
    LONG_MS = 20000, /* a confirm deadline that no test reaches */
    SHORT_MS = 500,  /* a confirm deadline that a test waits for */
    SHARE_MAX = 4,
};

struct bid {
    struct publisher_item bid;
    int verdict;
    int verdicts; /* number of verdicts it got */
};

static struct event_base *base;
static struct config config;
static struct broker *broker;
static unsigned shards;
static size_t unconfirmed_max; /* of the broker */
static struct publisher *publisher;
static struct relay relay;
static struct queues *queues;
static struct uuid auction;
static char exchange[TOPOLOGY_QUEUE_SIZE];
static char tap[QUEUES_NAME_SIZE];
static struct bid bids[BIDS_MAX];

/* --- the fixture --- */

static const char *need(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set", name);
    return value;
}

static void connect_to(const char *url)
{
    struct broker_options options = {.base = base,
                                     .url = url,
                                     .name = "publisher_test",
                                     .heartbeat_s = 60,
                                     .connect_timeout_ms = TEST_DEADLINE_MS,
                                     .unconfirmed_max = unconfirmed_max};
    broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    publisher_connect(publisher, broker, shards);
    LOOP_UNTIL(base, broker_state(broker) == BROKER_UP, TEST_DEADLINE_MS);
}

static void relay_url(char url[static URL_SIZE])
{
    static char parts[URL_SIZE];
    struct amqp_connection_info server;
    (void)snprintf(parts, sizeof parts, "%s", need("ROSTRUM_AMQP_URL"));
    ck_assert_int_eq(amqp_parse_url(parts, &server), AMQP_STATUS_OK);
    relay = (struct relay){.base = base, .host = server.host, .port = server.port};
    relay_open(&relay);
    (void)snprintf(url, URL_SIZE, "amqp://%s:%s@127.0.0.1:%d/%s", server.user, server.password, relay.listen_port,
                   server.vhost);
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
    unconfirmed_max = BIDS_MAX;
    publisher = publisher_new(base, &config, &bid_family, (size_t)config.publish_pending_max_bids);
    ck_assert_ptr_nonnull(publisher);
    queues = queues_open();
    auction = uuid_new();
    topology_exchange(&topology_bids, &auction, shards, exchange);
    queues_tap(queues, exchange, "", tap);
    memset(bids, 0, sizeof bids);
    for (size_t i = 0; i < BIDS_MAX; i++) {
        bids[i].verdict = NO_VERDICT;
    }
}

static void tear_down(void)
{
    broker_free(broker);
    publisher_free(publisher);
    if (relay.listener != NULL) {
        relay_close(&relay);
    }
    queues_purge_shards(queues, shards);
    queues_close(queues);
    event_base_free(base);
}

static void connect_directly(void)
{
    connect_to(need("ROSTRUM_AMQP_URL"));
}

static void connect_by_relay(void)
{
    char url[URL_SIZE];
    relay_url(url);
    connect_to(url);
}

static void on_done(struct publisher_item *bid, enum publisher_verdict verdict)
{
    struct bid *of = bid->arg;
    of->verdict = (int)verdict;
    of->verdicts++;
}

/* Submits the bid of that number, received `ago_ms` ago. */
static bool submit_late(size_t number, int64_t ago_ms)
{
    struct bid *bid = &bids[number];
    bid->bid = (struct publisher_item){.command.bid = {.kind = COMMAND_BID,
                                                       .id = uuid_new(),
                                                       .auction_id = auction,
                                                       .user_id = uuid_new(),
                                                       .amount = (int64_t)number + 1,
                                                       .received_ms = clock_now_ms() - ago_ms},
                                       .received_boot_ms = clock_boot_ms() - ago_ms,
                                       .done = on_done,
                                       .arg = bid};
    return publisher_submit(publisher, &bid->bid);
}

static void submit(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        ck_assert(submit_late(i, 0));
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

/* Checks that the broker's next message holds these bids and no others. */
static void expect_message(size_t first, size_t count)
{
    struct queues_message message;
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t found = 0;
    const char *reason = NULL;
    LOOP_UNTIL(base, queues_take(queues, tap, &message), TEST_DEADLINE_MS);
    ck_assert_msg(message_read_commands(message.body, message.length, items, MESSAGE_COMMANDS_MAX, &found, &reason),
                  "%s", reason);
    free(message.body);
    ck_assert_uint_eq(found, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert(uuid_equal(&items[i].command.id, &bids[first + i].bid.command.bid.id));
    }
}

/* --- tests --- */

START_TEST(a_bid_stored_by_the_broker_is_confirmed)
{
    connect_directly();
    submit(0, 1);
    ck_assert_uint_eq(publisher_open(publisher), 1);
    expect(0, 1, PUBLISHER_CONFIRMED);
    ck_assert_uint_eq(publisher_open(publisher), 0);
    expect_message(0, 1);
}
END_TEST

START_TEST(bids_refused_by_a_full_queue_are_nacked)
{
    char full[QUEUES_NAME_SIZE];
    struct queues_message message;
    connect_directly();
    queues_tap_full(queues, exchange, full);
    submit(0, 5); /* in messages of one and four */
    expect(0, 5, PUBLISHER_REFUSED);
    ck_assert_uint_eq(publisher_open(publisher), 0);
    ck_assert(queues_take(queues, full, &message));
    free(message.body);
    submit(5, 1);
    expect(5, 1, PUBLISHER_CONFIRMED);
    submit(6, 1);
    expect(6, 1, PUBLISHER_REFUSED);
}
END_TEST

START_TEST(bids_waiting_for_a_slow_broker_share_the_next_messages)
{
    connect_by_relay();
    relay_hold(&relay, RELAY_SERVER);
    submit(0, 8);
    expect_message(0, 1);
    expect_message(1, SHARE_MAX);
    relay_release(&relay, RELAY_SERVER);
    expect(0, 8, PUBLISHER_CONFIRMED);
    expect_message(1 + SHARE_MAX, 8 - 1 - SHARE_MAX);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
}
END_TEST

/* A disk that takes long for each message does not bound the rate: full messages do not wait for confirms. */
START_TEST(full_messages_do_not_wait_for_a_slow_broker)
{
    enum { FULL = 3, SENT = 1 + FULL * SHARE_MAX, WAIT = BIDS_MAX - SENT };
    connect_by_relay();
    relay_hold(&relay, RELAY_SERVER);
    submit(0, BIDS_MAX);
    expect_message(0, 1);
    for (size_t i = 0; i < FULL; i++) {
        expect_message(1 + i * SHARE_MAX, SHARE_MAX);
    }
    ck_assert_int_eq(queues_depth(queues, tap), 0);
    relay_release(&relay, RELAY_SERVER);
    expect(0, BIDS_MAX, PUBLISHER_CONFIRMED);
    expect_message(SENT, WAIT);
}
END_TEST

/* Bids on several auctions of a shard. A queue behind the shard's exchange gets those of one auction by its key. */
START_TEST(a_message_has_the_routing_key_of_each_of_its_auctions)
{
    enum { AUCTIONS = 3, BIDS = 1 + SHARE_MAX };
    static const size_t bid_on[BIDS] = {0, 1, 0, 1, 2}; /* the first bid is sent alone */
    struct uuid auctions[AUCTIONS];
    char taps[AUCTIONS][QUEUES_NAME_SIZE];
    char key[TOPOLOGY_KEY_SIZE];
    struct queues_message message;
    for (size_t i = 0; i < AUCTIONS; i++) {
        do {
            auctions[i] = uuid_new();
        } while (ids_shard(&auctions[i], shards) != ids_shard(&auction, shards));
    }
    for (size_t i = 1; i < AUCTIONS; i++) {
        topology_key(&topology_bids, &auctions[i], shards, key);
        queues_tap_key(queues, exchange, key, taps[i]);
    }
    connect_by_relay();
    relay_hold(&relay, RELAY_SERVER);
    for (size_t i = 0; i < BIDS; i++) {
        auction = auctions[bid_on[i]];
        submit(i, 1);
    }
    expect_message(0, 1);
    expect_message(1, SHARE_MAX);
    for (size_t i = 1; i < AUCTIONS; i++) {
        topology_key(&topology_bids, &auctions[1], shards, key); /* of the message's first bid */
        LOOP_UNTIL(base, queues_take(queues, taps[i], &message), TEST_DEADLINE_MS);
        ck_assert_str_eq(message.routing_key, key);
        free(message.body);
        ck_assert(!queues_take(queues, taps[i], &message));
    }
    relay_release(&relay, RELAY_SERVER);
    expect(0, BIDS, PUBLISHER_CONFIRMED);
}
END_TEST

/* Confirms are delayed beyond the deadline. Bids that were sent are unknown; bids that waited are never sent. */
START_TEST(a_confirm_after_the_deadline_changes_no_verdict)
{
    enum { SENT = 1 + SHARE_MAX, WAIT = 3 };
    connect_by_relay();
    config.confirm_deadline_ms = SHORT_MS;
    relay_hold(&relay, RELAY_SERVER);
    submit(0, SENT + WAIT);
    expect(0, SENT, PUBLISHER_UNKNOWN);
    expect(SENT, WAIT, PUBLISHER_DROPPED);
    ck_assert_uint_eq(publisher_open(publisher), 0);
    expect_message(0, 1);
    expect_message(1, SHARE_MAX);
    relay_release(&relay, RELAY_SERVER);
    LOOP_UNTIL(base, broker_unconfirmed(broker) == 0, TEST_DEADLINE_MS);
    config.confirm_deadline_ms = LONG_MS;
    submit(SENT + WAIT, 1);
    expect(SENT + WAIT, 1, PUBLISHER_CONFIRMED);
    /* The next message holds the last bid: dropped bids are never sent. */
    expect_message(SENT + WAIT, 1);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
    expect(0, SENT, PUBLISHER_UNKNOWN);
    expect(SENT, WAIT, PUBLISHER_DROPPED);
}
END_TEST

/* Bids that were dropped do not count as waiting: the next ones do not fill a message with them. */
START_TEST(dropped_bids_do_not_fill_a_message)
{
    enum { DROPPED = SHARE_MAX - 1, FIRST = 2 + DROPPED };
    connect_by_relay();
    relay_hold(&relay, RELAY_SERVER);
    submit(0, 1);
    submit(1, 1);
    expect_message(0, 1);
    expect_message(1, 1);
    config.confirm_deadline_ms = SHORT_MS;
    submit(2, DROPPED);
    expect(2, DROPPED, PUBLISHER_DROPPED);
    config.confirm_deadline_ms = LONG_MS;
    submit(FIRST, SHARE_MAX - 1);
    for (int i = 0; i < SHARE_MAX; i++) {
        loop_turn(base);
    }
    ck_assert_int_eq(queues_depth(queues, tap), 0);
    submit(FIRST + SHARE_MAX - 1, 1);
    expect_message(FIRST, SHARE_MAX);
    relay_release(&relay, RELAY_SERVER);
    expect(FIRST, SHARE_MAX, PUBLISHER_CONFIRMED);
}
END_TEST

/* A loop that was blocked finds confirm and deadline together and reads the confirm first. */
START_TEST(a_confirm_read_after_the_deadline_does_not_count)
{
    connect_directly();
    config.confirm_deadline_ms = SHORT_MS;
    submit(0, 1);
    ck_assert_int_ge(event_base_loop(base, EVLOOP_NONBLOCK), 0); /* sends it; after this the loop does not run */
    SUITE_WAIT(queues_depth(queues, tap) == 1, TEST_DEADLINE_MS);
    SUITE_WAIT(clock_mono_ms() > bids[0].bid.deadline_ms, TEST_DEADLINE_MS);
    expect(0, 1, PUBLISHER_UNKNOWN);
}
END_TEST

START_TEST(a_bid_submitted_after_its_deadline_is_refused)
{
    connect_directly();
    ck_assert(!submit_late(0, LONG_MS));
    ck_assert_uint_eq(publisher_open(publisher), 0);
    submit(1, 1);
    expect(1, 1, PUBLISHER_CONFIRMED);
    expect_message(1, 1);
    ck_assert_int_eq(bids[0].verdicts, 0);
}
END_TEST

/* The second submitted bid was received first and expires first. */
START_TEST(a_deadline_counts_from_receipt)
{
    connect_by_relay();
    relay_hold(&relay, RELAY_SERVER);
    submit(0, 1);
    ck_assert(submit_late(1, LONG_MS - SHORT_MS));
    expect(1, 1, PUBLISHER_UNKNOWN);
    ck_assert_int_eq(bids[0].verdicts, 0);
    relay_release(&relay, RELAY_SERVER);
    expect(0, 1, PUBLISHER_CONFIRMED);
}
END_TEST

START_TEST(open_bids_are_bounded)
{
    enum { MOST = 5 };
    connect_by_relay();
    publisher_free(publisher);
    publisher = publisher_new(base, &config, &bid_family, MOST);
    ck_assert_ptr_nonnull(publisher);
    publisher_connect(publisher, broker, shards);
    relay_hold(&relay, RELAY_SERVER);
    submit(0, 3);
    auction = uuid_new(); /* the limit counts bids of all auctions together */
    submit(3, MOST - 3);
    ck_assert_uint_eq(publisher_open(publisher), MOST);
    ck_assert(!submit_late(MOST, 0));
    ck_assert_uint_eq(publisher_open(publisher), MOST);
    relay_release(&relay, RELAY_SERVER);
    expect(0, MOST, PUBLISHER_CONFIRMED);
    ck_assert_int_eq(bids[MOST].verdicts, 0);
    submit(MOST + 1, MOST);
    expect(MOST + 1, MOST, PUBLISHER_CONFIRMED);
}
END_TEST

static bool submit_join(struct publisher *joins, struct bid *join)
{
    join->bid = (struct publisher_item){
        .command.sale = {.command = {.kind = SALE_COMMAND_JOIN,
                                     .id = uuid_new(),
                                     .user_id = uuid_new(),
                                     .quantity = 1,
                                     .received_ms = clock_now_ms()},
                         .sale_id = uuid_new()},
        .received_boot_ms = clock_boot_ms(),
        .done = on_done,
        .arg = join,
    };
    return publisher_submit(joins, &join->bid);
}

/* A stampede to flash sales on the same connection. No place of the bids is taken, and none of theirs helps the joins.
 */
START_TEST(joins_up_to_their_bound_leave_the_bids_their_places)
{
    enum { JOINS_MOST = 4, BIDS_MOST = 3 };
    static struct bid joins[JOINS_MOST + 1];
    connect_by_relay();
    publisher_free(publisher);
    publisher = publisher_new(base, &config, &bid_family, BIDS_MOST);
    struct publisher *of_joins = publisher_new(base, &config, &sale_family, JOINS_MOST);
    ck_assert(publisher != NULL && of_joins != NULL);
    publisher_connect(publisher, broker, shards);
    publisher_connect(of_joins, broker, shards);
    relay_hold(&relay, RELAY_SERVER);
    for (size_t i = 0; i < JOINS_MOST; i++) {
        ck_assert(submit_join(of_joins, &joins[i]));
    }
    ck_assert(!submit_join(of_joins, &joins[JOINS_MOST]));
    submit(0, BIDS_MOST);
    ck_assert(!submit_late(BIDS_MOST, 0));
    ck_assert(!submit_join(of_joins, &joins[JOINS_MOST]));
    relay_release(&relay, RELAY_SERVER);
    expect(0, BIDS_MOST, PUBLISHER_CONFIRMED);
    LOOP_UNTIL(base, publisher_open(of_joins) == 0, TEST_DEADLINE_MS);
    for (size_t i = 0; i < JOINS_MOST; i++) {
        ck_assert_int_eq(joins[i].verdict, PUBLISHER_CONFIRMED);
    }
    broker_free(broker);
    broker = NULL;
    publisher_free(of_joins);
}
END_TEST

/* Both publishers share the connection. The confirm that makes room for the join is that of a bid. */
START_TEST(a_join_that_the_connection_has_no_room_for_is_published_later)
{
    static struct bid join;
    unconfirmed_max = 1;
    connect_by_relay();
    struct publisher *of_joins = publisher_new(base, &config, &sale_family, 1);
    ck_assert_ptr_nonnull(of_joins);
    publisher_connect(of_joins, broker, shards);
    relay_hold(&relay, RELAY_SERVER);
    submit(0, 1);
    expect_message(0, 1);
    ck_assert(submit_join(of_joins, &join));
    ck_assert_uint_eq(broker_unconfirmed(broker), 1);
    relay_release(&relay, RELAY_SERVER);
    expect(0, 1, PUBLISHER_CONFIRMED);
    LOOP_UNTIL(base, publisher_open(of_joins) == 0, TEST_DEADLINE_MS);
    ck_assert_int_eq(join.verdict, PUBLISHER_CONFIRMED);
    broker_free(broker);
    broker = NULL;
    publisher_free(of_joins);
}
END_TEST

START_TEST(a_lost_link_leaves_the_outcome_unknown)
{
    connect_by_relay();
    relay_hold(&relay, RELAY_SERVER);
    submit(0, 2);
    expect_message(0, 1);
    relay_cut(&relay);
    expect(0, 2, PUBLISHER_UNKNOWN);
    LOOP_UNTIL(base, broker_state(broker) == BROKER_UP, TEST_DEADLINE_MS);
    submit(2, 1);
    expect(2, 1, PUBLISHER_CONFIRMED);
}
END_TEST

static Suite *publisher_suite(void)
{
    const TTest *const tests[] = {
        a_bid_stored_by_the_broker_is_confirmed,
        bids_refused_by_a_full_queue_are_nacked,
        bids_waiting_for_a_slow_broker_share_the_next_messages,
        full_messages_do_not_wait_for_a_slow_broker,
        a_message_has_the_routing_key_of_each_of_its_auctions,
        a_confirm_after_the_deadline_changes_no_verdict,
        dropped_bids_do_not_fill_a_message,
        a_confirm_read_after_the_deadline_does_not_count,
        a_bid_submitted_after_its_deadline_is_refused,
        a_deadline_counts_from_receipt,
        open_bids_are_bounded,
        joins_up_to_their_bound_leave_the_bids_their_places,
        a_join_that_the_connection_has_no_room_for_is_published_later,
        a_lost_link_leaves_the_outcome_unknown,
    };
    Suite *suite = suite_create("publisher");
    TCase *tcase = tcase_create("publisher");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(publisher_suite());
}
