/*
 * rostrum-bidworker against real servers, tested by its effects: the ledger, the queues, the results. The tests start
 * and kill their own workers and publish commands as a gateway does. They need a migrated deployment without any other
 * bid worker (deploy/private servers).
 */
#include <amqp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/io/broker.h"
#include "common/io/broker_consumer.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/message.h"
#include "common/protocol/topology.h"
#include "tests/support/deployment.h"
#include "tests/support/loop.h"
#include "tests/support/program.h"
#include "tests/support/relay.h"
#include "tests/support/sql.h"

enum {
    DEADLINE_MS = 40000,
    UNCONFIRMED_MAX = 4096,
    PREFETCH = 256,
    HEARTBEAT_S = 10,
    CONNECT_MS = 5000,
    BIDDERS = 5,
    WORKERS_MAX = 2,
    BIDS_MAX = 4000,
    PATH_SIZE = 512,
    URL_SIZE = 512,
    AUCTION_LIFE_MS = 3600 * 1000,
    SNIPE_S = 60,
};

static struct event_base *base;
static struct broker *publishing;
static struct broker *consuming;
static struct sql *sql;
static unsigned shards;
static size_t unconfirmed;
static struct uuid seller;
static struct uuid bidders[BIDDERS];
static pid_t workers[WORKERS_MAX];

/* The bids of one auction, in the order in which they were published. */
struct lot {
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    int64_t start_ms;
    int64_t end_ms;
    size_t count;
    struct command commands[BIDS_MAX];
};

static struct lot lot;

static const char *need(const char *name)
{
    const char *value = getenv(name);
    ck_assert_msg(value != NULL, "%s is not set", name);
    return value;
}

/* --- workers --- */

