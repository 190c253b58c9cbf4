/*
 * The sealer of the audit log in rostrum-endworker, against real servers: what it seals, counts and logs, and what two
 * end workers and a killed one leave. tests/security/audit_chain_test.py attacks the chain.
 *
 * Long: it waits for leases of end workers that were killed, and for links that become overdue.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/client.h"
#include "tests/support/deployment.h"
#include "tests/support/exposition.h"
#include "tests/support/program.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"

/*
 * A sealer begins with 250 entries in a statement, and doubles this up to 1,000. FLOOD is more than the first four
 * statements take: without the limit, the fourth would take more than 1,000. BACKLOG is for three statements.
 */
enum { DEADLINE_MS = 60000, INI_SIZE = 256, ROUNDS = 2, FLOOD = 2800 };

#define FLOOD_TEXT   "2800"
#define BACKLOG_TEXT "900"

/* Entries with ids of now, as the programs write them. */
static const char insert[] =
    "INSERT INTO audit_log (id, at, action, address, agent, request_id) SELECT (lpad(to_hex((extract(epoch FROM"
    " clock_timestamp()) * 1000)::bigint), 12, '0') || '7000' || left(md5(random()::text || n), 16))::uuid,"
    " clock_timestamp(), 'LOGIN', '127.0.0.1', 'agent', n::text FROM generate_series(1, $1::integer) AS n";
static const char unsealed[] = "SELECT count(*) FROM audit_log l WHERE NOT EXISTS"
                               " (SELECT FROM audit_chain c WHERE c.entry = l.id)";
/* The lease of the leader, of this test's database. */
static const char leaders[] = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1383035717"
                              " AND granted AND database = (SELECT oid FROM pg_database WHERE datname ="
                              " current_database())";

static struct sql *sql;
static char config[2][PROGRAM_SETTINGS_SIZE];
static int ports[2];
static pid_t workers[2];
static char out[DEPLOYMENT_OUTPUT_SIZE];

static void run(const char *statement, const char *value)
{
    PGresult *result = sql_rows(sql, statement, value, NULL);
    ck_assert_msg(result != NULL, "%s", statement);
    PQclear(result);
}

/* As the owner, without the triggers that keep the rows. */
static void change(const char *statement)
{
    run("ALTER TABLE audit_chain DISABLE TRIGGER USER", NULL);
    run(statement, NULL);
    run("ALTER TABLE audit_chain ENABLE TRIGGER USER", NULL);
}

static void start(int i)
{
    workers[i] = program_start("rostrum-endworker", config[i]);
}

static void set_up(void)
{
    char ini[INI_SIZE];
    sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    ck_assert_int_eq(unsetenv("ROSTRUM_METRICS_PORT"), 0);
    for (int i = 0; i < 2; i++) {
        ports[i] = program_free_port(i == 0 ? 0 : ports[0]);
        (void)snprintf(ini, sizeof ini, "[metrics]\nmetrics_port = %d\n[postgres]\nlease_s = 2\n", ports[i]);
        program_settings(ini, config[i]);
        workers[i] = 0;
    }
    SUITE_WAIT(sql_int(sql, leaders, NULL) == 0, DEADLINE_MS);
    start(0);
    SUITE_WAIT(sql_int(sql, leaders, NULL) == 1, DEADLINE_MS);
}

static void tear_down(void)
{
    for (int i = 0; i < 2; i++) {
        if (workers[i] > 0) {
            ck_assert_int_eq(program_end(workers[i], SIGTERM), 0);
        }
        program_settings_remove(config[i]);
    }
    sql_close(sql);
}

/* The value of a metric of an end worker. */
static int64_t metric(int i, const char *name)
{
    char url[INI_SIZE];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", ports[i]);
    struct client *client = client_new(url);
    ck_assert_ptr_nonnull(client);
    const struct reply *reply = client_call(client, "GET", "/metrics", NULL);
    int64_t value = -1; /* it does not answer yet */
    if (reply->status == 200) {
        exposition_check(reply->body);
        value = exposition_sum(reply->body, name, "");
    }
    client_free(client);
    return value;
}

static void expect_verified(void)
{
    int code = deployment_ctl(out, sizeof out, "verify", "--audit", NULL);
    ck_assert_msg(code == 0 && strstr(out, "0 not sealed yet") != NULL, "exit code %d: %s", code, out);
}

START_TEST(entries_are_sealed_within_seconds_and_counted)
{
    int64_t before = sql_int(sql, "SELECT count(*) FROM audit_log", NULL);
    SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
    int64_t sealed = metric(0, "rostrum_audit_sealed_total");
    run(insert, FLOOD_TEXT);
    SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
    SUITE_WAIT(metric(0, "rostrum_audit_sealed_total") == sealed + FLOOD, DEADLINE_MS);
    ck_assert_int_le(metric(0, "rostrum_audit_oldest_unsealed_seconds"), 5);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM audit_chain", NULL), before + FLOOD);
    ck_assert_int_le(
        sql_int(sql, "SELECT max(n) FROM (SELECT count(*) AS n FROM audit_chain GROUP BY sealed_at) s", NULL), 1000);
    expect_verified();
}
END_TEST

