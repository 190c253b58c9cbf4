/*
 * A gateway's publisher and a consumer with three RabbitMQ nodes. The node to which the publisher is connected is
 * killed or stopped under load. It also leads one of the three shards. Every confirmed bid is delivered, the first
 * copies in the order of the confirms. The output says how long it took. tests/integration/standby_test.c has the
 * faults that need no cluster.
 *
 * Long: a cluster takes up to a minute to start, and a stopped node is noticed by the others after another one.
 */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/broker_consumer.h"
#include "common/io/broker_url.h"
#include "common/protocol/topology.h"
#include "common/protocol/topology_prepare.h"
#include "gateway/bid/bid_family.h"
#include "gateway/submit/publisher.h"
#include "tests/support/loop.h"

enum {
    NODES = 3,
    VERDICTS = PUBLISHER_UNKNOWN + 1,
    START_MS = 620000,   /* for the cluster */
    WAIT_MS = 150000,    /* for any other wait */
    RECOVERY_MS = 30000, /* until every shard confirms again; promised in docs/operating.md */
    DEADLINE_MS = 1500,
    BIDS_MAX = 20000, /* of one auction */
    OPEN_MAX = 4096,
    BID_EVERY_MS = 20,
    BEFORE_MS = 1000, /* of load before the fault */
    AFTER = 50,       /* confirmed bids of each auction after it */
    URL_SIZE = 256,
};

/* One auction on each shard; shard n is led by node n. */
struct lot {
    struct uuid auction;
    struct bid {
        struct publisher_item bid;
        struct lot *lot;
        int verdict;  /* -1: none yet */
        size_t place; /* of its first copy among those of the auction, from 1; 0: not delivered */
    } * bids;
    int sent;
    int last_confirmed; /* the last one in the order of the confirms */
    int confirmed_after;
    int64_t recovered_ms; /* the first confirm of a bid that was sent after the fault */
    int64_t delivered_ms; /* the first delivery of such a bid */
    size_t places;
    size_t copies;
};

static struct event_base *base;
static struct config config;
static struct broker *publishing;
static struct broker *consuming;
static struct publisher *publisher;
static struct lot lots[NODES];
static int ports[NODES];
static pid_t nodes[NODES];
static char url[URL_SIZE];
static FILE *from_cluster;
static int to_cluster;
static pid_t cluster;
static struct event *load;
static int64_t struck_ms; /* 0: not yet */
static size_t struck;     /* the node */

/* --- the cluster --- */

