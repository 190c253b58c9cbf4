/*
 * Workers that become silent without closing a socket: stopped, with a blocked loop, or cut off by the network. Others
 * must take over within TAKEOVER_MS. A worker that returns must not decide or schedule anything before it holds a new
 * lease. The tests start their own workers against real servers.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "common/base/clock.h"
#include "common/protocol/topology.h"
#include "common/service/lease.h"
#include "tests/support/bidding.h"
#include "tests/support/listing.h"
#include "tests/support/loop.h"
#include "tests/support/queues.h"
#include "tests/support/relay.h"

enum {
    TAKEOVER_MS = 8000, /* from the fault until a successor has decided; promised in docs/operating.md */
    WORKERS_MAX = 4,
    SHARDS_MAX = 8,
    AMOUNT = 1000,
    SERVERS = 3,
};

static pid_t workers[WORKERS_MAX];
static struct bidding_auction auctions[SHARDS_MAX]; /* one for each shard */
static int64_t rows_sent;                           /* to each of them */

static void set_up(void)
{
    bidding_set_up();
    ck_assert_uint_le(bidding.shards, SHARDS_MAX);
    rows_sent = 0;
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        workers[i] = 0;
    }
}

/* Whatever state a failed test left them in. */
static void tear_down(void)
{
    for (size_t i = 0; i < WORKERS_MAX; i++) {
        if (workers[i] > 0) {
            (void)program_end(workers[i], SIGKILL);
        }
    }
    /* The fences that the end workers sent. */
    struct queues *queues = queues_open();
    queues_purge_shards(queues, sql_shards(bidding.sql));
    queues_close(queues);
    bidding_tear_down();
}

static void worker_start(size_t index, const char *program)
{
    ck_assert_int_eq(workers[index], 0);
    workers[index] = program_start_ready(program, bidding.settings);
}

static void worker_stop(size_t index)
{
    pid_t worker = workers[index];
    workers[index] = 0;
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
}

static const char *const urls[SERVERS] = {"ROSTRUM_PG_URL", "ROSTRUM_AMQP_URL", "ROSTRUM_REDIS_URL"};
static struct relay relays[SERVERS];

/* Starts a worker that reaches its servers only while the loop of `base` runs. */
static void worker_start_relayed(size_t index, const char *program, struct event_base *base)
{
    char direct[SERVERS][RELAY_URL_SIZE];
    for (size_t i = 0; i < SERVERS; i++) {
        char relayed[RELAY_URL_SIZE];
        relays[i] = (struct relay){.base = base};
        (void)snprintf(direct[i], RELAY_URL_SIZE, "%s", getenv(urls[i]));
        relay_open_url(&relays[i], direct[i], relayed);
        ck_assert_int_eq(setenv(urls[i], relayed, 1), 0);
    }
    workers[index] = program_start(program, bidding.settings);
    for (size_t i = 0; i < SERVERS; i++) {
        ck_assert_int_eq(setenv(urls[i], direct[i], 1), 0);
    }
}

static void network_vanishes(void)
{
    for (size_t i = 0; i < SERVERS; i++) {
        relay_vanish(&relays[i]);
    }
}

static void network_close(void)
{
    for (size_t i = 0; i < SERVERS; i++) {
        relay_close(&relays[i]);
    }
}

/* Only the thread of the loop stands still. */
static void loop_block(pid_t worker)
{
    int status = 0;
    ck_assert_int_eq(ptrace(PTRACE_SEIZE, worker, NULL, NULL), 0);
    ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, worker, NULL, NULL), 0);
    ck_assert_int_eq(waitpid(worker, &status, __WALL), worker);
}

static void loop_unblock(pid_t worker)
{
    ck_assert_int_eq(ptrace(PTRACE_DETACH, worker, NULL, NULL), 0);
}

/* The figures of docs/operating.md. */
static void print_takeover(const char *fault, int64_t since_ms)
{
    (void)printf("%s: taken over after %d ms\n", fault, (int)(suite_mono_ms() - since_ms));
    (void)fflush(stdout);
}

