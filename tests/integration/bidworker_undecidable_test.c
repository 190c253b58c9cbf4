/*
 * Commands that rostrum-bidworker cannot decide, against real servers: bids that PostgreSQL refuses, undecodable
 * messages, unknown auctions, and bids in whose decision workers crash. The tests need a migrated deployment without
 * any other bid worker (deploy/private servers).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/broker_consumer.h"
#include "common/protocol/topology.h"
#include "tests/support/bidworkers.h"
#include "tests/support/queue_search.h"
#include "tests/support/queued_lot.h"

enum { PREFETCH = 256 }; /* commands */

START_TEST(a_bid_that_fails_its_batch_is_rejected_in_its_place)
{
    enum { BIDS = 20, POISON = 7, UNSTORABLE = 13 };
    struct queue_search search = {.text = queued_lot.text};
    char one[UUID_TEXT_SIZE];
    char other[UUID_TEXT_SIZE];
    char statement[1024];
    queued_lot_open("active");
    for (int i = 0; i < BIDS; i++) {
        (void)queued_lot_bid();
    }
    uuid_format(&queued_lot.commands[POISON].id, one);
    uuid_format(&queued_lot.commands[UNSTORABLE].id, other);
    /* PostgreSQL refuses one of them if it is accepted, and the other with any amount. */
    (void)snprintf(
        statement, sizeof statement,
        "CREATE OR REPLACE FUNCTION bidworker_undecidable_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (NEW.bid_id = '%s' AND NEW.status = 'accepted') OR (NEW.bid_id = '%s' AND NEW.amount IS NOT"
        " NULL) THEN RAISE EXCEPTION 'poison'; END IF; RETURN NEW; END $$",
        one, other);
    PQclear(sql_rows(bidworkers.sql, statement, NULL));
    PQclear(sql_rows(bidworkers.sql,
                     "CREATE TRIGGER bidworker_undecidable_test BEFORE INSERT ON bids FOR EACH ROW EXECUTE FUNCTION"
                     " bidworker_undecidable_test()",
                     NULL));
    struct broker_consumer *consumer = queue_search_open(bidworkers.consuming, TOPOLOGY_DEAD_QUEUE, &search);
    queued_lot_publish_confirmed(0, BIDS);
    bidworkers_start(0);
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == BIDS && search.found == 2, BIDWORKERS_DEADLINE_MS);
    PQclear(sql_rows(bidworkers.sql, "DROP TRIGGER bidworker_undecidable_test ON bids", NULL));
    for (size_t i = 0; i < BIDS; i++) {
        bool poison = i == POISON || i == UNSTORABLE;
        ck_assert_str_eq(queued_lot_decision(i), poison ? "rejected INTERNAL_ERROR" : "accepted");
    }
    ck_assert_int_eq(sql_int(bidworkers.sql, "SELECT seq FROM bids WHERE auction_id = $1::uuid AND bid_id = $2::uuid",
                             queued_lot.text, one, NULL),
                     POISON + 1);
    queued_lot_verify();
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(undecodable_messages_go_to_the_dead_letters)
{
    static const char undecodable[] = "this is no message of ours";
    static const char binary[] = "\x00\xff\xfe garbage \x00";
    struct queue_search search = {.text = "garbage"};
    struct queue_search other = {.text = undecodable};
    char text[1024];
    char id[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    queued_lot_open("active");
    struct broker_consumer *consumer = queue_search_open(bidworkers.consuming, TOPOLOGY_DEAD_QUEUE, &other);
    (void)queued_lot_bid();
    queued_lot_publish(0, 1);
    queued_lot_publish_text(undecodable, sizeof undecodable - 1);
    (void)queued_lot_bid();
    queued_lot_publish(1, 1);
    bidworkers_start(0);
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == 2 && other.found == 1, BIDWORKERS_DEADLINE_MS);
    broker_consumer_close(consumer);
    consumer = queue_search_open(bidworkers.consuming, TOPOLOGY_DEAD_QUEUE, &search);
    queued_lot_publish_text(binary, sizeof binary - 1);
    LOOP_UNTIL(bidworkers.base, search.found == 1, BIDWORKERS_DEADLINE_MS);
    /* A command of an unknown kind keeps its place in the ledger. */
    struct command *command = queued_lot_bid();
    uuid_format(&command->id, id);
    uuid_format(&command->user_id, user);
    search = (struct queue_search){.text = "haggle"};
    (void)snprintf(text, sizeof text,
                   "{\"v\":1,\"commands\":[{\"k\":\"haggle\",\"i\":\"%s\",\"a\":\"%s\",\"u\":\"%s\",\"m\":300}]}", id,
                   queued_lot.text, user);
    queued_lot_publish_text(text, strlen(text));
    (void)queued_lot_bid();
    queued_lot_publish(3, 1);
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == 4 && search.found == 1, BIDWORKERS_DEADLINE_MS);
    ck_assert_str_eq(queued_lot_decision(2), "rejected INTERNAL_ERROR");
    ck_assert_str_eq(queued_lot_decision(3), "accepted");
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(bids_on_an_unknown_auction_are_rejected_not_found)
{
    queued_lot.id = uuid_new();
    queued_lot.count = 0;
    uuid_format(&queued_lot.id, queued_lot.text);
    bidworkers_start(0);
    queued_lot_publish_bids(3);
    (void)queued_lot_command(COMMAND_FENCE, clock_now_ms());
    queued_lot_publish_confirmed(3, 1);
    queued_lot.count--;
    SUITE_WAIT(queued_lot_rows() == 3, BIDWORKERS_DEADLINE_MS);
    queued_lot_publish_bids(2);
    SUITE_WAIT(queued_lot_rows() == 5, BIDWORKERS_DEADLINE_MS);
    queued_lot_expect("rejected");
    ck_assert_str_eq(queued_lot_decision(4), "rejected NOT_FOUND");
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
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
    topology_shard_name(&topology_bids, ids_shard(&queued_lot.id, bidworkers.shards), queue);
    struct broker_consumer_options options = {
        .queue = queue, .prefetch = PREFETCH, .deliver = on_redelivery, .arg = &redelivery};
    for (int64_t times = 0; times < DELIVERIES; times++) {
        struct broker_consumer *consumer = broker_consume(bidworkers.consuming, &options);
        ck_assert_ptr_nonnull(consumer);
        LOOP_UNTIL(bidworkers.base, redelivery.most >= times, BIDWORKERS_DEADLINE_MS);
        broker_consumer_close(consumer);
    }
}