static void start_cluster(void)
{
    int input[2];
    int output[2];
    ck_assert_int_eq(pipe(input), 0);
    ck_assert_int_eq(pipe(output), 0);
    cluster = fork();
    ck_assert_int_ge(cluster, 0);
    if (cluster == 0) {
        (void)signal(SIGTERM, SIG_DFL); /* otherwise Check's handler would end the test */
        (void)dup2(input[0], STDIN_FILENO);
        (void)dup2(output[1], STDOUT_FILENO);
        (void)close(input[1]);
        (void)close(output[0]);
        (void)execl("tests/support/rabbit_cluster.py", "rabbit_cluster.py", "3", (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    (void)close(input[0]);
    (void)close(output[1]);
    to_cluster = input[1];
    from_cluster = fdopen(output[0], "r");
    ck_assert_ptr_nonnull(from_cluster);
    char line[URL_SIZE];
    ck_assert_msg(fgets(line, sizeof line, from_cluster) != NULL, "the cluster did not start");
    char *at = line;
    for (size_t i = 0; i < NODES; i++) {
        ports[i] = (int)strtol(at, &at, 10);
        nodes[i] = (pid_t)strtol(at, &at, 10);
        ck_assert_int_gt(nodes[i], 0);
    }
    at[strcspn(at, "\n")] = '\0';
    (void)snprintf(url, sizeof url, "amqp://%s@127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/rostrum", at + 1, ports[0],
                   ports[1], ports[2]);
}

static void ck_reply(amqp_connection_state_t connection)
{
    ck_assert_int_eq(amqp_get_rpc_reply(connection).reply_type, AMQP_RESPONSE_NORMAL);
}

static amqp_table_entry_t text(const char *key, const char *value)
{
    return (amqp_table_entry_t){.key = amqp_cstring_bytes(key),
                                .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes(value)}}};
}

/* Declares the shard as `rostrumctl migrate` does, with the node as its leader. */
static void declare_shard(unsigned shard)
{
    static struct broker_url parsed;
    char name[TOPOLOGY_QUEUE_SIZE];
    topology_shard_name(&topology_bids, shard, name);
    ck_assert_ptr_null(broker_url_parse(url, &parsed));
    const struct amqp_connection_info *host = &parsed.hosts[shard].info;
    amqp_connection_state_t connection = amqp_new_connection();
    ck_assert_int_eq(amqp_socket_open(amqp_tcp_socket_new(connection), host->host, host->port), AMQP_STATUS_OK);
    ck_assert_int_eq(
        amqp_login(connection, host->vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, host->user, host->password)
            .reply_type,
        AMQP_RESPONSE_NORMAL);
    amqp_table_entry_t entries[] = {
        text("x-queue-type", "quorum"),
        text("x-queue-leader-locator", "client-local"),
        text("x-overflow", "reject-publish"),
        {.key = amqp_cstring_bytes("x-max-length"), .value = {.kind = AMQP_FIELD_KIND_I32, .value.i32 = 200000}},
        {.key = amqp_cstring_bytes("x-single-active-consumer"),
         .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}},
    };
    (void)amqp_channel_open(connection, 1);
    ck_reply(connection);
    (void)amqp_exchange_declare(connection, 1, amqp_cstring_bytes(name), amqp_cstring_bytes("fanout"), 0, 1, 0, 0,
                                amqp_empty_table);
    ck_reply(connection);
    (void)amqp_queue_declare(connection, 1, amqp_cstring_bytes(name), 0, 1, 0, 0,
                             (amqp_table_t){.num_entries = ARRAY_LEN(entries), .entries = entries});
    ck_reply(connection);
    (void)amqp_queue_bind(connection, 1, amqp_cstring_bytes(name), amqp_cstring_bytes(name), amqp_empty_bytes,
                          amqp_empty_table);
    ck_reply(connection);
    ck_assert_int_eq(amqp_destroy_connection(connection), AMQP_STATUS_OK);
}

/* --- bids --- */

static void on_done(struct publisher_item *published, enum publisher_verdict verdict)
{
    struct bid *bid = published->arg;
    struct lot *lot = bid->lot;
    int number = (int)(bid - lot->bids);
    ck_assert_int_eq(bid->verdict, -1);
    bid->verdict = (int)verdict;
    if (verdict != PUBLISHER_CONFIRMED) {
        return;
    }
    ck_assert_int_gt(number, lot->last_confirmed);
    lot->last_confirmed = number;
    if (struck_ms != 0 && published->received_boot_ms > struck_ms) {
        lot->confirmed_after++;
        lot->recovered_ms = lot->recovered_ms == 0 ? clock_boot_ms() : lot->recovered_ms;
    }
}

static void submit(struct lot *lot)
{
    ck_assert_int_lt(lot->sent, BIDS_MAX);
    struct bid *bid = &lot->bids[lot->sent];
    *bid = (struct bid){.lot = lot, .verdict = -1};
    bid->bid = (struct publisher_item){.command.bid = {.kind = COMMAND_BID,
                                                       .id = uuid_new(),
                                                       .auction_id = lot->auction,
                                                       .user_id = uuid_new(),
                                                       .amount = lot->sent + 1,
                                                       .received_ms = clock_now_ms()},
                                       .received_boot_ms = clock_boot_ms(),
                                       .done = on_done,
                                       .arg = bid};
    if (publisher_submit(publisher, &bid->bid)) {
        lot->sent++;
    } /* else it was refused, as it is with 503 */
}

static void on_load(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    for (size_t i = 0; i < NODES; i++) {
        submit(&lots[i]);
    }
}

static void deliver_bid(const struct command *command)
{
    for (size_t i = 0; i < NODES; i++) {
        struct lot *lot = &lots[i];
        if (!uuid_equal(&lot->auction, &command->auction_id)) {
            continue;
        }
        int number = (int)command->amount - 1;
        struct bid *bid = &lot->bids[number];
        ck_assert(number < lot->sent && uuid_equal(&bid->bid.command.bid.id, &command->id));
        lot->copies++;
        if (bid->place != 0) {
            return;
        }
        bid->place = ++lot->places;
        if (struck_ms != 0 && bid->bid.received_boot_ms > struck_ms && lot->delivered_ms == 0) {
            lot->delivered_ms = clock_boot_ms();
        }
    }
}

