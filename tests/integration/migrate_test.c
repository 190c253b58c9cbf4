/*
 * `rostrumctl migrate`: the files of schema/, and the newest file, which programs require. A database of another
 * version is refused. The database of each released version (tests/fixtures) is migrated to the newest schema and keeps
 * its rows.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/protocol/schema.h"
#include "common/service/config.h"
#include "tests/support/deployment.h"
#include "tests/support/program.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"

#define SCHEMA   "migrate_test"
#define DATABASE "rostrum_migrate_test"

enum {
    COMMAND_SIZE = 2 * CONFIG_TEXT_SIZE,
    STRUCTURE_SIZE = 64,
    NUMBER_LENGTH = 4,
    NUMBER_SIZE = 16,
    INI_SIZE = 128,
    LOG_DEADLINE_MS = 30000
};

static struct sql *sql;
static char out[DEPLOYMENT_OUTPUT_SIZE];
static char newest[STRUCTURE_SIZE];       /* structure of a new deployment's schema */
static char tables_url[CONFIG_TEXT_SIZE]; /* of the schema named SCHEMA */
static char server_url[CONFIG_TEXT_SIZE]; /* of the deployment's database */

/* Tables with their columns, order apart, views, indexes, constraints, triggers and functions, of one schema. */
static void structure(struct sql *of, char text[static STRUCTURE_SIZE])
{
    (void)snprintf(
        text, STRUCTURE_SIZE, "%s",
        sql_text(of,
                 "SELECT count(*) || ' ' || md5(string_agg(plain, E'\n' ORDER BY plain))"
                 " FROM (SELECT replace(replace(line, current_schema() || '.', ''), 'public.', '') FROM ("
                 " SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)"
                 "  FROM information_schema.columns WHERE table_schema = current_schema()"
                 "  AND table_name <> 'audit_log'" /* not shown if another role owns it */
                 " UNION ALL SELECT pg_get_viewdef(viewname::regclass) FROM pg_views"
                 "  WHERE schemaname = current_schema()"
                 " UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"
                 " UNION ALL SELECT conrelid::regclass || conname || pg_get_constraintdef(oid)"
                 "  FROM pg_constraint WHERE connamespace = current_schema()::regnamespace"
                 " UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
                 "  WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal"
                 " UNION ALL SELECT proname || prosrc FROM pg_proc p"
                 "  WHERE p.pronamespace = current_schema()::regnamespace"
                 "  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e'))"
                 " AS everything (line)) AS lines (plain)",
                 NULL));
}

static int shell(const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    return deployment_run(argv, out, sizeof(out));
}

