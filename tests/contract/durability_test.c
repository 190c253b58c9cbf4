/*
 * A PostgreSQL server that may lose what it committed is named by GET /ready and by rostrumctl verify. Only a superuser
 * can change these settings.
 *
 * Runs alone: it changes settings of PostgreSQL.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"

enum { PASSWORD_SIZE = 128, URL_SIZE = 512, STATEMENT_SIZE = 128, NOTICED_MS = 20000, TIMEOUT_S = 90 };

/* The deployment's server, as its superuser. */
static PGconn *superuser(void)
{
    char path[URL_SIZE];
    char password[PASSWORD_SIZE] = "";
    char url[URL_SIZE];
    const char *var = getenv("ROSTRUM_VAR");
    const char *server = strchr(deployment_pg_url(), '@');
    ck_assert_ptr_nonnull(var);
    ck_assert_ptr_nonnull(server);
    (void)snprintf(path, sizeof(path), "%s/secrets/postgres-superuser", var);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    ck_assert_ptr_nonnull(fgets(password, sizeof(password), file));
    (void)fclose(file);
    password[strcspn(password, "\n")] = '\0';
    (void)snprintf(url, sizeof(url), "postgresql://postgres:%s%s", password, server);
    PGconn *connection = PQconnectdb(url);
    ck_assert_msg(PQstatus(connection) == CONNECTION_OK, "%s", PQerrorMessage(connection));
    return connection;
}

/* `value` NULL: the value of the configuration file. */
static void set(const char *name, const char *value)
{
    PGconn *connection = superuser();
    char statement[STATEMENT_SIZE];
    (void)snprintf(statement, sizeof(statement), "ALTER SYSTEM %s %s%s%s", value == NULL ? "RESET" : "SET", name,
                   value == NULL ? "" : " = ", value == NULL ? "" : value);
    const char *const statements[] = {statement, "SELECT pg_reload_conf()"};
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        PGresult *result = PQexec(connection, statements[i]);
        ExecStatusType status = PQresultStatus(result);
        ck_assert_msg(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s", PQerrorMessage(connection));
        PQclear(result);
    }
    PQfinish(connection);
}

static bool is_reported(void)
{
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    return reply->status == 200 && reply_count(reply, "degraded") == 1;
}

START_TEST(a_server_that_may_lose_commits_is_named)
{
    static const char *const names[] = {"fsync", "full_page_writes"};
    const char *name = names[_i];
    char output[DEPLOYMENT_OUTPUT_SIZE];
    char problem[STATEMENT_SIZE];
    (void)snprintf(problem, sizeof(problem), "runs with %s off", name);
    ck_assert_int_eq(deployment_ctl(output, sizeof(output), "verify", NULL), 0);
    set(name, "off");
    SUITE_WAIT(is_reported(), NOTICED_MS);
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    EXPECT_TEXT(reply, "status", "degraded");
    EXPECT_TEXT(reply, "degraded.0", "durability");
    EXPECT_TEXT(reply, "backEnds.postgres.error", problem);
    ck_assert_int_eq(deployment_ctl(output, sizeof(output), "verify", NULL), 1);
    ck_assert_msg(strstr(output, problem) != NULL, "%s", output);
    set(name, NULL);
    SUITE_WAIT(deployment_ready(), NOTICED_MS);
    ck_assert_int_eq(deployment_ctl(output, sizeof(output), "verify", NULL), 0);
}
END_TEST

static void restore(void)
{
    set("fsync", NULL);
    set("full_page_writes", NULL);
    fixture_teardown();
}

static Suite *durability_suite(void)
{
    Suite *suite = suite_create("durability");
    TCase *tcase = tcase_create("durability");
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_checked_fixture(tcase, fixture_setup, restore);
    tcase_add_loop_test(tcase, a_server_that_may_lose_commits_is_named, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(durability_suite());
}
