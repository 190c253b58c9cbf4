/*
 * The rights of the programs in PostgreSQL: `rostrumctl migrate` gives them in every database, and migrate and `verify`
 * fail while they, or what guards the audit log, are missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/protocol/rights.h"
#include "common/service/config.h"
#include "tests/support/deployment.h"
#include "tests/support/scratch.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"

#define SCHEMA   "rights_test"
#define DATABASE "rostrum_rights_test"

enum { PATH_SIZE = 256 };

static struct sql *sql;
static char out[DEPLOYMENT_OUTPUT_SIZE];
static char tables_url[CONFIG_TEXT_SIZE];
static char server_url[CONFIG_TEXT_SIZE];

static void run(const char *text)
{
    PGresult *result = sql_rows(sql, text, NULL);
    ck_assert_msg(result != NULL, "%s", text);
    PQclear(result);
}

static void set_up(void)
{
    sql = sql_open(tables_url);
    ck_assert_ptr_nonnull(sql);
    run("SET client_min_messages = warning");
}

static void tear_down(void)
{
    sql_close(sql);
}

static void expect(const char *command, int code, const char *text)
{
    int got = deployment_ctl(out, sizeof(out), command, NULL);
    ck_assert_msg(got == code && strstr(out, text) != NULL, "%s: exit code %d, not %d with \"%s\": %.1000s", command,
                  got, code, text, out);
}

START_TEST(a_table_without_a_decision_is_found)
{
    run("CREATE TABLE later (id int)");
    expect("migrate", 1, "no rights are decided for later: see docs/migrations.md");
    expect("verify", 1, "no rights are decided for later");
    run("SELECT program_may('gateway', 'SELECT', 'later')");
    expect("migrate", 0, "up to date");
    ck_assert_int_eq(
        sql_int(
            sql,
            "SELECT count(*) FROM (SELECT has_table_privilege('rostrum_gateway', 'later', 'SELECT')) h (yes) WHERE yes",
            NULL),
        1);
    run("DELETE FROM program_rights WHERE object = 'later'");
    run("DROP TABLE later");
}
END_TEST

/* A change, what verify says about it, and whether migrate mends it; else how to undo it. */
static const struct {
    const char *change;
    const char *said;
    const char *undo; /* NULL: migrate */
} changes[] = {
    {"GRANT INSERT ON bids TO rostrum_gateway", "rights: rostrum_gateway may INSERT bids (", NULL},
    {"GRANT UPDATE (amount) ON bids TO rostrum_bidworker", "rights: rostrum_bidworker may UPDATE bids (amount)", NULL},
    {"GRANT DELETE ON audit_log TO rostrum_gateway", "rights: rostrum_gateway may DELETE audit_log", NULL},
    {"GRANT TRUNCATE ON bids TO rostrum_ctl", "rights: rostrum_ctl may TRUNCATE bids", NULL},
    {"GRANT SELECT ON users TO rostrum_endworker", "rights: rostrum_endworker may SELECT users (", NULL},
    {"REVOKE INSERT ON audit_log FROM rostrum_gateway", "rights: rostrum_gateway may not INSERT audit_log (", NULL},
    {"REVOKE USAGE ON SCHEMA " SCHEMA " FROM rostrum_gateway", "rostrum_gateway may not look up tables", NULL},
    {"GRANT CREATE ON SCHEMA " SCHEMA " TO PUBLIC", "rostrum_gateway may create tables", NULL},
    {"DROP POLICY rostrum_endworker ON outbox", "rights: outbox has no policy for rostrum_endworker", NULL},
    {"ALTER TABLE outbox DISABLE ROW LEVEL SECURITY", "rights: outbox has no policy for rostrum_bidworker",
     "ALTER TABLE outbox ENABLE ROW LEVEL SECURITY"},
    {"ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only",
     "rights: the trigger audit_log_append_only of audit_log is disabled",
     "ALTER TABLE audit_log ENABLE TRIGGER audit_log_append_only"},
    {"ALTER TABLE auctions DISABLE TRIGGER USER", "rights: the trigger auction_prices_add of auctions is disabled",
     "ALTER TABLE auctions ENABLE TRIGGER USER"},
    {"ALTER TRIGGER audit_log_append_only ON audit_log RENAME TO other",
     "rights: audit_log has no trigger that keeps its rows",
     "ALTER TRIGGER other ON audit_log RENAME TO audit_log_append_only"},
    {"GRANT UPDATE (hash) ON audit_chain TO rostrum_endworker",
     "rights: rostrum_endworker may UPDATE audit_chain (hash)", NULL},
    {"GRANT DELETE ON audit_chain TO rostrum_endworker", "rights: rostrum_endworker may DELETE audit_chain", NULL},
    {"GRANT INSERT ON audit_chain TO rostrum_gateway", "rights: rostrum_gateway may INSERT audit_chain (", NULL},
    {"ALTER TABLE audit_chain DISABLE TRIGGER audit_chain_append_only",
     "rights: the trigger audit_chain_append_only of audit_chain is disabled",
     "ALTER TABLE audit_chain ENABLE TRIGGER audit_chain_append_only"},
    {"ALTER TRIGGER audit_archives_append_only ON audit_archives RENAME TO other",
     "rights: audit_archives has no trigger that keeps its rows",
     "ALTER TRIGGER other ON audit_archives RENAME TO audit_archives_append_only"},
    {"ALTER FUNCTION deliveries_queue() RESET search_path", "rights: the function deliveries_queue runs with its",
     "ALTER FUNCTION deliveries_queue() SET search_path = " SCHEMA ", public, pg_temp"},
    {"GRANT EXECUTE ON FUNCTION deliveries_queue() TO PUBLIC", "rights: the function deliveries_queue runs with its",
     NULL},
    {"CREATE POLICY mine ON outbox USING (true)", "rights: outbox has the policy mine, which was not decided",
     "DROP POLICY mine ON outbox"},
    {"GRANT EXECUTE ON FUNCTION users_end_sessions() TO rostrum_endworker",
     "rights: the function users_end_sessions runs with its", NULL},
};