static void on_deliver(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    struct command_item items[MESSAGE_COMMANDS_MAX];
    size_t count = 0;
    const char *reason = NULL;
    (void)arg;
    ck_assert_msg(message_read_commands(delivery->body, delivery->length, items, MESSAGE_COMMANDS_MAX, &count, &reason),
                  "%s", reason);
    for (size_t i = 0; i < count; i++) {
        deliver_bid(&items[i].command);
    }
    bool acked = broker_ack(consumer, delivery->tag, true);
    (void)acked; /* else it is redelivered */
}

/* --- the fixture --- */

static struct broker *connect_broker(const char *name, int heartbeat_s, int confirm_deadline_ms)
{
    struct broker_options options = {.base = base,
                                     .url = url,
                                     .name = name,
                                     .heartbeat_s = heartbeat_s,
                                     .connect_timeout_ms = DEADLINE_MS,
                                     .unconfirmed_max = OPEN_MAX,
                                     .confirm_deadline_ms = confirm_deadline_ms};
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    return broker;
}

static void make_lot(unsigned shard)
{
    struct lot *lot = &lots[shard];
    struct broker_consumer_options consumer = {.prefetch = 100, .deliver = on_deliver};
    char name[TOPOLOGY_QUEUE_SIZE];
    *lot = (struct lot){.auction = uuid_new(), .last_confirmed = -1};
    while (ids_shard(&lot->auction, NODES) != shard) {
        lot->auction = uuid_new();
    }
    lot->bids = calloc(BIDS_MAX, sizeof *lot->bids);
    ck_assert_ptr_nonnull(lot->bids);
    topology_shard_name(&topology_bids, shard, name);
    consumer.queue = name;
    ck_assert_ptr_nonnull(broker_consume(consuming, &consumer));
}

static void set_up(void)
{
    const struct timeval every = {.tv_usec = BID_EVERY_MS * 1000L};
    start_cluster();
    struck_ms = 0;
    base = event_base_new();
    config =
        (struct config){.confirm_deadline_ms = DEADLINE_MS, .publish_pending_max_bids = OPEN_MAX, .share_max_bids = 64};
    publisher = publisher_new(base, &config, &bid_family, (size_t)config.publish_pending_max_bids);
    ck_assert_ptr_nonnull(publisher);
    for (unsigned shard = 0; shard < NODES; shard++) {
        declare_shard(shard);
    }
    publishing = connect_broker("cluster_test publishing", 10, DEADLINE_MS);
    consuming = connect_broker("cluster_test consuming", BROKER_CONSUMING_HEARTBEAT_S, 0);
    publisher_connect(publisher, publishing, NODES);
    ck_assert(topology_prepare_shards(publishing, &topology_bids, NODES));
    for (unsigned shard = 0; shard < NODES; shard++) {
        make_lot(shard);
    }
    LOOP_UNTIL(base, broker_state(publishing) == BROKER_UP, WAIT_MS);
    load = event_new(base, -1, EV_PERSIST, on_load, NULL);
    ck_assert_ptr_nonnull(load);
    ck_assert_int_eq(event_add(load, &every), 0);
}

static void tear_down(void)
{
    event_free(load);
    broker_free(publishing);
    broker_free(consuming);
    publisher_free(publisher);
    event_base_free(base);
    for (size_t i = 0; i < NODES; i++) {
        free(lots[i].bids);
    }
    (void)close(to_cluster); /* the cluster's end */
    (void)fclose(from_cluster);
    ck_assert_int_eq(waitpid(cluster, NULL, 0), cluster);
}

static bool all_confirm(int count)
{
    for (size_t i = 0; i < NODES; i++) {
        if (lots[i].last_confirmed < count) {
            return false;
        }
    }
    return true;
}

static bool all_recovered(void)
{
    for (size_t i = 0; i < NODES; i++) {
        if (lots[i].confirmed_after < AFTER) {
            return false;
        }
    }
    return true;
}

static bool all_deliver(void)
{
    for (size_t i = 0; i < NODES; i++) {
        if (lots[i].delivered_ms == 0) {
            return false;
        }
    }
    return true;
}

static bool all_delivered(void)
{
    for (size_t i = 0; i < NODES; i++) {
        for (int number = 0; number < lots[i].sent; number++) {
            const struct bid *bid = &lots[i].bids[number];
            if (bid->verdict == PUBLISHER_CONFIRMED && bid->place == 0) {
                return false;
            }
        }
    }
    return true;
}

