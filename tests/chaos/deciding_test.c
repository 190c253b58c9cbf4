/*
 * The deployment notices that it stopped deciding: without bid workers, with a database that is read-only, and without
 * PostgreSQL. GET /ready names it, and bids that would wait too long are refused.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/gateway_settings.h"

enum {
    NOTICED_MS = 10000, /* promised in docs/operating.md */
    MAX_S = 6,          /* undecided_max_s in these tests */
    MAX_MS = MAX_S * 1000,
    REFUSED_MS = MAX_MS + 2 * NOTICED_MS,
    SHARDS = 8,
    TIMEOUT_S = 240,
};

static const char *const workers[] = {"bidworker-1", "bidworker-2", NULL};
static const char *const database[] = {"postgres", NULL};
static const char *const *const stoppable[] = {workers, database};
static char saved[GATEWAY_SETTINGS_SIZE];
static int64_t amount;

/* --- settings and servers --- */

static void limit_waiting(void)
{
    char text[GATEWAY_SETTINGS_SIZE + sizeof("[gateway]\nundecided_max_s = 123456\n")];
    (void)snprintf(text, sizeof(text), "%s\n[gateway]\nundecided_max_s = %d\n", saved, MAX_S);
    gateway_settings_apply(text);
}

static void order_all(const char *const *services, const char *order)
{
    for (size_t i = 0; services[i] != NULL; i++) {
        ck_assert(deployment_service(services[i], order));
    }
}

static void signal_workers(int signal_number)
{
    for (size_t i = 0; workers[i] != NULL; i++) {
        pid_t worker = deployment_pid(workers[i]);
        ck_assert_int_gt(worker, 0);
        ck_assert_int_eq(kill(worker, signal_number), 0);
    }
}

/* New transactions of the deployment's role are read-only, as on a standby; its present sessions end. */
static void set_read_only(bool on)
{
    struct sql *sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    PQclear(sql_rows(sql, "SET default_transaction_read_only = off", NULL));
    PQclear(sql_rows(sql,
                     on ? "ALTER DATABASE rostrum SET default_transaction_read_only = on"
                        : "ALTER DATABASE rostrum RESET default_transaction_read_only",
                     NULL));
    PQclear(sql_rows(sql,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                     " AND (usename = current_user OR application_name LIKE 'rostrum-%') AND pid <> pg_backend_pid()",
                     NULL));
    sql_close(sql);
}

static bool is_read_only(void)
{
    struct sql *sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    bool yes = strcmp(sql_text(sql, "SHOW default_transaction_read_only", NULL), "on") == 0;
    sql_close(sql);
    return yes;
}

/* --- looks --- */

static const struct reply *look(const char *path)
{
    client_header(fixture.client, "Connection: close");
    return fixture_call(NULL, "GET", path, NULL);
}

struct expected {
    const char *path;
    int status;
    const char *degraded; /* NULL: nothing */
};

static const char *look_for(void *arg)
{
    const struct expected *expected = arg;
    const struct reply *reply = look(expected->path);
    bool named = expected->degraded == NULL && reply_count(reply, "degraded") <= 0;
    for (int i = 0; expected->degraded != NULL && i < reply_count(reply, "degraded"); i++) {
        named = named || strcmp(reply_text(reply, client_format("degraded.%d", i)), expected->degraded) == 0;
    }
    return reply->status == expected->status && named ? client_reply_header(fixture.client, "X-Request-Id") : NULL;
}

/* Whether all workers of the gateway answer with this status and this degradation. */
static bool all_answer(const char *path, int status, const char *degraded)
{
    return deployment_each_worker(look_for, &(struct expected){path, status, degraded});
}

/* --- bids --- */

static int bid_once(const char *auction)
{
    amount += 10;
    return fixture_call(&fixture.ann, "POST", client_format("/api/v1/auctions/%s/bids", auction),
                        client_format("{\"amount\": %d.00}", (int)amount))
        ->status;
}

static bool bid_is_decided(void)
{
    amount += 10;
    const char *text = client_format("%d.00", (int)amount);
    return factory_bid(fixture.client, &fixture.ann, fixture.auction, text)->status == 200;
}

/* Opens an auction in each shard. */
static void open_auctions(char auctions[static SHARDS][UUID_TEXT_SIZE])
{
    bool has[SHARDS] = {false};
    for (unsigned count = 0; count < SHARDS;) {
        char auction[UUID_TEXT_SIZE];
        struct uuid id;
        ck_assert(factory_auction(fixture.client, &fixture.seller, &(struct factory_terms){.title = NULL}, auction));
        ck_assert(uuid_parse(auction, UUID_TEXT_SIZE - 1, &id));
        unsigned shard = ids_shard(&id, SHARDS);
        if (!has[shard]) {
            has[shard] = true;
            memcpy(auctions[shard], auction, UUID_TEXT_SIZE);
            count++;
        }
    }
}

/* Number of auctions with a decided bid. */
static int64_t decided(void)
{
    struct sql *sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    int64_t count = sql_int(sql,
                            "SELECT count(DISTINCT b.auction_id) FROM bids b JOIN auctions a ON a.id = b.auction_id"
                            " WHERE a.seller_id = $1::uuid",
                            fixture.seller.id, NULL);
    sql_close(sql);
    return count;
}

/* --- the tests --- */