START_TEST(the_metric_rises_while_nothing_can_be_sealed)
{
    run("ALTER TABLE audit_chain RENAME COLUMN floor TO other", NULL);
    SUITE_WAIT(metric(0, "rostrum_audit_oldest_unsealed_seconds") >= 3, DEADLINE_MS);
    run("ALTER TABLE audit_chain RENAME COLUMN other TO floor", NULL);
    SUITE_WAIT(metric(0, "rostrum_audit_oldest_unsealed_seconds") <= 2, DEADLINE_MS);
}
END_TEST

START_TEST(a_link_that_changes_while_it_leads_is_counted_and_sealing_goes_on)
{
    run(insert, "5");
    SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
    ck_assert_int_eq(metric(0, "rostrum_audit_contradictions_total"), 0);
    run("CREATE TEMPORARY TABLE kept AS SELECT * FROM audit_chain ORDER BY number DESC LIMIT 1", NULL);
    change("UPDATE audit_chain SET hash = sha256('') WHERE number = (SELECT max(number) FROM audit_chain)");
    SUITE_WAIT(metric(0, "rostrum_audit_contradictions_total") == 1, DEADLINE_MS);
    ck_assert_int_eq(sql_int(sql, unsealed, NULL), 0);
    change("UPDATE audit_chain c SET hash = k.hash FROM kept k WHERE k.number = c.number");
    run(insert, "5");
    SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
    ck_assert_int_le(metric(0, "rostrum_audit_contradictions_total"), 2); /* it may have read the link in between */
    expect_verified();
}
END_TEST

START_TEST(a_stand_by_seals_nothing_until_it_leads)
{
    start(1);
    SUITE_WAIT(metric(0, "rostrum_endworker_leader") == 1, DEADLINE_MS);
    run(insert, "50");
    SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
    ck_assert_int_eq(metric(1, "rostrum_audit_sealed_total"), 0);
    ck_assert_int_eq(metric(1, "rostrum_audit_oldest_unsealed_seconds"), 0);
    ck_assert_int_eq(program_end(workers[0], SIGKILL), -1);
    workers[0] = 0;
    run(insert, "50");
    SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
    SUITE_WAIT(metric(1, "rostrum_audit_sealed_total") == 50, DEADLINE_MS);
    expect_verified();
}
END_TEST

/* The leader hangs with a statement under way, which ends once the stand-by leads. */
START_TEST(a_leader_that_hangs_and_goes_on_seals_nothing_twice)
{
    start(1);
    SUITE_WAIT(metric(0, "rostrum_endworker_leader") == 1, DEADLINE_MS);
    for (int round = 0; round < ROUNDS; round++) {
        int leads = round % 2;
        run(insert, BACKLOG_TEXT);
        ck_assert_int_eq(kill(workers[leads], SIGSTOP), 0);
        SUITE_WAIT(metric(1 - leads, "rostrum_endworker_leader") == 1, DEADLINE_MS);
        ck_assert_int_eq(kill(workers[leads], SIGCONT), 0);
        SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
        SUITE_WAIT(metric(leads, "rostrum_endworker_leader") == 0, DEADLINE_MS);
    }
    ck_assert_int_eq(metric(0, "rostrum_audit_contradictions_total"), 0);
    ck_assert_int_eq(metric(1, "rostrum_audit_contradictions_total"), 0);
    expect_verified();
}
END_TEST

START_TEST(a_worker_that_is_killed_while_it_seals_leaves_no_gap)
{
    for (int round = 0; round < ROUNDS; round++) {
        int64_t links = sql_int(sql, "SELECT count(*) FROM audit_chain", NULL);
        run(insert, BACKLOG_TEXT);
        SUITE_WAIT(sql_int(sql, "SELECT count(*) FROM audit_chain", NULL) > links, DEADLINE_MS);
        ck_assert_int_eq(program_end(workers[0], SIGKILL), -1);
        start(0);
    }
    SUITE_WAIT(sql_int(sql, unsealed, NULL) == 0, DEADLINE_MS);
    expect_verified();
}
END_TEST

static Suite *sealer_suite(void)
{
    Suite *suite = suite_create("sealer");
    TCase *tcase = tcase_create("sealer");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, entries_are_sealed_within_seconds_and_counted);
    tcase_add_test(tcase, the_metric_rises_while_nothing_can_be_sealed);
    tcase_add_test(tcase, a_link_that_changes_while_it_leads_is_counted_and_sealing_goes_on);
    tcase_add_test(tcase, a_stand_by_seals_nothing_until_it_leads);
    tcase_add_test(tcase, a_leader_that_hangs_and_goes_on_seals_nothing_twice);
    tcase_add_test(tcase, a_worker_that_is_killed_while_it_seals_leaves_no_gap);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    tables_make("sealer_test");
    int code = suite_run(sealer_suite());
    tables_drop();
    return code;
}