START_TEST(verify_fails_while_a_right_or_guard_differs)
{
    expect("verify", 0, "no difference");
    run(changes[_i].change);
    expect("verify", 1, changes[_i].said);
    if (changes[_i].undo != NULL) {
        expect("migrate", 1, changes[_i].said);
        run(changes[_i].undo);
    }
    expect("migrate", 0, "up to date");
    expect("verify", 0, "no difference");
}
END_TEST

/* Every privilege of every role on every column equals the table of decisions, in both directions. */
START_TEST(the_rights_of_a_new_database_are_those_that_were_decided)
{
    ck_assert_str_eq(sql_text(sql, "SELECT string_agg(p, '; ') FROM program_rights_wrong() p", NULL), "");
    ck_assert_int_gt(sql_int(sql, "SELECT count(*) FROM program_rights", NULL), 200);
    /* What the ledger depends on, apart from that table. */
    ck_assert_str_eq(
        sql_text(sql,
                 "SELECT string_agg(format('%s %s %s', program, privilege, columns), '; ' ORDER BY program, privilege)"
                 " FROM (SELECT program, privilege, string_agg(column_name, ' ' ORDER BY column_name) AS columns"
                 "  FROM program_rights WHERE object = 'bids' AND privilege <> 'SELECT' AND NOT ("
                 "   program = 'bidworker' AND privilege = 'INSERT') GROUP BY program, privilege) AS writing",
                 NULL),
        "bidworker UPDATE effective effective_amount effective_bidder_id effective_raise effective_status");
    ck_assert_str_eq(sql_text(sql,
                              "SELECT string_agg(DISTINCT privilege, ' ') FROM program_rights"
                              " WHERE object = 'audit_log'",
                              NULL),
                     "INSERT SELECT");
    ck_assert_str_eq(sql_text(sql,
                              "SELECT string_agg(concat_ws(' ', program, privilege), '; ' ORDER BY program, privilege)"
                              " FROM program_rights WHERE object = 'audit_chain'",
                              NULL),
                     "ctl SELECT; endworker INSERT; endworker SELECT");
}
END_TEST