static void run(struct sql *on, const char *text)
{
    PGresult *result = sql_rows(on, text, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static void set_up(void)
{
    sql = sql_open(tables_url);
    ck_assert_ptr_nonnull(sql);
    run(sql, "SET client_min_messages = warning");
    run(sql, "DROP SCHEMA " SCHEMA " CASCADE");
    run(sql, "CREATE SCHEMA " SCHEMA);
}

static void tear_down(void)
{
    sql_close(sql);
}

static void expect_migrated(void)
{
    int code = deployment_ctl(out, sizeof(out), "migrate", NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
}

/* ---- the files ---- */

START_TEST(files_are_numbered_without_a_gap_and_programs_require_the_last)
{
    char number[NUMBER_SIZE];
    const char *last = "";
    int count = 0;
    ck_assert_int_eq(shell("ls schema"), 0);
    for (const char *name = strtok(out, "\n"); name != NULL; name = strtok(NULL, "\n")) {
        (void)snprintf(number, sizeof number, "%04d", ++count);
        ck_assert_msg(strncmp(name, number, NUMBER_LENGTH) == 0 && name[NUMBER_LENGTH] == '-', "%s is not number %s",
                      name, number);
        last = name;
    }
    ck_assert_str_eq(last, SCHEMA_NEWEST);
}
END_TEST

START_TEST(an_empty_database_gets_every_migration)
{
    char made[STRUCTURE_SIZE];
    expect_migrated();
    structure(sql, made);
    ck_assert_str_eq(made, newest);
    ck_assert_str_eq(sql_text(sql, "SELECT max(name) FROM schema_migrations", NULL), SCHEMA_NEWEST);
}
END_TEST

/* ---- the number of shards ---- */

static void expect_shards(long shards)
{
    char line[NUMBER_SIZE * 2];
    (void)snprintf(line, sizeof line, ": %ld shards", shards);
    expect_migrated();
    ck_assert_msg(strstr(out, line) != NULL, "not \"%s\": %s", line, out);
    ck_assert_int_eq(sql_int(sql, "SELECT shards FROM topology", NULL), shards);
}

START_TEST(a_new_deployment_has_a_shard_for_each_processor_and_keeps_that_number)
{
    enum { LEAST = 2, MOST = 16, OTHER = 5 };
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    char settings[PROGRAM_SETTINGS_SIZE];
    /* The settings of the tests, which rostrumctl reads from ROSTRUM_VAR, name a number. */
    program_settings("[rabbitmq]\nshards = 0\n", settings);
    ck_assert_int_eq(setenv("ROSTRUM_CONF", settings, 1), 0);
    expect_shards(processors < LEAST ? LEAST : processors > MOST ? MOST : processors);
    run(sql, "UPDATE topology SET shards = 5");
    expect_shards(OTHER);
    ck_assert_int_eq(unsetenv("ROSTRUM_CONF"), 0);
    program_settings_remove(settings);
}
END_TEST

/* ---- a database of another version ---- */

/* Makes tables as before 0.1.0, whose first migration had another name. */
static void make_older(void)
{
    run(sql, "CREATE TABLE schema_migrations (name text PRIMARY KEY, checksum text NOT NULL,"
             " applied_at timestamptz NOT NULL DEFAULT now())");
    run(sql,
        "INSERT INTO schema_migrations (name, checksum) VALUES ('0001-house.sql', 'x'), ('0002-commands.sql', 'x')");
    run(sql, "CREATE TABLE topology (only_row boolean PRIMARY KEY DEFAULT true, shards integer NOT NULL)");
    run(sql, "INSERT INTO topology (shards) VALUES (4)");
}

START_TEST(a_database_from_before_0_1_0_is_refused_and_unchanged)
{
    char before[STRUCTURE_SIZE];
    char after[STRUCTURE_SIZE];
    make_older();
    structure(sql, before);
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "migrate", NULL), 1);
    ck_assert_msg(strstr(out, "the database belongs to another version (0001-house.sql is on record") != NULL &&
                      strstr(out, "use the programs of that version, or a new database; nothing was changed") != NULL,
                  "%s", out);
    structure(sql, after);
    ck_assert_str_eq(after, before);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM schema_migrations", NULL), 2);
}
END_TEST

START_TEST(a_database_of_a_newer_version_is_refused)
{
    expect_migrated();
    run(sql, "INSERT INTO schema_migrations (name, checksum) VALUES ('0999-later.sql', 'x')");
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "migrate", NULL), 1);
    ck_assert_msg(strstr(out, "another version (0999-later.sql is on record") != NULL, "%s", out);
}
END_TEST

START_TEST(without_the_newest_file_rostrumctl_refuses_to_run)
{
    make_older();
    ck_assert_int_ne(deployment_ctl(out, sizeof(out), "shards", NULL), 0);
    ck_assert_msg(strstr(out, SCHEMA_MISSING) != NULL, "%s", out);
    run(sql, "DROP SCHEMA " SCHEMA " CASCADE");
    run(sql, "CREATE SCHEMA " SCHEMA);
    expect_migrated();
    ck_assert_int_eq(deployment_ctl(out, sizeof(out), "shards", NULL), 0);
    run(sql, "DELETE FROM schema_migrations WHERE name = '" SCHEMA_NEWEST "'");
    ck_assert_int_ne(deployment_ctl(out, sizeof(out), "shards", NULL), 0);
    ck_assert_msg(strstr(out, SCHEMA_MISSING) != NULL, "%s", out);
}
END_TEST

/*
 * Each program starts, waits and logs the reason. With `older` the tables are older than 0.1.0, otherwise only the
 * newest file is not recorded.
 */
static const struct {
    const char *program;
    bool older;
    const char *message;
} starts[] = {
    {"rostrum-gateway", true, "the schema is of another version: run rostrumctl migrate"},
    {"rostrum-bidworker", true, "the schema is of another version: run rostrumctl migrate"},
    {"rostrum-endworker", true, "the schema is of another version: run rostrumctl migrate"},
    {"rostrum-notifyworker", true, "the schema is of another version: run rostrumctl migrate"},
    {"rostrum-gateway", false, SCHEMA_MISSING},
    {"rostrum-bidworker", false, SCHEMA_MISSING},
    {"rostrum-endworker", false, SCHEMA_MISSING},
    {"rostrum-notifyworker", false, SCHEMA_MISSING},
};