static void worker_start(int index)
{
    char program[PATH_SIZE];
    const char *build = getenv("BUILD");
    ck_assert_int_eq(workers[index], 0);
    (void)snprintf(program, sizeof program, "%s/bin/rostrum-bidworker", build == NULL ? "build" : build);
    pid_t parent = getpid();
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        /* A failed test kills its workers. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent) {
            (void)execl(program, program, (char *)NULL);
        }
        _exit(127);
    }
    workers[index] = child;
}

/* Returns the wait status. */
static int worker_stop(int index, int signal_number)
{
    int status = -1;
    ck_assert_int_gt(workers[index], 0);
    ck_assert_int_eq(kill(workers[index], signal_number), 0);
    ck_assert_int_eq(waitpid(workers[index], &status, 0), workers[index]);
    workers[index] = 0;
    return status;
}

static int64_t workers_alive(void)
{
    return sql_int(sql,
                   "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1383035767 AND database = "
                   "(SELECT oid FROM pg_database WHERE datname = current_database())",
                   NULL);
}

/* --- the fixture --- */

static struct broker *broker_open(const char *name)
{
    struct broker_options options = {
        .base = base,
        .url = need("ROSTRUM_AMQP_URL"),
        .name = name,
        .heartbeat_s = HEARTBEAT_S,
        .connect_timeout_ms = CONNECT_MS,
        .unconfirmed_max = UNCONFIRMED_MAX,
    };
    struct broker *broker = broker_new(&options);
    ck_assert_ptr_nonnull(broker);
    LOOP_UNTIL(base, broker_state(broker) == BROKER_UP, DEADLINE_MS);
    return broker;
}

static struct uuid user_new(void)
{
    struct uuid id = uuid_new();
    char text[UUID_TEXT_SIZE];
    uuid_format(&id, text);
    PQclear(sql_rows(sql,
                     "INSERT INTO users (id, email, display_name, password_hash, created_at)"
                     " VALUES ($1::uuid, $1::text, 'somebody', 'none', now())",
                     text, NULL));
    return id;
}

static void fixture_setup(void)
{
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    sql = sql_open(need("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(sql);
    shards = sql_shards(sql);
    publishing = broker_open("bidworker_test publishing");
    consuming = broker_open("bidworker_test consuming");
    seller = user_new();
    for (size_t i = 0; i < BIDDERS; i++) {
        bidders[i] = user_new();
    }
    ck_assert_int_eq(workers_alive(), 0);
}

static void fixture_teardown(void)
{
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (workers[i] > 0) {
            (void)worker_stop(i, SIGKILL);
        }
    }
    broker_free(publishing);
    broker_free(consuming);
    sql_close(sql);
    event_base_free(base);
}

static void lot_open(const char *status)
{
    char seller_id[UUID_TEXT_SIZE];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    lot.id = uuid_new();
    lot.count = 0;
    lot.start_ms = clock_now_ms() + (strcmp(status, "scheduled") == 0 ? AUCTION_LIFE_MS / 2 : -AUCTION_LIFE_MS);
    lot.end_ms = clock_now_ms() + AUCTION_LIFE_MS;
    uuid_format(&lot.id, lot.text);
    uuid_format(&seller, seller_id);
    clock_format(lot.start_ms, start);
    clock_format(lot.end_ms, end);
    PGresult *made = sql_rows(
        sql,
        "INSERT INTO auctions (id, seller_id, title, starting_price, increments, snipe_window_s, snipe_extension_s,"
        " start_time, original_end_time, end_time, status, minimum_bid, created_at, updated_at)"
        " VALUES ($1, $2, 'A chair', 1, '[{\"from\": 0, \"increment\": 1.00}]', 60, 60, $3::timestamptz,"
        " $4::timestamptz, $4::timestamptz, 'active', 1, now(), now()) RETURNING id",
        lot.text, seller_id, start, end, NULL);
    ck_assert_ptr_nonnull(made);
    PQclear(made);
    PQclear(sql_rows(sql, "UPDATE auctions SET status = $2 WHERE id = $1::uuid RETURNING 1", lot.text, status, NULL));
}

/* The next bid: one increment higher, by the next bidder. */
static struct command *lot_bid(void)
{
    struct command *command = &lot.commands[lot.count];
    ck_assert_uint_lt(lot.count, BIDS_MAX);
    *command = (struct command){
        .kind = COMMAND_BID,
        .id = uuid_new(),
        .auction_id = lot.id,
        .user_id = bidders[lot.count % BIDDERS],
        .amount = (int64_t)(lot.count + 1) * 100,
        .received_ms = clock_now_ms(),
        .terms_version = 1,
    };
    lot.count++;
    return command;
}

static struct command *lot_command(enum command_kind kind, int64_t received_ms)
{
    struct command *command = lot_bid();
    *command = (struct command){.kind = kind, .id = command->id, .auction_id = lot.id, .received_ms = received_ms};
    return command;
}

static void on_verdict(enum broker_verdict verdict, void *arg)
{
    (void)arg;
    ck_assert_int_eq(verdict, BROKER_CONFIRMED);
    unconfirmed--;
}

static void publish_text(const char *text, size_t length)
{
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    topology_bid_key(&lot.id, shards, key);
    topology_bid_exchange(&lot.id, shards, exchange);
    struct broker_message message = {.exchange = exchange, .routing_key = key, .body = text, .length = length};
    unconfirmed++;
    ck_assert(broker_publish(publishing, &message, on_verdict, NULL));
}

/* Publishes `count` commands of the lot, from `first` on, in one message. */
static void publish(size_t first, size_t count)
{
    size_t length = 0;
    struct jsonw *writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    message_write_commands(writer, &lot.commands[first], count);
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    publish_text(text, length);
    jsonw_free(writer);
}

static void publish_confirmed(size_t first, size_t count)
{
    publish(first, count);
    LOOP_UNTIL(base, unconfirmed == 0, DEADLINE_MS);
}

/* Publishes `count` further bids in messages of 1 to 7. */
static void publish_bids(size_t count)
{
    enum { MESSAGE_MOST = 7 };
    for (size_t done = 0, size = 1; done < count; size = size % MESSAGE_MOST + 1) {
        size_t first = lot.count;
        size_t part = size < count - done ? size : count - done;
        for (size_t i = 0; i < part; i++) {
            (void)lot_bid();
        }
        publish(first, part);
        done += part;
    }
    LOOP_UNTIL(base, unconfirmed == 0, DEADLINE_MS);
}

static int64_t rows(void)
{
    return sql_int(sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", lot.text, NULL);
}

/* --- expectations --- */

/* The ledger holds the published commands, each once, in their order, with this status. */
static void expect_ledger(const char *status)
{
    PGresult *ledger =
        sql_rows(sql, "SELECT bid_id, seq, status FROM bids WHERE auction_id = $1::uuid ORDER BY seq", lot.text, NULL);
    ck_assert_ptr_nonnull(ledger);
    ck_assert_int_eq(PQntuples(ledger), (int)lot.count);
    for (int i = 0; i < PQntuples(ledger); i++) {
        char id[UUID_TEXT_SIZE];
        uuid_format(&lot.commands[i].id, id);
        ck_assert_str_eq(PQgetvalue(ledger, i, 0), id);
        ck_assert_int_eq(strtol(PQgetvalue(ledger, i, 1), NULL, 10), i + 1);
        ck_assert_str_eq(PQgetvalue(ledger, i, 2), status);
    }
    PQclear(ledger);
}

static void expect_verified(void)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    /* The lot's end is in the future. So its end was decided too early, which is not what the test is about. */
    PQclear(sql_rows(sql,
                     "UPDATE bids SET decided_at = received_at + interval '1 minute' WHERE auction_id = $1::uuid"
                     " AND kind = 'end'",
                     lot.text, NULL));
    ck_assert_msg(deployment_ctl(out, sizeof out, "verify", lot.text, NULL) == 0, "verify: %s", out);
}

/* The decision of the lot's command: "accepted", "outbid" or "rejected REASON". */
static const char *decision_of(size_t index)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&lot.commands[index].id, id);
    return sql_text(sql,
                    "SELECT status || coalesce(' ' || reason, '') FROM bids WHERE auction_id = $1::uuid AND bid_id ="
                    " $2::uuid",
                    lot.text, id, NULL);
}