/* Attempts that are counted against the lot's commands. */
static int64_t attempts(void)
{
    return sql_int(bidworkers.sql, "SELECT coalesce(sum(attempts), 0) FROM suspects WHERE auction_id = $1::uuid",
                   queued_lot.text, NULL);
}

/* Whether a worker is in the middle of an attempt: it waits for the row of the lot's price, which `locking` holds. */
static bool attempting(int64_t count)
{
    static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                                  " application_name = 'rostrum-bidworker' AND datname = current_database()";
    return attempts() == count && sql_int(bidworkers.sql, waiting, NULL) == 1;
}

static const char row_lock[] = "SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE";
static const char price_lock[] = "SELECT FROM auction_prices WHERE auction_id = $1::uuid FOR UPDATE";
static struct sql *locking;

/* One bid that is decided alone and raises the price, if `locking` allows it. Leases, and so lock waits, are short. */
static void lot_locked(const char *lock)
{
    program_settings("[postgres]\nlease_s = 1\n", bidworkers.settings);
    queued_lot_open("active");
    queued_lot_bid()->amount = 500;
    queued_lot_publish_confirmed(0, 1);
    redeliver();
    locking = sql_open(bidworkers_variable("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(locking);
    PQclear(sql_rows(locking, "BEGIN", NULL));
    PQclear(sql_rows(locking, lock, queued_lot.text, NULL));
}

/* Whether the count of attempts at the lot's command has changed since the last call. */
static bool attempts_changed(char change[static UUID_TEXT_SIZE])
{
    char last[UUID_TEXT_SIZE];
    (void)snprintf(last, sizeof last, "%s", change);
    (void)snprintf(
        change, UUID_TEXT_SIZE, "%s",
        sql_text(bidworkers.sql, "SELECT xmin FROM suspects WHERE auction_id = $1::uuid", queued_lot.text, NULL));
    return strcmp(change, last) != 0;
}

static void lot_unlock(void)
{
    sql_close(locking);
    program_settings_remove(bidworkers.settings);
    bidworkers.settings[0] = '\0';
}

START_TEST(a_bid_is_innocent_of_orderly_ends_and_failed_transactions)
{
    enum { ROUNDS = 5 };
    lot_locked(price_lock);
    for (int round = 0; round < ROUNDS; round++) {
        bidworkers_start(0);
        LOOP_UNTIL(bidworkers.base, attempting(1), BIDWORKERS_DEADLINE_MS);
        ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
        ck_assert_int_eq(attempts(), 0);
    }
    bidworkers_start(0);
    LOOP_UNTIL(bidworkers.base, attempting(1), BIDWORKERS_DEADLINE_MS);
    LOOP_UNTIL(bidworkers.base, attempts() == 0, BIDWORKERS_DEADLINE_MS);
    lot_unlock();
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == 1, BIDWORKERS_DEADLINE_MS);
    ck_assert_str_eq(queued_lot_decision(0), "accepted");
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(a_bid_is_innocent_of_a_locked_row)
{
    enum { TRIES = 5 };
    char change[UUID_TEXT_SIZE] = "";
    lot_locked(row_lock);
    bidworkers_start(0);
    for (int i = 0; i < TRIES; i++) {
        LOOP_UNTIL(bidworkers.base, attempts_changed(change), BIDWORKERS_DEADLINE_MS);
    }
    ck_assert_int_le(attempts(), 1);
    lot_unlock();
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == 1, BIDWORKERS_DEADLINE_MS);
    ck_assert_str_eq(queued_lot_decision(0), "accepted");
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
}
END_TEST

START_TEST(a_bid_that_hangs_and_kills_workers_is_rejected_and_dead_lettered)
{
    struct queue_search search = {.text = queued_lot.text};
    lot_locked(price_lock);
    bidworkers_start(0);
    LOOP_UNTIL(bidworkers.base, attempting(1), BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(kill(bidworkers.pids[0], SIGSTOP), 0);
    LOOP_UNTIL(bidworkers.base, bidworkers_alive() == 0 && !attempting(1), BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(kill(bidworkers.pids[0], SIGCONT), 0);
    LOOP_UNTIL(bidworkers.base, attempting(2), BIDWORKERS_DEADLINE_MS);
    (void)bidworkers_stop(0, SIGKILL);
    LOOP_UNTIL(bidworkers.base, !attempting(2), BIDWORKERS_DEADLINE_MS);
    ck_assert_int_eq(attempts(), 2);
    struct broker_consumer *consumer = queue_search_open(bidworkers.consuming, TOPOLOGY_DEAD_QUEUE, &search);
    bidworkers_start(0);
    /* The row is written although the price is locked: a rejected bid leaves the price as it was. */
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == 1 && search.found == 1, BIDWORKERS_DEADLINE_MS);
    lot_unlock();
    ck_assert_str_eq(queued_lot_decision(0), "rejected INTERNAL_ERROR");
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

START_TEST(only_the_guilty_bid_of_many_is_rejected)
{
    enum { BIDS = 6, KILLER = 2 };
    struct queue_search search = {.text = queued_lot.text};
    char id[UUID_TEXT_SIZE];
    queued_lot_open("active");
    for (int i = 0; i < BIDS; i++) {
        (void)queued_lot_bid();
    }
    queued_lot_publish_confirmed(0, BIDS);
    redeliver();
    /* The row that two workers leave if they crash while they decide this bid. */
    uuid_format(&queued_lot.commands[KILLER].id, id);
    PQclear(sql_rows(bidworkers.sql, "INSERT INTO suspects VALUES ($1::uuid, $2::uuid, 2)", queued_lot.text, id, NULL));
    struct broker_consumer *consumer = queue_search_open(bidworkers.consuming, TOPOLOGY_DEAD_QUEUE, &search);
    bidworkers_start(0);
    LOOP_UNTIL(bidworkers.base, queued_lot_rows() == BIDS && search.found == 1, BIDWORKERS_DEADLINE_MS);
    for (size_t i = 0; i < BIDS; i++) {
        ck_assert_str_eq(queued_lot_decision(i), i == KILLER ? "rejected INTERNAL_ERROR" : "accepted");
    }
    ck_assert_int_eq(
        sql_int(bidworkers.sql, "SELECT count(*) FROM suspects WHERE auction_id = $1::uuid", queued_lot.text, NULL), 0);
    ck_assert_int_eq(bidworkers_stop(0, SIGTERM), 0);
    broker_consumer_close(consumer);
}
END_TEST

static Suite *bidworker_undecidable_suite(void)
{
    enum { TEST_S = 120 };
    const TTest *const tests[] = {
        a_bid_that_fails_its_batch_is_rejected_in_its_place,
        undecodable_messages_go_to_the_dead_letters,
        bids_on_an_unknown_auction_are_rejected_not_found,
        a_bid_is_innocent_of_orderly_ends_and_failed_transactions,
        a_bid_is_innocent_of_a_locked_row,
        a_bid_that_hangs_and_kills_workers_is_rejected_and_dead_lettered,
        only_the_guilty_bid_of_many_is_rejected,
    };
    Suite *suite = suite_create("bidworker_undecidable");
    TCase *tcase = tcase_create("bidworker_undecidable");
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
    return suite_run(bidworker_undecidable_suite());
}
