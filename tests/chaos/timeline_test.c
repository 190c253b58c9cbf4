/*
 * The timeline of the data: PostgreSQL goes back to older rows while Redis keeps newer data, and Redis goes back to an
 * older dump while PostgreSQL keeps newer rows. In both cases a bid at the minimum that the page shows is accepted.
 *
 * Runs alone: it goes back to older data, ends all sessions, and restarts Redis.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/scratch.h"
#include "tests/support/websocket.h"

enum { SOON_MS = 1500, TEST_S = 120, PATH_SIZE = 256 };

static struct factory_user admin;
static char out[DEPLOYMENT_OUTPUT_SIZE];

static void setup(void)
{
    fixture_setup();
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
}

static void run_sql(const char *statement)
{
    PGresult *result = sql_rows(fixture.sql, statement, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static void shell(const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    int code = deployment_run(argv, out, sizeof(out));
    ck_assert_msg(code == 0, "%s: exit code %d: %s", script, code, out);
}

static const struct reply *look(void)
{
    return factory_get_auction(fixture.client, NULL, fixture.auction);
}

/* Whether every gateway worker is ready and shows this minimum: each reads the epoch when it has connected again. */
static bool all_show(const char *minimum)
{
    for (int i = 0; i < 8; i++) {
        client_header(fixture.client, "Connection: close");
        if (strcmp(reply_text(look(), "minimumBid"), minimum) != 0) {
            return false;
        }
    }
    return deployment_all_ready();
}

/* ---- PostgreSQL goes back ---- */

/* Puts all rows of the fixture's auction back to those that keep_rows stored. */
static void keep_rows(void)
{
    run_sql("CREATE TABLE kept_auction AS SELECT version, current_bid, minimum_bid, bid_count, leader_id, leader_max,"
            " leader_bid_id, leader_by_proxy, runner_up_max, ledger_seq, ledger_hash, ledger_hash_seq, updated_at, id"
            " FROM auctions");
    run_sql("CREATE TABLE kept_bids AS SELECT auction_id, seq FROM bids");
}

static void restore_rows(void)
{
    run_sql("WITH gone AS (DELETE FROM bids b WHERE NOT EXISTS (SELECT FROM kept_bids k"
            "  WHERE k.auction_id = b.auction_id AND k.seq = b.seq))"
            " UPDATE auctions a SET version = k.version, current_bid = k.current_bid, minimum_bid = k.minimum_bid,"
            " bid_count = k.bid_count, leader_id = k.leader_id, leader_max = k.leader_max,"
            " leader_bid_id = k.leader_bid_id, leader_by_proxy = k.leader_by_proxy, runner_up_max = k.runner_up_max,"
            " ledger_seq = k.ledger_seq, ledger_hash = k.ledger_hash, ledger_hash_seq = k.ledger_hash_seq,"
            " updated_at = k.updated_at FROM kept_auction k WHERE k.id = a.id");
    run_sql("DELETE FROM notifications"); /* of the bids that are gone */
    run_sql("DROP TABLE kept_auction, kept_bids");
}

/* Subscribes to the fixture's auction; its snapshot must have this minimum. */
static struct websocket *watch_as(const struct factory_user *who, const char *minimum)
{
    const char *header = who == NULL ? "" : client_format("Authorization: Bearer %s\r\n", who->token);
    struct websocket *socket = websocket_open(deployment_http_url(), header);
    ck_assert_ptr_nonnull(socket);
    ck_assert(websocket_send_text(socket,
                                  client_format("{\"type\": \"subscribe\", \"auctionId\": \"%s\"}", fixture.auction)));
    const struct json *message = websocket_receive(socket, "snapshot");
    ck_assert_ptr_nonnull(message);
    ck_assert_str_eq(websocket_text(message, "minimumBid"), minimum);
    return socket;
}