/* A free port. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(close(fd), 0);
    return ntohs(address.sin_port);
}

/* Starts the program with `log` as its stderr. */
static pid_t start_logged(const char *program, const char *settings, int log)
{
    int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    ck_assert_int_ge(own, 0);
    ck_assert_int_ge(dup2(log, STDERR_FILENO), 0);
    pid_t pid = program_start(program, settings);
    ck_assert_int_ge(dup2(own, STDERR_FILENO), 0);
    ck_assert_int_eq(close(own), 0);
    return pid;
}

static bool log_has(int log, const char *text)
{
    ssize_t length = pread(log, out, sizeof out - 1, 0);
    out[length < 0 ? 0 : length] = '\0';
    return strstr(out, text) != NULL;
}

START_TEST(programs_on_another_schema_log_what_to_do)
{
    char ini[INI_SIZE];
    char settings[PROGRAM_SETTINGS_SIZE];
    int log = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_ge(log, 0);
    if (starts[_i].older) {
        make_older();
    } else {
        expect_migrated();
        run(sql, "DELETE FROM schema_migrations WHERE name = '" SCHEMA_NEWEST "'");
    }
    (void)snprintf(ini, sizeof ini, "[gateway]\nworkers = 1\nlisten_port = %u\n[images]\nimage_folder = /tmp\n",
                   free_port());
    program_settings(ini, settings);
    pid_t pid = start_logged(starts[_i].program, settings, log);
    SUITE_WAIT(log_has(log, starts[_i].message), LOG_DEADLINE_MS);
    ck_assert_int_eq(program_end(pid, SIGTERM), 0);
    program_settings_remove(settings);
    ck_assert_int_eq(close(log), 0);
}
END_TEST

/* ---- released versions ---- */

static const char *const versions[] = {"0.1.0"};

/* Queries on the migrated database, and the contents of the fixtures (tests/fixtures/make). */
static const struct {
    const char *version;
    const char *question;
    const char *answer;
} released[] = {
    {"0.1.0",
     "SELECT string_agg(status || ' ' || n, ', ' ORDER BY status)"
     " FROM (SELECT status, count(*) AS n FROM auctions GROUP BY status) AS s",
     "active 24, cancelled 24, draft 12, scheduled 12, sold 194, unsold 36"},
    {"0.1.0",
     "SELECT concat_ws(', ', (SELECT count(*) FROM users), (SELECT count(*) FROM items),"
     " (SELECT count(*) FROM notifications) > 1000)",
     "37, 24, t"},
    /* A sold auction, with a maximum that was outbid at once and two automatic bids. */
    {"0.1.0",
     "SELECT concat_ws(' ', a.status, a.current_bid, u.email) FROM auctions a JOIN users u ON u.id = a.winner_id"
     " WHERE a.title = 'brass chair 1'",
     "sold 61.00 bidder6@fixture.example"},
    {"0.1.0",
     "SELECT string_agg(concat_ws(' ', p.kind, p.status, p.amount), ', ' ORDER BY p.seq) FROM public_bids p"
     " JOIN auctions a ON a.id = p.auction_id WHERE p.in_history AND a.title = 'brass chair 1'",
     "proxy accepted 11.00, proxy outbid 45.00, auto accepted 46.00, bid outbid 50.00, auto accepted 51.00,"
     " proxy accepted 61.00"},
    /* A maximum was voided, so the bid that it had outbid is now accepted. */
    {"0.1.0",
     "SELECT string_agg(concat_ws(' ', b.kind, b.status, b.effective, b.effective_status), ', ' ORDER BY b.seq)"
     " FROM bids b JOIN auctions a ON a.id = b.auction_id WHERE a.title = 'walnut lamp 8' AND b.seq <= 4",
     "proxy accepted f, bid outbid t accepted, auto accepted f, bid accepted t"},
    {"0.1.0",
     "SELECT string_agg(concat_ws(' ', p.kind, p.status, p.amount), ', ' ORDER BY p.seq) FROM public_bids p"
     " JOIN auctions a ON a.id = p.auction_id WHERE p.in_history AND a.title = 'walnut lamp 8'",
     "bid accepted 25.00, bid accepted 90.00"},
};

/* The entries of the audit log from before there was a chain. */
static void expect_sealed(struct sql *loaded)
{
    int64_t entries = sql_int(loaded, "SELECT count(*) FROM audit_log", NULL);
    ck_assert_int_gt(entries, 0);
    ck_assert_int_eq(sql_int(loaded, "SELECT count(*) FROM audit_chain", NULL), 0);
    while (sql_int(loaded, "SELECT sealed FROM audit_seal(7, 0, '')", NULL) > 0) {
    }
    ck_assert_int_eq(sql_int(loaded, "SELECT count(*) FROM audit_chain", NULL), entries);
    int code = deployment_ctl(out, sizeof(out), "verify", "--audit", NULL);
    ck_assert_msg(code == 0 && strstr(out, "0 not sealed yet") != NULL, "exit code %d: %s", code, out);
}