/* They have ended, or they hang. */
START_TEST(without_bid_workers_the_deployment_is_not_ready)
{
    bool hang = _i == 1;
    amount += INT64_C(1000) * _i; /* above that of the run before */
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    if (hang) {
        signal_workers(SIGSTOP);
    } else {
        order_all(workers, "down");
    }
    ck_assert_int_eq(bid_once(fixture.auction), 202);
    SUITE_WAIT(all_answer("/ready", 503, "deciding"), NOTICED_MS);
    EXPECT_TEXT(look("/ready"), "status", "unavailable");
    ck_assert(all_answer("/ready?for=read", 200, "deciding"));
    EXPECT_TEXT(look("/ready?for=read"), "status", "degraded");
    if (hang) {
        signal_workers(SIGCONT);
    } else {
        order_all(workers, "up");
    }
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
}
END_TEST

START_TEST(a_database_that_is_read_only_is_noticed)
{
    char auctions[SHARDS][UUID_TEXT_SIZE];
    open_auctions(auctions);
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    set_read_only(true);
    for (unsigned shard = 0; shard < SHARDS; shard++) {
        ck_assert_int_eq(bid_once(auctions[shard]), 202);
    }
    SUITE_WAIT(all_answer("/ready", 503, "deciding"), NOTICED_MS);
    ck_assert(all_answer("/ready?for=read", 200, "deciding"));
    set_read_only(false);
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    SUITE_WAIT(decided() == SHARDS, DEPLOYMENT_READY_MS);
}
END_TEST

static const char *look_for_refusal(void *arg)
{
    client_header(fixture.client, "Connection: close");
    if (bid_once(arg) != 503) {
        return NULL;
    }
    ck_assert_str_ne(client_reply_header(fixture.client, "Retry-After"), "");
    return client_reply_header(fixture.client, "X-Request-Id");
}

/* Whether all workers of the gateway refuse a bid. */
static bool all_refuse(void)
{
    return deployment_each_worker(look_for_refusal, fixture.auction);
}

START_TEST(bids_that_would_wait_too_long_are_refused)
{
    amount += INT64_C(100000) * _i; /* above those of the run before */
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    order_all(stoppable[_i], "down");
    int64_t began_ms = suite_mono_ms();
    ck_assert_int_eq(bid_once(fixture.auction), 202);
    SUITE_WAIT(all_refuse(), REFUSED_MS);
    ck_assert_int_ge(suite_mono_ms() - began_ms, MAX_MS);
    order_all(stoppable[_i], "up");
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    SUITE_WAIT(bid_is_decided(), DEPLOYMENT_READY_MS); /* and with it all before */
}
END_TEST

/* Bids on the auction whose row is locked are refused in time; those on others of its shard are decided all the while.
 */
START_TEST(a_locked_auction_counts_for_itself_alone)
{
    enum { INTERVAL_MS = 100 }; /* slow, because the shard waits once locked auctions fill half of its prefetch */
    char locked[UUID_TEXT_SIZE];
    struct uuid id;
    struct uuid other;
    ck_assert(uuid_parse(fixture.auction, UUID_TEXT_SIZE - 1, &other));
    do {
        ck_assert(factory_auction(fixture.client, &fixture.seller, &(struct factory_terms){.title = NULL}, locked));
        ck_assert(uuid_parse(locked, UUID_TEXT_SIZE - 1, &id));
    } while (ids_shard(&id, SHARDS) != ids_shard(&other, SHARDS));
    struct sql *sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    PQclear(sql_rows(sql, "BEGIN", NULL));
    PQclear(sql_rows(sql, "SELECT FROM auctions WHERE id = $1::uuid FOR UPDATE", locked, NULL));
    int64_t began_ms = suite_mono_ms();
    ck_assert_int_eq(bid_once(locked), 202);
    int64_t bid_ms = began_ms;
    for (int status = 202; status != 503;) {
        ck_assert_int_lt(suite_mono_ms() - began_ms, REFUSED_MS);
        SUITE_WAIT(bid_is_decided(), NOTICED_MS); /* those behind the lock would wait for the whole test */
        ck_assert(all_answer("/ready", 200, NULL));
        if (suite_mono_ms() - bid_ms < INTERVAL_MS) {
            continue;
        }
        bid_ms = suite_mono_ms();
        status = bid_once(locked);
        ck_assert(status == 202 || status == 503);
    }
    ck_assert_int_ge(suite_mono_ms() - began_ms, MAX_MS);
    PQclear(sql_rows(sql, "COMMIT", NULL));
    sql_close(sql);
    SUITE_WAIT(bid_once(locked) == 202, DEPLOYMENT_READY_MS);
    amount += 10;
    const char *text = client_format("%d.00", (int)amount);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, locked, text), "status", "accepted"); /* and all before */
}
END_TEST

/* Unchecked fixtures: they run in the parent process, so everything is restored also after a failed test. */
static void setup(void)
{
    fixture_setup();
    amount = 100;
    gateway_settings_read(saved);
    limit_waiting();
}

static void teardown(void)
{
    order_all(database, "up");
    order_all(workers, "up");
    signal_workers(SIGCONT);
    gateway_settings_apply(saved);
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    if (is_read_only()) {
        set_read_only(false);
        SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    }
    fixture_teardown();
}

static Suite *deciding_suite(void)
{
    Suite *suite = suite_create("deciding");
    const struct {
        const TTest *test;
        int runs;
    } tests[] = {
        {without_bid_workers_the_deployment_is_not_ready, 2},
        {a_database_that_is_read_only_is_noticed, 1},
        {bids_that_would_wait_too_long_are_refused, (int)ARRAY_LEN(stoppable)},
        {a_locked_auction_counts_for_itself_alone, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        TCase *tcase = tcase_create("deciding");
        tcase_set_timeout(tcase, TIMEOUT_S);
        tcase_add_unchecked_fixture(tcase, setup, teardown);
        tcase_add_loop_test(tcase, tests[i].test, 0, tests[i].runs);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}

int main(void)
{
    return suite_run(deciding_suite());
}