/* The rows of the outbox that a program sees are those that RabbitMQ lets it publish, which its sweep takes. */
START_TEST(the_outbox_shows_a_program_what_it_may_publish)
{
    static const char *const exchanges[] = {
        "bids.shard.00",     "bids.shard.07", "sales.shard.00",     "events",       "dead", "deliveries",
        "deliveries.wait.1", "elsewhere",     "deliveries.wait.16", "bids.shard.99"};
    static const enum login relays[] = {LOGIN_BIDWORKER, LOGIN_SALEWORKER, LOGIN_ENDWORKER, LOGIN_NOTIFYWORKER};
    for (size_t i = 0; i < ARRAY_LEN(relays); i++) {
        char condition[CONFIG_TEXT_SIZE];
        char query[CONFIG_TEXT_SIZE * 2];
        (void)snprintf(condition, sizeof(condition), "%s",
                       sql_text(sql, "SELECT condition FROM program_rows WHERE object = 'outbox' AND program = $1",
                                rights_names[relays[i]], NULL));
        (void)snprintf(query, sizeof(query),
                       "SELECT count(*) FROM (VALUES ($1::text, $2::text)) AS o (exchange, pattern)"
                       " WHERE (%s) AND exchange ~ pattern",
                       condition);
        for (size_t j = 0; j < ARRAY_LEN(exchanges); j++) {
            bool publishes = rights_may_publish(relays[i], exchanges[j]);
            ck_assert_msg(sql_int(sql, query, exchanges[j], rights_amqp[relays[i]].write, NULL) == publishes,
                          "%s and %s", rights_names[relays[i]], exchanges[j]);
        }
    }
}
END_TEST

/* ---- another database ---- */

static int shell(const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    return deployment_run(argv, out, sizeof(out));
}

static void make_database(void)
{
    char url[CONFIG_TEXT_SIZE];
    const char *slash = strrchr(server_url, '/');
    sql = sql_open(server_url);
    ck_assert_ptr_nonnull(sql);
    run("SET client_min_messages = warning");
    run("DROP DATABASE IF EXISTS " DATABASE);
    run("CREATE DATABASE " DATABASE);
    (void)snprintf(url, sizeof(url), "%.*s/" DATABASE, (int)(slash - server_url), server_url);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", url, 1), 0);
}

static void drop_database(void)
{
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", tables_url, 1), 0);
    run("DROP DATABASE IF EXISTS " DATABASE);
    sql_close(sql);
}

START_TEST(a_second_database_of_a_server_is_guarded_like_the_first)
{
    expect("migrate", 0, "up to date");
    expect("verify", 0, "no difference");
}
END_TEST

static void expect_shell(const char *script)
{
    int code = shell(script);
    ck_assert_msg(code == 0, "exit code %d: %.1000s", code, out);
}

/* pg_restore --no-privileges leaves out all grants; row security and triggers return. */
START_TEST(a_restored_database_is_refused_until_its_rights_are_given_again)
{
    char file[PATH_SIZE];
    scratch_pattern("dump", file, sizeof(file));
    int fd = mkstemp(file);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(setenv("RIGHTS_DUMP", file, 1), 0);
    expect("migrate", 0, "up to date");
    expect_shell("pg_dump -Fc -f \"$RIGHTS_DUMP\" \"$ROSTRUM_PG_URL\"");
    run("DROP DATABASE " DATABASE);
    run("CREATE DATABASE " DATABASE);
    expect_shell("pg_restore --no-privileges --no-owner --exit-on-error -d \"$ROSTRUM_PG_URL\" \"$RIGHTS_DUMP\"");
    ck_assert_int_eq(unlink(file), 0);
    expect("verify", 1, "rights: rostrum_gateway may not INSERT audit_log (");
    expect("migrate", 0, "up to date");
    expect("verify", 0, "no difference");
}
END_TEST

static Suite *rights_suite(void)
{
    Suite *suite = suite_create("rights");
    TCase *tcase = tcase_create("rights");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_rights_of_a_new_database_are_those_that_were_decided);
    tcase_add_test(tcase, a_table_without_a_decision_is_found);
    tcase_add_test(tcase, the_outbox_shows_a_program_what_it_may_publish);
    tcase_add_loop_test(tcase, verify_fails_while_a_right_or_guard_differs, 0, (int)ARRAY_LEN(changes));
    suite_add_tcase(suite, tcase);
    TCase *others = tcase_create("databases");
    tcase_add_checked_fixture(others, make_database, drop_database);
    tcase_set_timeout(others, 60);
    tcase_add_test(others, a_second_database_of_a_server_is_guarded_like_the_first);
    tcase_add_test(others, a_restored_database_is_refused_until_its_rights_are_given_again);
    suite_add_tcase(suite, others);
    return suite;
}

int main(void)
{
    (void)snprintf(server_url, sizeof server_url, "%s", deployment_pg_url());
    tables_make(SCHEMA);
    (void)snprintf(tables_url, sizeof tables_url, "%s", deployment_pg_url());
    int code = suite_run(rights_suite());
    tables_drop();
    return code;
}