START_TEST(after_a_restore_a_bid_at_the_shown_minimum_is_accepted)
{
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    keep_rows();
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "60.00"), "status", "accepted");
    EXPECT_TEXT(look(), "minimumBid", "61.00");
    struct websocket *guest = watch_as(NULL, "61.00");
    struct websocket *bob = watch_as(&fixture.bob, "61.00");
    restore_rows();
    int code = deployment_ctl(out, sizeof(out), "restored", NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
    SUITE_WAIT(all_show("11.00"), DEPLOYMENT_READY_MS);
    const struct json *message = websocket_receive(guest, "snapshot");
    ck_assert_str_eq(websocket_text(message, "minimumBid"), "11.00");
    ck_assert(websocket_ended(bob));
    EXPECT_ERROR(fixture_call(&fixture.bob, "GET", "/api/v1/users/me", NULL), 401, "UNAUTHORIZED");
    ck_assert(factory_log_in(fixture.client, &fixture.bob));
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
    EXPECT_TEXT(look(), "minimumBid", "12.00");
    message = websocket_receive(guest, NULL);
    ck_assert_str_eq(websocket_text(message, "type"), "bid_placed");
    ck_assert_str_eq(websocket_text(message, "minimumBid"), "12.00");
    websocket_free(guest);
    websocket_free(bob);
    ck_assert_int_eq(reply_count(fixture_call(NULL, "GET", fixture_path("/bids"), NULL), "items"), 2);
    ck_assert_int_eq(reply_count(fixture_call(NULL, "GET", fixture_path("/leaderboard"), NULL), "items"), 2);
}
END_TEST

/*
 * Runs the commands under this heading of docs/operating.md in the folder of the dump, as PostgreSQL's administrator.
 * The deployment's supervisor stands in for systemd.
 */
static void follow_guide(const char *heading)
{
    const char *script = client_format(
        "set -eu; top=$PWD; cd \"$TIMELINE_FOLDER\"; url=${ROSTRUM_PG_URL#*//*@};"
        " export PGHOST=\"${url%%:*}\"; url=${url#*:}; export PGPORT=\"${url%%/*}\" PGUSER=postgres;"
        " PGPASSWORD=$(cat \"$ROSTRUM_VAR/secrets/postgres-superuser\"); export PGPASSWORD;"
        " rostrumctl() { (cd \"$top\" && \"${BUILD:-build}/bin/rostrumctl\" \"$@\"); };"
        " systemctl() { order=down; [ \"$1\" = stop ] || order=up; for each in gateway bidworker-1 bidworker-2 "
        "endworker"
        " notifyworker; do sv -w 60 $order \"$ROSTRUM_VAR/service/$each\"; done; };"
        " sed -n '/^## %s$/,/^## /s/^    //p' \"$top/docs/operating.md\" >guide; test -s guide; . ./guide",
        heading);
    shell(script);
}

/* The connection of the test was closed, too; its next statement opens another. */
static bool rights_are_kept(void)
{
    return sql_int(fixture.sql, "SELECT count(*) FROM program_rights_wrong()", NULL) == 0;
}

START_TEST(a_deployment_restored_by_its_guide_takes_a_bid_at_the_shown_minimum)
{
    char folder[PATH_SIZE];
    struct factory_user late;
    scratch_pattern("restore", folder, sizeof(folder));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(setenv("TIMELINE_FOLDER", folder, 1), 0);
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    follow_guide("Backup");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "60.00"), "status", "accepted");
    EXPECT_TEXT(look(), "minimumBid", "61.00");
    ck_assert(factory_user(fixture.client, &late, "Lea Late"));
    follow_guide("Restore");
    ck_assert_msg(strstr(out, "the data has another table than before: it was restored") != NULL, "%s", out);
    shell("rm -r \"$TIMELINE_FOLDER\"");
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    SUITE_WAIT(rights_are_kept(), FACTORY_DECISION_MS);
    char *minimum = strdup(reply_text(look(), "minimumBid"));
    ck_assert_str_eq(minimum, "11.00");
    EXPECT_ERROR(fixture_call(&late, "GET", "/api/v1/users/me", NULL), 401, "UNAUTHORIZED");
    ck_assert(factory_log_in(fixture.client, &fixture.bob));
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, minimum), "status", "accepted");
    free(minimum);
    EXPECT_TEXT(look(), "minimumBid", "12.00");
}
END_TEST