/* Counts the messages of a queue that contain `text`. All messages are taken and acked. */
struct search {
    const char *text;
    int found;
    int all;
};

static void on_searched(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    struct search *search = arg;
    search->all++;
    if (memmem(delivery->body, delivery->length, search->text, strlen(search->text)) != NULL) {
        search->found++;
    }
    ck_assert(broker_ack(consumer, delivery->tag, false));
}

static struct broker_consumer *search_open(const char *queue, struct search *search)
{
    struct broker_consumer_options options = {
        .queue = queue, .prefetch = PREFETCH, .deliver = on_searched, .arg = search};
    struct broker_consumer *consumer = broker_consume(consuming, &options);
    ck_assert_ptr_nonnull(consumer);
    return consumer;
}

/* --- order, results --- */

static size_t answers;
static struct decision last_answer;

static void on_answer(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg)
{
    (void)redis;
    (void)channel;
    (void)arg;
    ck_assert(message_read_decision(bytes, length, &last_answer));
    answers++;
}

static int64_t listeners(struct redis *listening)
{
    return redis_up(listening) ? 1 : 0;
}

START_TEST(bids_are_decided_in_queue_order_and_results_published)
{
    enum { BIDS = 300 };
    struct uuid gateway = uuid_new();
    char channel[KEYS_SIZE];
    struct redis_options options = {.base = base,
                                    .url = need("ROSTRUM_REDIS_URL"),
                                    .timeout_ms = CONNECT_MS,
                                    .pending_max = 16,
                                    .on_message = on_answer};
    struct redis *listening = redis_new(&options);
    ck_assert_ptr_nonnull(listening);
    keys_reply_channel(&gateway, channel);
    ck_assert(redis_listen(listening, channel));
    LOOP_UNTIL(base, listeners(listening) == 1, DEADLINE_MS);
    answers = 0;
    lot_open("active");
    worker_start(0);
    publish_bids(BIDS);
    SUITE_WAIT(rows() == BIDS, DEADLINE_MS);
    expect_ledger("accepted");
    expect_verified();
    /* A redelivered bid makes no row, but its result is published again. */
    lot.commands[0].reply_to = gateway;
    publish(0, 1);
    LOOP_UNTIL(base, answers == 1, DEADLINE_MS);
    ck_assert_int_eq(last_answer.status, BID_ACCEPTED);
    ck_assert_int_eq(last_answer.amount, lot.commands[0].amount);
    ck_assert_int_eq(rows(), BIDS);
    /* A bid that appears twice in one message is decided once, and its result is published twice. */
    lot_bid()->reply_to = gateway;
    lot.commands[lot.count] = lot.commands[lot.count - 1];
    publish(lot.count - 1, 2);
    LOOP_UNTIL(base, answers == 3, DEADLINE_MS);
    ck_assert_int_eq(last_answer.status, BID_ACCEPTED);
    ck_assert_int_eq(rows(), BIDS + 1);
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
    redis_free(listening);
}
END_TEST

/* --- snapshots --- */

struct stored {
    bool answered;
    int64_t version; /* 0: no snapshot */
};

