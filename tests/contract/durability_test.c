/*
 * A PostgreSQL server that may lose what it committed is named by GET /ready and by rostrumctl verify. Only a superuser
 * can change these settings. A Redis that may evict any key is named by GET /ready.
 *
 * Runs alone: it changes settings of PostgreSQL and Redis.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/redis_run.h"

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

/* Any worker of the gateway may answer; each notices the change for itself. */
static bool is_reported(const char *problem)
{
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    return reply->status == 200 && strcmp(reply_text(reply, "status"), "degraded") == 0 &&
           strcmp(reply_text(reply, "degraded.0"), "durability") == 0 &&
           strcmp(reply_text(reply, "backEnds.postgres.error"), problem) == 0;
}

/* Other tests have changed rows of this deployment by SQL, which verify reports as well, so only its text is compared.
 */
static void verify(char output[static DEPLOYMENT_OUTPUT_SIZE], const char *problem, bool expected)
{
    int code = deployment_ctl(output, DEPLOYMENT_OUTPUT_SIZE, "verify", NULL);
    ck_assert_msg((strstr(output, problem) != NULL) == expected, "%s", output);
    ck_assert_msg(!expected || code == 1, "%s", output);
}

START_TEST(a_server_that_may_lose_commits_is_named)
{
    static const char *const names[] = {"fsync", "full_page_writes"};
    const char *name = names[_i];
    char output[DEPLOYMENT_OUTPUT_SIZE];
    char problem[STATEMENT_SIZE];
    (void)snprintf(problem, sizeof(problem), "runs with %s off", name);
    verify(output, problem, false);
    set(name, "off");
    SUITE_WAIT(is_reported(problem), NOTICED_MS);
    verify(output, problem, true);
    set(name, NULL);
    SUITE_WAIT(deployment_all_ready(), NOTICED_MS);
    verify(output, problem, false);
}
END_TEST

static void set_policy(const char *policy)
{
    const char *const command[] = {"CONFIG", "SET", "maxmemory-policy", policy};
    redis_run(ARRAY_LEN(command), command);
}

static bool is_eviction_reported(void)
{
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    return reply->status == 200 && strcmp(reply_text(reply, "degraded.0"), "eviction") == 0 &&
           strcmp(reply_text(reply, "backEnds.redis.error"), "has the maxmemory-policy allkeys-lru") == 0;
}

START_TEST(a_redis_that_may_evict_any_key_is_named)
{
    set_policy("volatile-ttl");
    SUITE_WAIT(deployment_all_ready(), NOTICED_MS);
    set_policy("allkeys-lru");
    SUITE_WAIT(is_eviction_reported(), NOTICED_MS);
    set_policy("noeviction");
    SUITE_WAIT(deployment_all_ready(), NOTICED_MS);
    set_policy("volatile-ttl");
}
END_TEST

/* An unchecked fixture: it runs in the parent process, also after a failed test. */
static void restore(void)
{
    set("fsync", NULL);
    set("full_page_writes", NULL);
    set_policy("volatile-ttl");
}

static Suite *durability_suite(void)
{
    Suite *suite = suite_create("durability");
    TCase *tcase = tcase_create("durability");
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_unchecked_fixture(tcase, NULL, restore);
    tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
    tcase_add_loop_test(tcase, a_server_that_may_lose_commits_is_named, 0, 2);
    tcase_add_test(tcase, a_redis_that_may_evict_any_key_is_named);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(durability_suite());
}
