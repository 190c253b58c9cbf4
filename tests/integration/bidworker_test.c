/*
 * rostrum-bidworker against real servers, tested by its effects: the ledger, the queues, the results. The tests start
 * and kill their own workers and publish commands as a gateway does. They need a migrated deployment without any other
 * bid worker (deploy/private servers). bidworker_undecidable_test tests the commands that cannot be decided.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/topology.h"
#include "tests/support/bidworkers.h"
#include "tests/support/queue_search.h"
#include "tests/support/queued_lot.h"
#include "tests/support/relay.h"

enum { SNIPE_S = 60 }; /* of queued_lot_open */

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
    struct redis_options options = {.base = bidworkers.base,
                                    .url = bidworkers_variable("ROSTRUM_REDIS_URL"),
                                    .timeout_ms = BIDWORKERS_CONNECT_MS,
                                    .pending_max = 16,
                                    .on_message = on_answer};
    struct redis *listening = redis_new(&options);
    ck_assert_ptr_nonnull(listening);
    keys_reply_channel(&gateway, channel);
    ck_assert(redis_listen(listening, channel));
    LOOP_UNTIL(bidworkers.base, listeners(listening) == 1, BIDWORKERS_DEADLINE_MS);
    answers = 0;
    queued_lot_open("active");
    bidworkers_start(0);
    queued_lot_publish_bids(BIDS);
    SUITE_WAIT(queued_lot_rows() == BIDS, BIDWORKERS_DEADLINE_MS);
    queued_lot_expect("accepted");
    queued_lot_verify();
    /* A redelivered bid makes no row, but its result is published again. */
    queued_lot.commands[0].reply_to = gateway;
    queued_lot_publish(0, 1);
    LOOP_UNTIL(bidworkers.base, answers == 1, BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(last_answer.status, BID_ACCEPTED);
    ck_assert_int_eq(last_answer.amount, queued_lot.commands[0].amount);
    ck_assert_int_eq(queued_lot_rows(), BIDS);
    /* A bid that appears twice in one message is decided once, and its result is published twice. */
    queued_lot_bid()->reply_to = gateway;
    queued_lot.commands[queued_lot.count] = queued_lot.commands[queued_lot.count - 1];
    queued_lot_publish(queued_lot.count - 1, 2);
    LOOP_UNTIL(bidworkers.base, answers == 3, BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(last_answer.status, BID_ACCEPTED);
    ck_assert_int_eq(queued_lot_rows(), BIDS + 1);
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
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
    LOOP_UNTIL(bidworkers.base, stored.answered, BIDWORKERS_DEADLINE_MS);
    return stored.version;
}

START_TEST(snapshots_are_published_again_to_redis_and_by_a_new_worker)
{
    char key[KEYS_SIZE];
    const char *const version[] = {"HGET", key, "v"};
    const char *const lose[] = {"HSET", key, "v", "1"};
    const char *const cut[] = {"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"};
    struct redis_options options = {.base = bidworkers.base,
                                    .url = bidworkers_variable("ROSTRUM_REDIS_URL"),
                                    .timeout_ms = BIDWORKERS_CONNECT_MS,
                                    .pending_max = 16};
    struct redis *redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    LOOP_UNTIL(bidworkers.base, redis_up(redis), BIDWORKERS_DEADLINE_MS);
    queued_lot_open("active");
    bidworkers_start(0);
    queued_lot_publish_bids(1);
    SUITE_WAIT(queued_lot_rows() == 1, BIDWORKERS_DEADLINE_MS);
    struct uuid id = queued_lot.commands[0].auction_id;
    keys_snapshot(sql_int(bidworkers.sql, "SELECT epoch FROM data_epoch", NULL), &id, key);
    SUITE_WAIT(in_redis(redis, ARRAY_LEN(version), version) == 2, BIDWORKERS_DEADLINE_MS);
    (void)in_redis(redis, ARRAY_LEN(lose), lose);
    ck_assert_int_eq(in_redis(redis, ARRAY_LEN(version), version), 1);
    (void)in_redis(redis, ARRAY_LEN(cut), cut);
    SUITE_WAIT(in_redis(redis, ARRAY_LEN(version), version) == 2, BIDWORKERS_DEADLINE_MS);
    (void)bidworkers_stop(0, SIGKILL);
    (void)in_redis(redis, ARRAY_LEN(lose), lose);
    bidworkers_start(0);
    SUITE_WAIT(in_redis(redis, ARRAY_LEN(version), version) == 2, BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
    redis_free(redis);
}
END_TEST

/* --- kill and hand over --- */

START_TEST(killed_workers_lose_no_bid_and_decide_none_twice)
{
    enum { ROUNDS = 5, BIDS = 400 };
    queued_lot_open("active");
    bidworkers_start(0);
    SUITE_WAIT(bidworkers_alive() == 1, BIDWORKERS_DEADLINE_MS);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t before = queued_lot_rows();
        queued_lot_publish_bids(BIDS);
        SUITE_WAIT(queued_lot_rows() > before, BIDWORKERS_DEADLINE_MS);
        (void)bidworkers_stop(0, SIGKILL);
        bidworkers_start(0);
    }
    SUITE_WAIT(queued_lot_rows() >= (int64_t)ROUNDS * BIDS, BIDWORKERS_DEADLINE_MS);
    queued_lot_expect("accepted");
    queued_lot_verify();
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(workers_share_shards_and_hand_them_over_in_order)
{
    enum { ROUNDS = 6, BIDS = 200 };
    queued_lot_open("active");
    bidworkers_start(0);
    SUITE_WAIT(bidworkers_alive() == 1, BIDWORKERS_DEADLINE_MS);
    for (int round = 0; round < ROUNDS; round++) {
        int coming = (round + 1) % BIDWORKERS_MAX;
        queued_lot_publish_bids(BIDS);
        bidworkers_start(coming);
        SUITE_WAIT(bidworkers_alive() == BIDWORKERS_MAX, BIDWORKERS_DEADLINE_MS);
        queued_lot_publish_bids(BIDS);
        /* The worker owns an unknown part of the shards and has bids in progress. */
        ck_assert_int_eq(bidworkers_stop(1 - coming, SIGTERM), 0);
    }
    SUITE_WAIT(queued_lot_rows() >= (int64_t)ROUNDS * 2 * BIDS, BIDWORKERS_DEADLINE_MS);
    queued_lot_expect("accepted");
    queued_lot_verify();
}
END_TEST

START_TEST(a_worker_without_its_broker_leaves_its_shards_to_others)
{
    enum { BIDS = 200 };
    struct relay relay = {.base = bidworkers.base};
    char direct[RELAY_URL_SIZE];
    char relayed[RELAY_URL_SIZE];
    queued_lot_open("active");
    (void)snprintf(direct, sizeof direct, "%s", bidworkers_variable("ROSTRUM_AMQP_URL"));
    relay_open_url(&relay, direct, relayed);
    ck_assert_int_eq(setenv("ROSTRUM_AMQP_URL", relayed, 1), 0);
    bidworkers_start(0);
    ck_assert_int_eq(setenv("ROSTRUM_AMQP_URL", direct, 1), 0);
    LOOP_UNTIL(bidworkers.base, bidworkers_alive() == 1, BIDWORKERS_DEADLINE_MS);
    queued_lot_publish_bids(BIDS);
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == BIDS, BIDWORKERS_DEADLINE_MS);
    relay_close(&relay);
    SUITE_WAIT(bidworkers_alive() == 0, BIDWORKERS_DEADLINE_MS);
    bidworkers_start(1);
    queued_lot_publish_bids(BIDS);
    SUITE_WAIT(queued_lot_rows() == (int64_t)2 * BIDS, BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(bidworkers_alive(), 1);
    queued_lot_expect("accepted");
    queued_lot_verify();
}
END_TEST

START_TEST(a_lost_postgresql_connection_in_mid_batch_loses_and_repeats_no_bid)
{
    enum { ROUNDS = 10, BIDS = 200 };
    queued_lot_open("active");
    bidworkers_start(0);
    SUITE_WAIT(bidworkers_alive() == 1, BIDWORKERS_DEADLINE_MS);
    for (int round = 0; round < ROUNDS; round++) {
        queued_lot_publish_bids(BIDS);
        PQclear(sql_rows(bidworkers.sql,
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE"
                         " 'rostrum-bidworker%' AND datname = current_database()",
                         NULL));
    }
    SUITE_WAIT(queued_lot_rows() >= (int64_t)ROUNDS * BIDS, BIDWORKERS_DEADLINE_MS);
    queued_lot_expect("accepted");
    queued_lot_verify();
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
}
END_TEST

/* Sessions of the worker that wait for a lock. */
static int64_t blocked_sessions(void)
{
    return sql_int(bidworkers.sql,
                   "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'rostrum-bidworker%'"
                   " AND datname = current_database() AND wait_event_type = 'Lock'",
                   NULL);
}

/* A batch is cut in half after some lost attempts. While the worker waits for its lease it attempts nothing. */
START_TEST(a_batch_stays_whole_while_its_worker_waits_for_the_lease)
{
    enum { BIDS = 8, WAIT_MS = 2000 /* many retries, and shorter than a lease */ };
    struct sql *holder = sql_open(bidworkers_variable("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(holder);
    queued_lot_open("active");
    bidworkers_start(0);
    SUITE_WAIT(bidworkers_alive() == 1, BIDWORKERS_DEADLINE_MS);
    PQclear(sql_rows(holder, "BEGIN", NULL));
    PQclear(sql_rows(holder, "LOCK TABLE bids", NULL));
    for (int i = 0; i < BIDS; i++) {
        (void)queued_lot_bid();
    }
    queued_lot_publish_confirmed(0, BIDS);
    SUITE_WAIT(blocked_sessions() == 1, BIDWORKERS_DEADLINE_MS);
    /* Its sessions end, and before it has new ones its lock has another owner. */
    PQclear(sql_rows(holder,
                     "WITH held AS MATERIALIZED (SELECT objid::integer AS number FROM pg_locks WHERE locktype ="
                     " 'advisory' AND classid = 1383035767), ended AS MATERIALIZED (SELECT"
                     " count(pg_terminate_backend(a.pid)) FROM held, pg_stat_activity a WHERE a.application_name LIKE"
                     " 'rostrum-bidworker%' AND a.datname = current_database())"
                     " SELECT pg_advisory_xact_lock(1383035767, held.number) FROM held, ended",
                     NULL));
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    SUITE_WAIT(clock_mono_ms() >= until_ms, BIDWORKERS_DEADLINE_MS);
    PQclear(sql_rows(holder, "ROLLBACK", NULL));
    SUITE_WAIT(queued_lot_rows() == BIDS, BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(sql_int(bidworkers.sql, "SELECT count(DISTINCT decided_at) FROM bids WHERE auction_id = $1::uuid",
                             queued_lot.text, NULL),
                     1);
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
    sql_close(holder);
}
END_TEST

/* --- the hammer --- */

static const char *auction_status(void)
{
    return sql_text(bidworkers.sql, "SELECT status FROM auctions WHERE id = $1::uuid", queued_lot.text, NULL);
}

START_TEST(a_fence_behind_an_extension_has_no_effect)
{
    struct queue_search search = {.text = queued_lot.text};
    queued_lot_open("active");
    struct broker_consumer *consumer = queue_search_open(bidworkers.consuming, TOPOLOGY_AUCTION_END_QUEUE, &search);
    /* In the last second, so the end moves. The fence of the old end is behind it in the queue and has no effect. */
    queued_lot_bid()->received_ms = queued_lot.end_ms - 1000;
    (void)queued_lot_command(COMMAND_FENCE, queued_lot.end_ms);
    queued_lot_publish(0, 2);
    /* In time for the new end only. */
    queued_lot_bid()->received_ms = queued_lot.end_ms + 1000;
    queued_lot_publish(2, 1);
    int64_t end_ms = queued_lot.end_ms + 1000 + SNIPE_S * INT64_C(1000);
    (void)queued_lot_command(COMMAND_FENCE, end_ms);
    (void)queued_lot_command(COMMAND_FENCE, end_ms + 1000);
    queued_lot_bid()->received_ms = end_ms - 1;
    queued_lot_publish_confirmed(3, 3);
    bidworkers_start(0);
    SUITE_WAIT(queued_lot_rows() == 4, BIDWORKERS_DEADLINE_MS);
    ck_assert_str_eq(auction_status(), "ended");
    ck_assert_str_eq(queued_lot_decision(0), "accepted");
    ck_assert_str_eq(queued_lot_decision(1), "");
    ck_assert_str_eq(queued_lot_decision(2), "accepted");
    ck_assert_str_eq(queued_lot_decision(3), "accepted");
    ck_assert_str_eq(queued_lot_decision(4), "");
    ck_assert_str_eq(queued_lot_decision(5), "rejected AUCTION_ENDED");
    LOOP_UNTIL(bidworkers.base, search.found == 1, BIDWORKERS_DEADLINE_MS);
    SUITE_WAIT(sql_int(bidworkers.sql, "SELECT count(*) FROM outbox WHERE body LIKE '%' || $1 || '%'", queued_lot.text,
                       NULL) == 0,
               BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(search.found, 1);
    queued_lot_verify();
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(a_fence_ends_an_auction_that_was_never_started)
{
    queued_lot_open("scheduled");
    (void)queued_lot_command(COMMAND_FENCE, queued_lot.end_ms - 1);
    (void)queued_lot_command(COMMAND_FENCE, queued_lot.end_ms);
    (void)queued_lot_command(COMMAND_START, queued_lot.end_ms);
    queued_lot_publish_confirmed(0, 3);
    bidworkers_start(0);
    SUITE_WAIT(strcmp(auction_status(), "ended") == 0, BIDWORKERS_DEADLINE_MS);
    ck_assert_str_eq(sql_text(bidworkers.sql,
                              "SELECT string_agg(kind, ' ' ORDER BY seq) FROM bids WHERE auction_id = $1::uuid",
                              queued_lot.text, NULL),
                     "start end");
    queued_lot_verify();
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(a_ban_counts_at_the_time_of_decision)
{
    char id[UUID_TEXT_SIZE];
    queued_lot_open("active");
    (void)queued_lot_bid();
    (void)queued_lot_bid();
    uuid_format(&queued_lot.commands[1].user_id, id);
    PQclear(sql_rows(bidworkers.sql, "UPDATE users SET banned_at = now() WHERE id = $1::uuid", id, NULL));
    queued_lot_publish_confirmed(0, 2);
    bidworkers_start(0);
    SUITE_WAIT(queued_lot_rows() == 2, BIDWORKERS_DEADLINE_MS);
    ck_assert_str_eq(queued_lot_decision(0), "accepted");
    ck_assert_str_eq(queued_lot_decision(1), "rejected USER_BANNED");
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
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
        a_batch_stays_whole_while_its_worker_waits_for_the_lease,
        a_fence_behind_an_extension_has_no_effect,
        a_fence_ends_an_auction_that_was_never_started,
        a_ban_counts_at_the_time_of_decision,
    };
    Suite *suite = suite_create("bidworker");
    TCase *tcase = tcase_create("bidworker");
    tcase_add_checked_fixture(tcase, bidworkers_set_up, bidworkers_tear_down);
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