/* Loads the dump into a database of its own, because a dump names the schema of each table. Writes the URL to `url`. */
static struct sql *load(const char *version, char url[static CONFIG_TEXT_SIZE])
{
    char script[COMMAND_SIZE];
    size_t head = strcspn(server_url, "?");
    const char *slash = server_url + head;
    while (slash > server_url && *slash != '/') {
        slash--;
    }
    (void)snprintf(url, CONFIG_TEXT_SIZE, "%.*s/" DATABASE "%s", (int)(slash - server_url), server_url,
                   server_url + head);
    (void)snprintf(script, sizeof script,
                   "gzip -dc tests/fixtures/%s.sql.gz | psql -XAtq -v ON_ERROR_STOP=1 '%s' 2>&1 >/dev/null", version,
                   url);
    int code = shell(script);
    ck_assert_msg(code == 0 && out[0] == '\0', "exit code %d: %s", code, out);
    struct sql *loaded = sql_open(url);
    ck_assert_ptr_nonnull(loaded);
    return loaded;
}

static void make_database(void)
{
    sql = sql_open(server_url);
    ck_assert_ptr_nonnull(sql);
    run(sql, "SET client_min_messages = warning");
    run(sql, "DROP DATABASE IF EXISTS " DATABASE);
    run(sql, "CREATE DATABASE " DATABASE);
}

static void drop_database(void)
{
    (void)setenv("ROSTRUM_PG_URL", tables_url, 1);
    run(sql, "DROP DATABASE IF EXISTS " DATABASE);
    sql_close(sql);
}

START_TEST(a_released_versions_database_is_migrated_and_verified)
{
    const char *version = versions[_i];
    char url[CONFIG_TEXT_SIZE];
    char reached[STRUCTURE_SIZE];
    int facts = 0;
    struct sql *loaded = load(version, url);
    ck_assert_int_eq(setenv("ROSTRUM_PG_URL", url, 1), 0);
    expect_migrated();
    structure(loaded, reached);
    ck_assert_str_eq(reached, newest);
    int code = deployment_ctl(out, sizeof(out), "verify", NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
    for (size_t i = 0; i < ARRAY_LEN(released); i++) {
        if (strcmp(released[i].version, version) == 0) {
            ck_assert_str_eq(sql_text(loaded, released[i].question, NULL), released[i].answer);
            facts++;
        }
    }
    ck_assert_int_gt(facts, 0);
    expect_sealed(loaded);
    sql_close(loaded);
}
END_TEST

static Suite *migrate_suite(void)
{
    Suite *suite = suite_create("migrate");
    TCase *tcase = tcase_create("schema");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 90);
    tcase_add_test(tcase, files_are_numbered_without_a_gap_and_programs_require_the_last);
    tcase_add_test(tcase, an_empty_database_gets_every_migration);
    tcase_add_test(tcase, a_new_deployment_has_a_shard_for_each_processor_and_keeps_that_number);
    tcase_add_test(tcase, a_database_from_before_0_1_0_is_refused_and_unchanged);
    tcase_add_test(tcase, a_database_of_a_newer_version_is_refused);
    tcase_add_test(tcase, without_the_newest_file_rostrumctl_refuses_to_run);
    tcase_add_loop_test(tcase, programs_on_another_schema_log_what_to_do, 0, (int)ARRAY_LEN(starts));
    suite_add_tcase(suite, tcase);
    TCase *fixtures = tcase_create("released versions");
    tcase_add_checked_fixture(fixtures, make_database, drop_database);
    tcase_set_timeout(fixtures, 90);
    tcase_add_loop_test(fixtures, a_released_versions_database_is_migrated_and_verified, 0, (int)ARRAY_LEN(versions));
    suite_add_tcase(suite, fixtures);
    return suite;
}

int main(void)
{
    (void)snprintf(server_url, sizeof server_url, "%s", deployment_pg_url());
    tables_make(SCHEMA);
    (void)snprintf(tables_url, sizeof tables_url, "%s", deployment_pg_url());
    sql = sql_open(tables_url);
    if (sql != NULL) {
        structure(sql, newest);
    }
    sql_close(sql);
    int code = suite_run(migrate_suite());
    tables_drop();
    return code;
}