static void on_version(const redisReply *reply, void *arg)
{
    struct stored *stored = arg;
    stored->answered = true;
    stored->version = reply != NULL && reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

/* Runs a command, and returns its reply as a number. */
static int64_t in_redis(struct redis *redis, int count, const char *const *command)
{
    struct stored stored = {.answered = false};
    ck_assert(redis_command(redis, on_version, &stored, count, command, NULL));
    LOOP_UNTIL(base, stored.answered, DEADLINE_MS);
    return stored.version;
}

START_TEST(snapshots_are_published_again_to_redis_and_by_a_new_worker)
{
    char key[KEYS_SIZE];
    const char *const version[] = {"HGET", key, "v"};
    const char *const lose[] = {"HSET", key, "v", "1"};
    const char *const cut[] = {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"};
    struct redis_options options = {
        .base = base, .url = need("ROSTRUM_REDIS_URL"), .timeout_ms = CONNECT_MS, .pending_max = 16};
    struct redis *redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    LOOP_UNTIL(base, redis_up(redis), DEADLINE_MS);
    lot_open("active");
    worker_start(0);
    publish_bids(1);
    SUITE_WAIT(rows() == 1, DEADLINE_MS);
    struct uuid id = lot.commands[0].auction_id;
    keys_snapshot(sql_int(sql, "SELECT epoch FROM data_epoch", NULL), &id, key);
    SUITE_WAIT(in_redis(redis, ARRAY_LEN(version), version) == 2, DEADLINE_MS);
    (void)in_redis(redis, ARRAY_LEN(lose), lose);
    ck_assert_int_eq(in_redis(redis, ARRAY_LEN(version), version), 1);
    (void)in_redis(redis, ARRAY_LEN(cut), cut);
    SUITE_WAIT(in_redis(redis, ARRAY_LEN(version), version) == 2, DEADLINE_MS);
    (void)worker_stop(0, SIGKILL);
    (void)in_redis(redis, ARRAY_LEN(lose), lose);
    worker_start(0);
    SUITE_WAIT(in_redis(redis, ARRAY_LEN(version), version) == 2, DEADLINE_MS);
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
    redis_free(redis);
}
END_TEST

/* --- kill and hand over --- */

START_TEST(killed_workers_lose_no_bid_and_decide_none_twice)
{
    enum { ROUNDS = 5, BIDS = 400 };
    lot_open("active");
    worker_start(0);
    SUITE_WAIT(workers_alive() == 1, DEADLINE_MS);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t before = rows();
        publish_bids(BIDS);
        SUITE_WAIT(rows() > before, DEADLINE_MS);
        (void)worker_stop(0, SIGKILL);
        worker_start(0);
    }
    SUITE_WAIT(rows() >= (int64_t)ROUNDS * BIDS, DEADLINE_MS);
    expect_ledger("accepted");
    expect_verified();
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(workers_share_shards_and_hand_them_over_in_order)
{
    enum { ROUNDS = 6, BIDS = 200 };
    lot_open("active");
    worker_start(0);
    SUITE_WAIT(workers_alive() == 1, DEADLINE_MS);
    for (int round = 0; round < ROUNDS; round++) {
        int coming = (round + 1) % WORKERS_MAX;
        publish_bids(BIDS);
        worker_start(coming);
        SUITE_WAIT(workers_alive() == WORKERS_MAX, DEADLINE_MS);
        publish_bids(BIDS);
        /* The worker owns an unknown part of the shards and has bids in progress. */
        ck_assert_int_eq(worker_stop(1 - coming, SIGTERM), 0);
    }
    SUITE_WAIT(rows() >= (int64_t)ROUNDS * 2 * BIDS, DEADLINE_MS);
    expect_ledger("accepted");
    expect_verified();
}
END_TEST

/* Opens a relay in front of the deployment's broker and writes its URL. */
static void relay_to_broker(struct relay *relay, char url[static URL_SIZE])
{
    static char parts[URL_SIZE];
    struct amqp_connection_info server;
    (void)snprintf(parts, sizeof parts, "%s", need("ROSTRUM_AMQP_URL"));
    ck_assert_int_eq(amqp_parse_url(parts, &server), AMQP_STATUS_OK);
    *relay = (struct relay){.base = base, .host = server.host, .port = server.port};
    relay_open(relay);
    (void)snprintf(url, URL_SIZE, "amqp://%s:%s@127.0.0.1:%d/%s", server.user, server.password, relay->listen_port,
                   server.vhost);
}

START_TEST(a_worker_without_its_broker_leaves_its_shards_to_others)
{
    enum { BIDS = 200 };
    struct relay relay;
    char direct[URL_SIZE];
    char relayed[URL_SIZE];
    lot_open("active");
    (void)snprintf(direct, sizeof direct, "%s", need("ROSTRUM_AMQP_URL"));
    relay_to_broker(&relay, relayed);
    ck_assert_int_eq(setenv("ROSTRUM_AMQP_URL", relayed, 1), 0);
    worker_start(0);
    ck_assert_int_eq(setenv("ROSTRUM_AMQP_URL", direct, 1), 0);
    LOOP_UNTIL(base, workers_alive() == 1, DEADLINE_MS);
    publish_bids(BIDS);
    LOOP_UNTIL(base, rows() == BIDS, DEADLINE_MS);
    relay_close(&relay);
    SUITE_WAIT(workers_alive() == 0, DEADLINE_MS);
    worker_start(1);
    publish_bids(BIDS);
    SUITE_WAIT(rows() == (int64_t)2 * BIDS, DEADLINE_MS);
    ck_assert_int_eq(workers_alive(), 1);
    expect_ledger("accepted");
    expect_verified();
}
END_TEST

START_TEST(a_lost_postgresql_connection_in_mid_batch_loses_and_repeats_no_bid)
{
    enum { ROUNDS = 10, BIDS = 200 };
    lot_open("active");
    worker_start(0);
    SUITE_WAIT(workers_alive() == 1, DEADLINE_MS);
    for (int round = 0; round < ROUNDS; round++) {
        publish_bids(BIDS);
        PQclear(sql_rows(sql,
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE"
                         " 'rostrum-bidworker%' AND datname = current_database()",
                         NULL));
    }
    SUITE_WAIT(rows() >= (int64_t)ROUNDS * BIDS, DEADLINE_MS);
    expect_ledger("accepted");
    expect_verified();
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
}
END_TEST

/* --- commands that cannot be decided --- */

START_TEST(a_bid_that_fails_its_batch_is_rejected_in_its_place)
{
    enum { BIDS = 20, POISON = 7, UNSTORABLE = 13 };
    struct search search = {.text = lot.text};
    char one[UUID_TEXT_SIZE];
    char other[UUID_TEXT_SIZE];
    char statement[1024];
    lot_open("active");
    for (int i = 0; i < BIDS; i++) {
        (void)lot_bid();
    }
    uuid_format(&lot.commands[POISON].id, one);
    uuid_format(&lot.commands[UNSTORABLE].id, other);
    /* PostgreSQL refuses one of them if it is accepted, and the other with any amount. */
    (void)snprintf(statement, sizeof statement,
                   "CREATE OR REPLACE FUNCTION bidworker_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                   " IF (NEW.bid_id = '%s' AND NEW.status = 'accepted') OR (NEW.bid_id = '%s' AND NEW.amount IS NOT"
                   " NULL) THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEW; END $$",
                   one, other);
    PQclear(sql_rows(sql, statement, NULL));
    PQclear(sql_rows(sql,
                     "CREATE TRIGGER bidworker_test BEFORE INSERT ON bids FOR EACH ROW EXECUTE FUNCTION"
                     " bidworker_test()",
                     NULL));
    struct broker_consumer *consumer = search_open(TOPOLOGY_DEAD_QUEUE, &search);
    publish_confirmed(0, BIDS);
    worker_start(0);
    LOOP_UNTIL(base, rows() == BIDS && search.found == 2, DEADLINE_MS);
    PQclear(sql_rows(sql, "DROP TRIGGER bidworker_test ON bids", NULL));
    for (size_t i = 0; i < BIDS; i++) {
        bool poison = i == POISON || i == UNSTORABLE;
        ck_assert_str_eq(decision_of(i), poison ? "rejected INTERNAL_ERROR" : "accepted");
    }
    ck_assert_int_eq(
        sql_int(sql, "SELECT seq FROM bids WHERE auction_id = $1::uuid AND bid_id = $2::uuid", lot.text, one, NULL),
        POISON + 1);
    expect_verified();
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(undecodable_messages_go_to_the_dead_letters)
{
    static const char undecodable[] = "this is no message of ours";
    static const char binary[] = "\x00\xff\xfe garbage \x00";
    struct search search = {.text = "garbage"};
    struct search other = {.text = undecodable};
    char text[1024];
    char id[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    lot_open("active");
    struct broker_consumer *consumer = search_open(TOPOLOGY_DEAD_QUEUE, &other);
    (void)lot_bid();
    publish(0, 1);
    publish_text(undecodable, sizeof undecodable - 1);
    (void)lot_bid();
    publish(1, 1);
    worker_start(0);
    LOOP_UNTIL(base, rows() == 2 && other.found == 1, DEADLINE_MS);
    broker_consumer_close(consumer);
    consumer = search_open(TOPOLOGY_DEAD_QUEUE, &search);
    publish_text(binary, sizeof binary - 1);
    LOOP_UNTIL(base, search.found == 1, DEADLINE_MS);
    /* A command of an unknown kind keeps its place in the ledger. */
    struct command *command = lot_bid();
    uuid_format(&command->id, id);
    uuid_format(&command->user_id, user);
    search = (struct search){.text = "haggle"};
    (void)snprintf(text, sizeof text,
                   "{\"v\":1,\"commands\":[{\"k\":\"haggle\",\"i\":\"%s\",\"a\":\"%s\",\"u\":\"%s\",\"m\":300}]}", id,
                   lot.text, user);
    publish_text(text, strlen(text));
    (void)lot_bid();
    publish(3, 1);
    LOOP_UNTIL(base, rows() == 4 && search.found == 1, DEADLINE_MS);
    ck_assert_str_eq(decision_of(2), "rejected INTERNAL_ERROR");
    ck_assert_str_eq(decision_of(3), "accepted");
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(bids_on_an_unknown_auction_are_rejected_not_found)
{
    lot.id = uuid_new();
    lot.count = 0;
    uuid_format(&lot.id, lot.text);
    worker_start(0);
    publish_bids(3);
    (void)lot_command(COMMAND_FENCE, clock_now_ms());
    publish_confirmed(3, 1);
    lot.count--;
    SUITE_WAIT(rows() == 3, DEADLINE_MS);
    publish_bids(2);
    SUITE_WAIT(rows() == 5, DEADLINE_MS);
    expect_ledger("rejected");
    ck_assert_str_eq(decision_of(4), "rejected NOT_FOUND");
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
}
END_TEST

/* Receives and returns messages until the broker's delivery count is high enough. */
struct redelivery {
    int64_t most;
};

static void on_redelivery(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg)
{
    struct redelivery *redelivery = arg;
    (void)consumer;
    if (delivery->delivery_count > redelivery->most) {
        redelivery->most = delivery->delivery_count;
    }
}

/* Returns the lot's messages to their queue so often that each is decided alone. */
static void redeliver(void)
{
    enum { DELIVERIES = 8 };
    struct redelivery redelivery = {.most = -1};
    char queue[TOPOLOGY_QUEUE_SIZE];
    topology_shard_name(ids_shard(&lot.id, shards), queue);
    struct broker_consumer_options options = {
        .queue = queue, .prefetch = PREFETCH, .deliver = on_redelivery, .arg = &redelivery};
    for (int64_t times = 0; times < DELIVERIES; times++) {
        struct broker_consumer *consumer = broker_consume(consuming, &options);
        ck_assert_ptr_nonnull(consumer);
        LOOP_UNTIL(base, redelivery.most >= times, DEADLINE_MS);
        broker_consumer_close(consumer);
    }
}

/* Attempts that are counted against the lot's commands. */
static int64_t attempts(void)
{
    return sql_int(sql, "SELECT coalesce(sum(attempts), 0) FROM suspects WHERE auction_id = $1::uuid", lot.text, NULL);
}

/* Whether a worker is in the middle of an attempt: it waits for the row of the lot's price, which `locking` holds. */
static bool attempting(int64_t count)
{
    static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                                  " application_name = 'rostrum-bidworker' AND datname = current_database()";
    return attempts() == count && sql_int(sql, waiting, NULL) == 1;
}

static const char row_lock[] = "SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE";
static const char price_lock[] = "SELECT FROM auction_prices WHERE auction_id = $1::uuid FOR UPDATE";
static struct sql *locking;
static char settings[PROGRAM_SETTINGS_SIZE];

/* One bid that is decided alone and raises the price, if `locking` allows it. Leases, and so lock waits, are short. */
static void lot_locked(const char *lock)
{
    program_settings("[postgres]\nlease_s = 1\n", settings);
    ck_assert_int_eq(setenv("ROSTRUM_CONF", settings, 1), 0);
    lot_open("active");
    lot_bid()->amount = 500;
    publish_confirmed(0, 1);
    redeliver();
    locking = sql_open(need("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(locking);
    PQclear(sql_rows(locking, "BEGIN", NULL));
    PQclear(sql_rows(locking, lock, lot.text, NULL));
}

/* Whether the count of attempts at the lot's command has changed since the last call. */
static bool attempts_changed(char change[static UUID_TEXT_SIZE])
{
    char last[UUID_TEXT_SIZE];
    (void)snprintf(last, sizeof last, "%s", change);
    (void)snprintf(change, UUID_TEXT_SIZE, "%s",
                   sql_text(sql, "SELECT xmin FROM suspects WHERE auction_id = $1::uuid", lot.text, NULL));
    return strcmp(change, last) != 0;
}

static void lot_unlock(void)
{
    sql_close(locking);
    program_settings_remove(settings);
    ck_assert_int_eq(unsetenv("ROSTRUM_CONF"), 0);
}

START_TEST(a_bid_is_innocent_of_orderly_ends_and_failed_transactions)
{
    enum { ROUNDS = 5 };
    lot_locked(price_lock);
    for (int round = 0; round < ROUNDS; round++) {
        worker_start(0);
        LOOP_UNTIL(base, attempting(1), DEADLINE_MS);
        int status = worker_stop(0, SIGTERM);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        ck_assert_int_eq(attempts(), 0);
    }
    worker_start(0);
    LOOP_UNTIL(base, attempting(1), DEADLINE_MS);
    LOOP_UNTIL(base, attempts() == 0, DEADLINE_MS);
    lot_unlock();
    LOOP_UNTIL(base, rows() == 1, DEADLINE_MS);
    ck_assert_str_eq(decision_of(0), "accepted");
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(a_bid_is_innocent_of_a_locked_row)
{
    enum { TRIES = 5 };
    char change[UUID_TEXT_SIZE] = "";
    lot_locked(row_lock);
    worker_start(0);
    for (int i = 0; i < TRIES; i++) {
        LOOP_UNTIL(base, attempts_changed(change), DEADLINE_MS);
    }
    ck_assert_int_le(attempts(), 1);
    lot_unlock();
    LOOP_UNTIL(base, rows() == 1, DEADLINE_MS);
    ck_assert_str_eq(decision_of(0), "accepted");
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(a_bid_that_hangs_and_kills_workers_is_rejected_and_dead_lettered)
{
    struct search search = {.text = lot.text};
    lot_locked(price_lock);
    worker_start(0);
    LOOP_UNTIL(base, attempting(1), DEADLINE_MS);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    LOOP_UNTIL(base, workers_alive() == 0 && !attempting(1), DEADLINE_MS);
    ck_assert_int_eq(kill(workers[0], SIGCONT), 0);
    LOOP_UNTIL(base, attempting(2), DEADLINE_MS);
    (void)worker_stop(0, SIGKILL);
    LOOP_UNTIL(base, !attempting(2), DEADLINE_MS);
    ck_assert_int_eq(attempts(), 2);
    struct broker_consumer *consumer = search_open(TOPOLOGY_DEAD_QUEUE, &search);
    worker_start(0);
    LOOP_UNTIL(base, rows() == 1 && search.found == 1, DEADLINE_MS); /* rejected, it leaves the price as it was */
    lot_unlock();
    ck_assert_str_eq(decision_of(0), "rejected INTERNAL_ERROR");
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(only_the_guilty_bid_of_many_is_rejected)
{
    enum { BIDS = 6, KILLER = 2 };
    struct search search = {.text = lot.text};
    char id[UUID_TEXT_SIZE];
    lot_open("active");
    for (int i = 0; i < BIDS; i++) {
        (void)lot_bid();
    }
    publish_confirmed(0, BIDS);
    redeliver();
    /* The row that two workers leave if they crash while they decide this bid. */
    uuid_format(&lot.commands[KILLER].id, id);
    PQclear(sql_rows(sql, "INSERT INTO suspects VALUES ($1::uuid, $2::uuid, 2)", lot.text, id, NULL));
    struct broker_consumer *consumer = search_open(TOPOLOGY_DEAD_QUEUE, &search);
    worker_start(0);
    LOOP_UNTIL(base, rows() == BIDS && search.found == 1, DEADLINE_MS);
    for (size_t i = 0; i < BIDS; i++) {
        ck_assert_str_eq(decision_of(i), i == KILLER ? "rejected INTERNAL_ERROR" : "accepted");
    }
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM suspects WHERE auction_id = $1::uuid", lot.text, NULL), 0);
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

/* --- the hammer --- */

static const char *auction_status(void)
{
    return sql_text(sql, "SELECT status FROM auctions WHERE id = $1::uuid", lot.text, NULL);
}

START_TEST(a_fence_behind_an_extension_has_no_effect)
{
    struct search search = {.text = lot.text};
    lot_open("active");
    struct broker_consumer *consumer = search_open(TOPOLOGY_AUCTION_END_QUEUE, &search);
    /* In the last second, so the end moves. The fence of the old end is behind it in the queue and has no effect. */
    lot_bid()->received_ms = lot.end_ms - 1000;
    (void)lot_command(COMMAND_FENCE, lot.end_ms);
    publish(0, 2);
    /* In time for the new end only. */
    lot_bid()->received_ms = lot.end_ms + 1000;
    publish(2, 1);
    int64_t end_ms = lot.end_ms + 1000 + SNIPE_S * INT64_C(1000);
    (void)lot_command(COMMAND_FENCE, end_ms);
    (void)lot_command(COMMAND_FENCE, end_ms + 1000);
    lot_bid()->received_ms = end_ms - 1;
    publish_confirmed(3, 3);
    worker_start(0);
    SUITE_WAIT(rows() == 4, DEADLINE_MS);
    ck_assert_str_eq(auction_status(), "ended");
    ck_assert_str_eq(decision_of(0), "accepted");
    ck_assert_str_eq(decision_of(1), "");
    ck_assert_str_eq(decision_of(2), "accepted");
    ck_assert_str_eq(decision_of(3), "accepted");
    ck_assert_str_eq(decision_of(4), "");
    ck_assert_str_eq(decision_of(5), "rejected AUCTION_ENDED");
    LOOP_UNTIL(base, search.found == 1, DEADLINE_MS);
    SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM outbox WHERE body LIKE '%' || $1 || '%'", lot.text, NULL) == 0,
               DEADLINE_MS);
    ck_assert_int_eq(search.found, 1);
    expect_verified();
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(a_fence_ends_an_auction_that_was_never_started)
{
    lot_open("scheduled");
    (void)lot_command(COMMAND_FENCE, lot.end_ms - 1);
    (void)lot_command(COMMAND_FENCE, lot.end_ms);
    (void)lot_command(COMMAND_START, lot.end_ms);
    publish_confirmed(0, 3);
    worker_start(0);
    SUITE_WAIT(strcmp(auction_status(), "ended") == 0, DEADLINE_MS);
    ck_assert_str_eq(sql_text(sql, "SELECT string_agg(kind, ' ' ORDER BY seq) FROM bids WHERE auction_id = $1::uuid",
                              lot.text, NULL),
                     "start end");
    expect_verified();
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(a_ban_counts_at_the_time_of_decision)
{
    char id[UUID_TEXT_SIZE];
    lot_open("active");
    (void)lot_bid();
    (void)lot_bid();
    uuid_format(&lot.commands[1].user_id, id);
    PQclear(sql_rows(sql, "UPDATE users SET banned_at = now() WHERE id = $1::uuid", id, NULL));
    publish_confirmed(0, 2);
    worker_start(0);
    SUITE_WAIT(rows() == 2, DEADLINE_MS);
    ck_assert_str_eq(decision_of(0), "accepted");
    ck_assert_str_eq(decision_of(1), "rejected USER_BANNED");
    ck_assert_int_eq(worker_stop(0, SIGTERM), 0);
}
END_TEST

static Suite *bidworker_suite(void)
{
    enum { TEST_S = 120 };
    const TTest *const tests[] = {
        bids_are_decided_in_queue_order_and_results_published,
        snapshots_are_published_again_to_redis_and_by_a_new_worker,
        killed_workers_lose_no_bid_and_decide_none_twice,
        workers_share_shards_and_hand_them_over_in_order,
        a_worker_without_its_broker_leaves_its_shards_to_others,
        a_lost_postgresql_connection_in_mid_batch_loses_and_repeats_no_bid,
        a_bid_that_fails_its_batch_is_rejected_in_its_place,
        undecodable_messages_go_to_the_dead_letters,
        bids_on_an_unknown_auction_are_rejected_not_found,
        a_bid_is_innocent_of_orderly_ends_and_failed_transactions,
        a_bid_is_innocent_of_a_locked_row,
        a_bid_that_hangs_and_kills_workers_is_rejected_and_dead_lettered,
        only_the_guilty_bid_of_many_is_rejected,
        a_fence_behind_an_extension_has_no_effect,
        a_fence_ends_an_auction_that_was_never_started,
        a_ban_counts_at_the_time_of_decision,
    };
    Suite *suite = suite_create("bidworker");
    TCase *tcase = tcase_create("bidworker");
    tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
    tcase_set_timeout(tcase, TEST_S);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(bidworker_suite());
}