/* Strikes the node to which the broker is connected. */
static void strike(const struct broker *broker, int signal_number)
{
    LOOP_UNTIL(base, all_confirm(BEFORE_MS / BID_EVERY_MS) && broker_unconfirmed(publishing) <= NODES, WAIT_MS);
    int port = (int)strtol(strchr(broker_address(broker), ':') + 1, NULL, 10);
    for (struck = 0; ports[struck] != port; struck++) {
        ck_assert_uint_lt(struck, NODES - 1);
    }
    struck_ms = clock_boot_ms();
    ck_assert_int_eq(kill(nodes[struck], signal_number), 0);
    LOOP_UNTIL(base, all_recovered(), WAIT_MS);
}

/* Counts the verdicts. The first copies of confirmed bids are in the order of the confirms; refused bids have none. */
static void check_lot(const struct lot *lot, int counts[static VERDICTS])
{
    size_t last = 0;
    for (int number = 0; number < lot->sent; number++) {
        const struct bid *bid = &lot->bids[number];
        counts[bid->verdict]++;
        if (bid->verdict == PUBLISHER_CONFIRMED) {
            ck_assert_uint_gt(bid->place, last);
            last = bid->place;
        } else if (bid->verdict != PUBLISHER_UNKNOWN) {
            ck_assert_uint_eq(bid->place, 0);
        }
    }
}

/* Ends the load; each bid then has a verdict, and each confirmed one is delivered. */
static void expect_complete(const char *fault)
{
    ck_assert_int_eq(event_del(load), 0);
    LOOP_UNTIL(base, publisher_open(publisher) == 0, WAIT_MS);
    LOOP_UNTIL(base, all_delivered(), WAIT_MS);
    for (size_t i = 0; i < NODES; i++) {
        const struct lot *lot = &lots[i];
        int counts[VERDICTS] = {0};
        check_lot(lot, counts);
        (void)fprintf(stderr,
                      "%s, shard %zu%s: confirmed again after %.1f s, delivered again after %.1f s; %d confirmed, "
                      "%d refused, %d dropped, %d unknown, %zu copies\n",
                      fault, i, i == struck ? " (led by the node)" : "", (double)(lot->recovered_ms - struck_ms) / 1000,
                      (double)(lot->delivered_ms - struck_ms) / 1000, counts[PUBLISHER_CONFIRMED],
                      counts[PUBLISHER_REFUSED], counts[PUBLISHER_DROPPED], counts[PUBLISHER_UNKNOWN], lot->copies);
        ck_assert_int_lt(lot->recovered_ms - struck_ms, RECOVERY_MS);
    }
}

/* --- tests --- */

START_TEST(a_killed_node_loses_nothing)
{
    strike(publishing, SIGKILL);
    expect_complete("killed");
}
END_TEST

/* What the node had received before it was stopped may reach the queues after it was continued. */
START_TEST(a_stopped_node_loses_nothing_and_changes_no_order_when_it_returns)
{
    strike(publishing, SIGSTOP);
    LOOP_UNTIL(base, all_deliver(), WAIT_MS);
    ck_assert_int_eq(kill(nodes[struck], SIGCONT), 0);
    for (size_t i = 0; i < NODES; i++) {
        lots[i].confirmed_after = 0;
    }
    LOOP_UNTIL(base, all_recovered(), WAIT_MS);
    expect_complete("stopped");
}
END_TEST

START_TEST(a_consumer_on_a_stopped_node_gets_the_messages_through_another)
{
    strike(consuming, SIGSTOP);
    LOOP_UNTIL(base, all_deliver(), WAIT_MS);
    expect_complete("stopped with the consumer");
}
END_TEST

static Suite *rabbit_cluster_suite(void)
{
    Suite *suite = suite_create("rabbit_cluster");
    TCase *tcase = tcase_create("rabbit_cluster");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, (START_MS + 4 * WAIT_MS) / 1000.0);
    tcase_add_test(tcase, a_killed_node_loses_nothing);
    tcase_add_test(tcase, a_stopped_node_loses_nothing_and_changes_no_order_when_it_returns);
    tcase_add_test(tcase, a_consumer_on_a_stopped_node_gets_the_messages_through_another);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(rabbit_cluster_suite());
}