/* Number of locks of this class. */
static int64_t locks(const char *class)
{
    return sql_int(bidding.sql,
                   "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::bigint AND granted"
                   " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                   class, NULL);
}

static int64_t workers_alive(void)
{
    return locks("1383035767");
}

/* Whether every shard has an owner, and no worker of `workers` more than its share. */
static bool shared_by(int64_t count)
{
    static const char most_and_all[] =
        "SELECT coalesce(max(n), 0) * 1000 + coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM pg_locks WHERE "
        "locktype ="
        " 'advisory' AND classid = 1383035752 AND granted AND database = (SELECT oid FROM pg_database WHERE datname ="
        " current_database()) GROUP BY pid) AS owners";
    int64_t shards = (int64_t)bidding.shards;
    return workers_alive() == count &&
           sql_int(bidding.sql, most_and_all, NULL) == (shards + count - 1) / count * 1000 + shards;
}

/* --- bid workers --- */

static void open_auctions(void)
{
    static const struct bidding_terms terms = {0};
    for (unsigned shard = 0; shard < bidding.shards; shard++) {
        do {
            bidding_open(&auctions[shard], &terms);
        } while (ids_shard(&auctions[shard].id, bidding.shards) != shard);
    }
}

/* Bids once on every auction. */
static void bid_everywhere(void)
{
    rows_sent++;
    for (unsigned shard = 0; shard < bidding.shards; shard++) {
        struct bidding_auction *auction = &auctions[shard];
        enum bidding_user user = rows_sent % 2 == 0 ? BIDDING_ANN : BIDDING_BOB;
        (void)bidding_add(auction, COMMAND_BID, user, AMOUNT * rows_sent);
        bidding_send(auction);
    }
}

static bool decided_everywhere(void)
{
    for (unsigned shard = 0; shard < bidding.shards; shard++) {
        if (sql_int(bidding.sql, "SELECT count(*) FROM bids WHERE auction_id = $1::uuid", auctions[shard].text, NULL) <
            rows_sent) {
            return false;
        }
    }
    return true;
}

static void verify_everywhere(void)
{
    for (unsigned shard = 0; shard < bidding.shards; shard++) {
        bidding_wait(&auctions[shard], rows_sent);
        bidding_verify(&auctions[shard]);
    }
}

static void two_workers_serve(void)
{
    open_auctions();
    worker_start(0, "rostrum-bidworker");
    worker_start(1, "rostrum-bidworker");
    SUITE_WAIT(shared_by(2), BIDDING_DEADLINE_MS);
    bid_everywhere();
    SUITE_WAIT(decided_everywhere(), BIDDING_DEADLINE_MS);
}

/* Both workers take part again, and the shards are shared. */
static void both_take_part(void)
{
    SUITE_WAIT(shared_by(2), BIDDING_DEADLINE_MS);
    bid_everywhere();
    SUITE_WAIT(decided_everywhere(), BIDDING_DEADLINE_MS);
    worker_stop(0);
    worker_stop(1);
    verify_everywhere();
}

/* Number of this program's sessions that wait for a lock. */
static int64_t lock_waits(const char *program)
{
    return sql_int(bidding.sql,
                   "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = $1",
                   program, NULL);
}

/*
 * Stops a worker in the middle of a transaction that waits for a table, and then lets it have the table. So its session
 * holds row locks, and has an answer that nobody reads.
 */
START_TEST(a_stopped_bid_worker_is_replaced_and_joins_again)
{
    two_workers_serve();
    struct sql *other = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(other);
    PQclear(sql_rows(other, "BEGIN", NULL));
    PQclear(sql_rows(other, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE", NULL));
    bid_everywhere();
    SUITE_WAIT(lock_waits("rostrum-bidworker") > 0, BIDDING_DEADLINE_MS);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    int64_t stopped_ms = suite_mono_ms();
    PQclear(sql_rows(other, "COMMIT", NULL));
    sql_close(other);
    bid_everywhere();
    SUITE_WAIT(decided_everywhere(), TAKEOVER_MS - (suite_mono_ms() - stopped_ms));
    print_takeover("stopped bid worker", stopped_ms);
    ck_assert_int_eq(kill(workers[0], SIGCONT), 0);
    both_take_part();
}
END_TEST

START_TEST(a_bid_worker_with_a_blocked_loop_is_replaced)
{
    two_workers_serve();
    loop_block(workers[0]);
    int64_t blocked_ms = suite_mono_ms();
    bid_everywhere();
    SUITE_WAIT(decided_everywhere(), TAKEOVER_MS);
    print_takeover("bid worker with a blocked loop", blocked_ms);
    loop_unblock(workers[0]);
    both_take_part();
}
END_TEST

/* The only worker stops for longer than its lease. What RabbitMQ sent it meanwhile lies in its socket. */
START_TEST(a_bid_worker_that_returns_decides_only_under_a_new_lease)
{
    program_settings_remove(bidding.settings);
    program_settings("[postgres]\nlease_s = 1\n", bidding.settings);
    open_auctions();
    worker_start(0, "rostrum-bidworker");
    bid_everywhere();
    SUITE_WAIT(decided_everywhere(), BIDDING_DEADLINE_MS);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    bid_everywhere();
    SUITE_WAIT(workers_alive() == 0, TAKEOVER_MS);
    ck_assert_int_eq(kill(workers[0], SIGCONT), 0);
    SUITE_WAIT(decided_everywhere(), TAKEOVER_MS);
    for (unsigned shard = 0; shard < bidding.shards; shard++) {
        ck_assert_int_eq(sql_int(bidding.sql,
                                 "SELECT count(*) FROM bids WHERE auction_id = $1::uuid AND seq = 2 AND decided_at >"
                                 " (SELECT a.backend_start FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
                                 " WHERE l.locktype = 'advisory' AND l.classid = 1383035767 AND l.granted AND"
                                 " l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
                                 auctions[shard].text, NULL),
                         1);
    }
    worker_stop(0);
    verify_everywhere();
}
END_TEST

/* One machine loses its power, as the servers and the worker on it see that: no packet comes through any more. */
START_TEST(a_bid_worker_behind_a_dead_network_is_replaced)
{
    struct event_base *base = event_base_new();
    open_auctions();
    worker_start(1, "rostrum-bidworker");
    worker_start_relayed(0, "rostrum-bidworker", base);
    LOOP_UNTIL(base, shared_by(2), BIDDING_DEADLINE_MS);
    bid_everywhere();
    LOOP_UNTIL(base, decided_everywhere(), BIDDING_DEADLINE_MS);
    network_vanishes();
    int64_t vanished_ms = suite_mono_ms();
    bid_everywhere();
    LOOP_UNTIL(base, decided_everywhere(), TAKEOVER_MS);
    print_takeover("bid worker behind a dead network", vanished_ms);
    ck_assert_int_eq(program_end(workers[0], SIGKILL), -1);
    workers[0] = 0;
    worker_stop(1);
    verify_everywhere();
    network_close();
    event_base_free(base);
}
END_TEST

/* --- shares --- */

enum { OWNERS_SIZE = 512 };

/* Writes which process owns which shard: "0:4711 1:4712 …". */
static void read_owners(char owners[static OWNERS_SIZE])
{
    (void)snprintf(owners, OWNERS_SIZE, "%s",
                   sql_text(bidding.sql,
                            "SELECT string_agg(l.objid || ':' || split_part(a.application_name, ' ', 3), ' ' ORDER BY"
                            " l.objid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype ="
                            " 'advisory' AND l.classid = 1383035752 AND l.granted AND l.database = (SELECT oid FROM"
                            " pg_database WHERE datname = current_database())",
                            NULL));
}

/* Number of shards with another owner. */
static int moved(const char *before, const char *after)
{
    char from[OWNERS_SIZE];
    char to[OWNERS_SIZE];
    char *from_rest = NULL;
    char *to_rest = NULL;
    int count = 0;
    (void)snprintf(from, sizeof from, "%s", before);
    (void)snprintf(to, sizeof to, "%s", after);
    const char *old = strtok_r(from, " ", &from_rest);
    const char *new = strtok_r(to, " ", &to_rest);
    while (old != NULL && new != NULL) {
        count += strcmp(old, new) != 0;
        old = strtok_r(NULL, " ", &from_rest);
        new = strtok_r(NULL, " ", &to_rest);
    }
    ck_assert(old == NULL && new == NULL);
    return count;
}

START_TEST(shards_are_shared_evenly_and_few_move)
{
    char before[OWNERS_SIZE];
    char after[OWNERS_SIZE];
    open_auctions();
    ck_assert_uint_eq(bidding.shards, SHARDS_MAX);
    for (size_t i = 0; i < 3; i++) {
        worker_start(i, "rostrum-bidworker");
        SUITE_WAIT(shared_by((int64_t)i + 1), BIDDING_DEADLINE_MS);
    }
    bid_everywhere();
    read_owners(before);
    worker_start(3, "rostrum-bidworker");
    SUITE_WAIT(shared_by(4), BIDDING_DEADLINE_MS);
    read_owners(after);
    ck_assert_int_eq(moved(before, after), 2);
    bid_everywhere();
    worker_stop(1);
    SUITE_WAIT(shared_by(3), BIDDING_DEADLINE_MS);
    read_owners(before);
    ck_assert_int_eq(moved(after, before), 2);
    bid_everywhere();
    SUITE_WAIT(decided_everywhere(), BIDDING_DEADLINE_MS);
    verify_everywhere();
}
END_TEST

/* As in a restart of PostgreSQL that takes less than a lease. */
START_TEST(a_lost_session_moves_no_shard)
{
    char now[OWNERS_SIZE];
    char before[OWNERS_SIZE];
    char after[OWNERS_SIZE];
    two_workers_serve();
    read_owners(before);
    (void)snprintf(now, sizeof now, "%s", sql_text(bidding.sql, "SELECT clock_timestamp()", NULL));
    ck_assert_int_eq(sql_int(bidding.sql,
                             "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE"
                             " 'rostrum-bidworker lease%' AND datname = current_database()",
                             NULL),
                     2);
    bid_everywhere();
    SUITE_WAIT(sql_int(bidding.sql,
                       "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'rostrum-bidworker lease%'"
                       " AND datname = current_database() AND backend_start > $1::timestamptz",
                       now, NULL) == 2,
               BIDDING_DEADLINE_MS);
    SUITE_WAIT(shared_by(2), BIDDING_DEADLINE_MS);
    read_owners(after);
    ck_assert_str_eq(after, before);
    SUITE_WAIT(decided_everywhere(), BIDDING_DEADLINE_MS);
    both_take_part();
}
END_TEST

/* Its lease is confirmed, but the sessions that decide hang, longer than any timeout of theirs. */
START_TEST(a_bid_worker_that_gets_no_answer_leaves_its_shards_to_others)
{
    enum { DECIDING = 2 };
    static struct relay relay;
    char direct[RELAY_URL_SIZE];
    char relayed[RELAY_URL_SIZE];
    struct event_base *base = event_base_new();
    program_settings_remove(bidding.settings);
    program_settings("[postgres]\nlease_s = 1\npg_timeout_ms = 60000\n", bidding.settings);
    open_auctions();
    worker_start(1, "rostrum-bidworker");
    relay = (struct relay){.base = base};
    (void)snprintf(direct, sizeof direct, "%s", getenv("ROSTRUM_PG_URL"));
    relay_open_url(&relay, direct, relayed);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", relayed, 1), 0);
    workers[0] = program_start("rostrum-bidworker", bidding.settings);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", direct, 1), 0);
    LOOP_UNTIL(base, shared_by(2), BIDDING_DEADLINE_MS);
    bid_everywhere();
    LOOP_UNTIL(base, decided_everywhere(), BIDDING_DEADLINE_MS);
    for (size_t i = 0; i < DECIDING; i++) { /* they were opened first */
        relay_freeze_one(&relay, i);
    }
    bid_everywhere();
    LOOP_UNTIL(base, decided_everywhere(), TAKEOVER_MS);
    ck_assert_int_eq(program_end(workers[0], SIGKILL), -1);
    workers[0] = 0;
    worker_stop(1);
    verify_everywhere();
    relay_close(&relay);
    event_base_free(base);
}
END_TEST

/* --- end workers --- */

static bool take_fence(const char *tap)
{
    struct queues_message message;
    bool taken = queues_take(bidding.queues, tap, &message);
    if (taken) {
        free(message.body);
    }
    return taken;
}

static void wait_for_fence(const char *fault)
{
    int64_t since_ms = suite_mono_ms();
    char seller[UUID_TEXT_SIZE];
    char auction[UUID_TEXT_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    char key[TOPOLOGY_KEY_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct uuid id;
    listing_user(bidding.sql, seller);
    listing_new(bidding.sql, &(struct listing){.end_ms = clock_now_ms() - 10000}, seller, auction);
    ck_assert(uuid_parse(auction, UUID_TEXT_SIZE - 1, &id));
    topology_exchange(&topology_bids, &id, bidding.shards, exchange);
    topology_key(&topology_bids, &id, bidding.shards, key);
    queues_tap_key(bidding.queues, exchange, key, tap);
    SUITE_WAIT(take_fence(tap), TAKEOVER_MS);
    print_takeover(fault, since_ms);
}

static int64_t sessions(void)
{
    return sql_int(bidding.sql,
                   "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE"
                   " 'rostrum-endworker lease%'",
                   NULL);
}

static const char leader_pid[] = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 1383035717"
                                 " AND granted AND database = (SELECT oid FROM pg_database WHERE datname ="
                                 " current_database())";

static void two_end_workers(void)
{
    worker_start(0, "rostrum-endworker");
    SUITE_WAIT(locks("1383035717") == 1, BIDDING_DEADLINE_MS);
    worker_start(1, "rostrum-endworker");
}

START_TEST(a_stopped_leading_end_worker_is_replaced_and_stands_by_again)
{
    two_end_workers();
    int64_t first = sql_int(bidding.sql, leader_pid, NULL);
    ck_assert_int_eq(kill(workers[0], SIGSTOP), 0);
    wait_for_fence("stopped leading end worker");
    int64_t second = sql_int(bidding.sql, leader_pid, NULL);
    ck_assert_int_ne(second, first);
    ck_assert_int_eq(kill(workers[0], SIGCONT), 0);
    SUITE_WAIT(sessions() == 2, BIDDING_DEADLINE_MS);
    ck_assert_int_eq(sql_int(bidding.sql, leader_pid, NULL), second);
    worker_stop(1);
    wait_for_fence("leading end worker that ended");
    worker_stop(0);
}
END_TEST

static const char lead_began[] =
    "SELECT coalesce(max(extract(epoch FROM a.backend_start)), 0)::bigint FROM pg_locks l JOIN"
    " pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.classid ="
    " 1383035717 AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE"
    " datname = current_database())";

/* A scheduler rests after a slow cycle, here one that waits for a table. A new lead does not wait for that. */
START_TEST(an_end_worker_that_leads_again_schedules_at_once)
{
    enum { CYCLE_MS = 3000 };
    worker_start(0, "rostrum-endworker");
    SUITE_WAIT(locks("1383035717") == 1, BIDDING_DEADLINE_MS);
    int64_t began = sql_int(bidding.sql, lead_began, NULL);
    struct sql *other = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(other);
    PQclear(sql_rows(other, "BEGIN", NULL));
    PQclear(sql_rows(other, "LOCK TABLE auctions IN ACCESS EXCLUSIVE MODE", NULL));
    int64_t locked_ms = suite_mono_ms();
    SUITE_WAIT(suite_mono_ms() - locked_ms > CYCLE_MS, BIDDING_DEADLINE_MS);
    PQclear(sql_rows(other, "COMMIT", NULL));
    sql_close(other);
    SUITE_WAIT(lock_waits("rostrum-endworker") == 0, BIDDING_DEADLINE_MS);
    ck_assert_int_eq(sql_int(bidding.sql,
                             "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE"
                             " 'rostrum-endworker lease%' AND datname = current_database()",
                             NULL),
                     1);
    SUITE_WAIT(sql_int(bidding.sql, lead_began, NULL) > began, BIDDING_DEADLINE_MS);
    wait_for_fence("end worker that leads again");
    worker_stop(0);
}
END_TEST

START_TEST(a_leading_end_worker_with_a_blocked_loop_is_replaced)
{
    two_end_workers();
    loop_block(workers[0]);
    wait_for_fence("leading end worker with a blocked loop");
    loop_unblock(workers[0]);
    worker_stop(0);
    worker_stop(1);
}
END_TEST

START_TEST(a_leading_end_worker_behind_a_dead_network_is_replaced)
{
    struct event_base *base = event_base_new();
    worker_start_relayed(0, "rostrum-endworker", base);
    LOOP_UNTIL(base, locks("1383035717") == 1, BIDDING_DEADLINE_MS);
    worker_start(1, "rostrum-endworker");
    network_vanishes();
    wait_for_fence("leading end worker behind a dead network");
    ck_assert_int_eq(program_end(workers[0], SIGKILL), -1);
    workers[0] = 0;
    worker_stop(1);
    network_close();
    event_base_free(base);
}
END_TEST

/* --- one lease, without a program --- */

static bool always_fit(void *arg)
{
    (void)arg;
    return true;
}

static void ignore_change(enum lease_state state, void *arg)
{
    (void)state;
    (void)arg;
}

/* The lock of this test. Taking it takes half a second. */
#define SLOW_CLASS "4711"

START_TEST(a_lease_given_up_while_it_is_taken_again_stays_given_up)
{
    enum { REST_MS = 20000, WATCH_MS = 2000, POLL_MS = 50 };
    static const char taking[] = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'lease test%'"
                                 " AND wait_event = 'PgSleep'";
    struct config config;
    struct event_base *base = event_base_new();
    config_defaults(&config);
    (void)snprintf(config.pg_url, sizeof config.pg_url, "%s", getenv("ROSTRUM_PG_URL"));
    const struct lease_options options = {
        .base = base,
        .config = &config,
        .application = "lease test",
        .poll_ms = POLL_MS,
        .key_least = 1,
        .key_most = 1,
        .take = "SELECT pg_sleep(0.5) IS NOT NULL AND pg_try_advisory_lock(" SLOW_CLASS ", $1::integer)",
        .confirm = "SELECT true",
        .fit = always_fit,
        .changed = ignore_change,
    };
    struct lease *lease = lease_new(&options);
    ck_assert_ptr_nonnull(lease);
    LOOP_UNTIL(base, lease_state(lease) == LEASE_HELD, BIDDING_DEADLINE_MS);
    ck_assert_int_eq(locks(SLOW_CLASS), 1);
    ck_assert_int_eq(sql_int(bidding.sql,
                             "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                             " WHERE application_name LIKE 'lease test%'",
                             NULL),
                     1);
    LOOP_UNTIL(base, lease_state(lease) == LEASE_UNSURE && sql_int(bidding.sql, taking, NULL) == 1,
               BIDDING_DEADLINE_MS);
    lease_release(lease, REST_MS);
    int64_t released_ms = suite_mono_ms();
    while (suite_mono_ms() - released_ms < WATCH_MS) {
        loop_turn(base);
        ck_assert_int_eq(lease_state(lease), LEASE_NONE);
    }
    ck_assert_int_eq(locks(SLOW_CLASS), 0);
    lease_free(lease);
    event_base_free(base);
}
END_TEST

static Suite *lease_suite(void)
{
    enum { TEST_S = 120 };
    Suite *suite = suite_create("lease");
    TCase *tcase = tcase_create("lease");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, TEST_S);
    tcase_add_test(tcase, a_stopped_bid_worker_is_replaced_and_joins_again);
    tcase_add_test(tcase, a_bid_worker_with_a_blocked_loop_is_replaced);
    tcase_add_test(tcase, a_bid_worker_that_returns_decides_only_under_a_new_lease);
    tcase_add_test(tcase, a_bid_worker_behind_a_dead_network_is_replaced);
    tcase_add_test(tcase, shards_are_shared_evenly_and_few_move);
    tcase_add_test(tcase, a_lost_session_moves_no_shard);
    tcase_add_test(tcase, a_bid_worker_that_gets_no_answer_leaves_its_shards_to_others);
    tcase_add_test(tcase, a_stopped_leading_end_worker_is_replaced_and_stands_by_again);
    tcase_add_test(tcase, an_end_worker_that_leads_again_schedules_at_once);
    tcase_add_test(tcase, a_leading_end_worker_with_a_blocked_loop_is_replaced);
    tcase_add_test(tcase, a_leading_end_worker_behind_a_dead_network_is_replaced);
    tcase_add_test(tcase, a_lease_given_up_while_it_is_taken_again_stays_given_up);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(lease_suite());
}