/* ---- Redis goes back ---- */

/* redis-cli of Redis 7.0 takes the empty user of redis://:PASSWORD@HOST:PORT for a user's name. */
#define REDIS_CLI                                                                                                      \
    "url=${ROSTRUM_REDIS_URL#redis://:}; server=${url#*@}; port=${server#*:}; export REDISCLI_AUTH=\"${url%%@*}\";"    \
    " redis-cli -h \"${server%%:*}\" -p \"${port%%/*}\" "

static void save_redis(void)
{
    shell(REDIS_CLI "SAVE | grep -qx OK");
}

/* Redis starts again with what it held at save_redis. */
static void restart_redis(void)
{
    shell(REDIS_CLI "SHUTDOWN NOSAVE || true");
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
}

START_TEST(a_void_outlives_an_older_dump_of_redis)
{
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    const struct reply *reply = factory_bid(fixture.client, &fixture.bob, fixture.auction, "60.00");
    char *path = NULL;
    ck_assert_int_gt(
        asprintf(&path, "/api/v1/admin/auctions/%s/bids/%s/void", fixture.auction, reply_text(reply, "bidId")), 0);
    save_redis();
    EXPECT_STATUS(fixture_call(&admin, "POST", path, "{\"reason\": \"a stolen card\"}"), 200);
    free(path);
    restart_redis();
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "11.00"), "status", "accepted");
}
END_TEST

START_TEST(a_lowered_starting_price_outlives_an_older_dump_of_redis)
{
    EXPECT_ERROR(fixture_call(&fixture.bob, "POST", fixture_path("/bids"), "{\"amount\": 5.00}"), 400, "BID_TOO_LOW");
    save_redis();
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", fixture_path(""), "{\"version\": 1, \"startingPrice\": 5.00}"),
                  200);
    restart_redis();
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "5.00"), "status", "accepted");
}
END_TEST

START_TEST(an_earlier_start_outlives_an_older_dump_of_redis)
{
    char now[CLOCK_TEXT_SIZE];
    const struct factory_terms later = {.starts_in_ms = 1800000};
    char auction[UUID_TEXT_SIZE];
    ck_assert(factory_auction(fixture.client, &fixture.seller, &later, auction));
    const char *bids = client_format("/api/v1/auctions/%s/bids", auction);
    EXPECT_ERROR(fixture_call(&fixture.bob, "POST", bids, "{\"amount\": 10.00}"), 409, "AUCTION_NOT_STARTED");
    save_redis();
    clock_format(clock_now_ms() + SOON_MS, now);
    EXPECT_STATUS(fixture_call(&fixture.seller, "PUT", client_format("/api/v1/auctions/%s", auction),
                               client_format("{\"version\": 1, \"startTime\": \"%s\"}", now)),
                  200);
    SUITE_WAIT(factory_has_status(fixture.client, auction, "active"), FACTORY_DECISION_MS);
    restart_redis();
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, auction, "10.00"), "status", "accepted");
}
END_TEST

static Suite *timeline_suite(void)
{
    Suite *suite = suite_create("timeline");
    TCase *tcase = tcase_create("timeline");
    tcase_add_checked_fixture(tcase, setup, fixture_teardown);
    tcase_set_timeout(tcase, TEST_S);
    tcase_add_test(tcase, after_a_restore_a_bid_at_the_shown_minimum_is_accepted);
    tcase_add_test(tcase, a_deployment_restored_by_its_guide_takes_a_bid_at_the_shown_minimum);
    tcase_add_test(tcase, a_void_outlives_an_older_dump_of_redis);
    tcase_add_test(tcase, a_lowered_starting_price_outlives_an_older_dump_of_redis);
    tcase_add_test(tcase, an_earlier_start_outlives_an_older_dump_of_redis);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(timeline_suite());
}
