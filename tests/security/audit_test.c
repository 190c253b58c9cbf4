/*
 * An act that matters is not done unless its entry in the audit log can be written. The tests take the gateway's right
 * to write entries away, as the superuser of the deployment's PostgreSQL.
 *
 * Runs alone: meanwhile nobody can log in.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/admin.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/sales.h"

#define HOOKS "/api/v1/admin/webhooks"

enum { PATH_SIZE = 512, SECRET_SIZE = 128, ROLE_SIZE = 64, SALE_STARTS_MS = 3600000 };

static struct factory_user admin;
static PGconn *superuser;
static char role[ROLE_SIZE]; /* of the gateway */

static void connect_superuser(void)
{
    char path[PATH_SIZE];
    char password[SECRET_SIZE] = "";
    (void)snprintf(path, sizeof(path), "%s/secrets/postgres-superuser", getenv("ROSTRUM_VAR"));
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(password, 1, sizeof(password) - 1, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    password[strcspn(password, "\r\n")] = '\0';
    /* What follows `dbname` replaces its parts. */
    const char *const names[] = {"dbname", "user", "password", NULL};
    const char *const values[] = {deployment_pg_url(), "postgres", password, NULL};
    superuser = PQconnectdbParams(names, values, 1);
    ck_assert_msg(PQstatus(superuser) == CONNECTION_OK, "%s", PQerrorMessage(superuser));
}

static void command(const char *text)
{
    PGresult *result = PQexec(superuser, text);
    ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK, "%s: %s", text, PQresultErrorMessage(result));
    PQclear(result);
}

static void forbid_entries(void)
{
    command(client_format("REVOKE INSERT ON audit_log FROM %s", role));
}

static void allow_entries(void)
{
    command(client_format("GRANT INSERT ON audit_log TO %s", role));
}

static int64_t count(const char *query, const char *value)
{
    return sql_int(fixture.sql, query, value, NULL);
}

START_TEST(acts_of_admins_without_their_entry_are_not_done)
{
    char secret[SECRET_SIZE];
    static const char read_secret[] = "SELECT secret FROM webhooks WHERE id = $1::uuid";
    const struct reply *reply =
        fixture_call(&admin, "POST", HOOKS, "{\"url\": \"https://shop.example/\", \"events\": [\"AUCTION_SOLD\"]}");
    EXPECT_STATUS(reply, 201);
    char hook[UUID_TEXT_SIZE];
    (void)snprintf(hook, sizeof(hook), "%s", reply_text(reply, "id"));
    (void)snprintf(secret, sizeof(secret), "%s", sql_text(fixture.sql, read_secret, hook, NULL));
    char product[UUID_TEXT_SIZE];
    char sale[UUID_TEXT_SIZE];
    sales_product(&admin, "A lamp", "", product);
    sales_sale(&admin, product, SALE_STARTS_MS, "", sale);
    forbid_entries();
    EXPECT_ERROR(fixture_call(&admin, "PUT", client_format(SALES "/%s", sale), "{\"version\": 1}"), 503, "UNAVAILABLE");
    EXPECT_ERROR(fixture_call(&admin, "POST", client_format(SALES "/%s/cancel", sale), "{\"reason\": \"x\"}"), 503,
                 "UNAVAILABLE");
    EXPECT_ERROR(admin_ban(fixture.client, &admin, fixture.ann.id), 503, "UNAVAILABLE");
    EXPECT_ERROR(fixture_call(&admin, "PUT", client_format("/api/v1/admin/auctions/%s", fixture.auction),
                              "{\"action\": \"end\", \"reason\": \"x\"}"),
                 503, "UNAVAILABLE");
    EXPECT_ERROR(fixture_call(&admin, "POST", client_format(HOOKS "/%s/secret", hook), NULL), 503, "UNAVAILABLE");
    EXPECT_ERROR(fixture_call(&admin, "GET", "/api/v1/admin/users", NULL), 503, "UNAVAILABLE");
    ck_assert_int_eq(count("SELECT count(*) FROM users WHERE id = $1::uuid AND banned_at IS NULL", fixture.ann.id), 1);
    ck_assert_int_eq(count("SELECT count(*) FROM bids WHERE auction_id = $1::uuid", fixture.auction), 0);
    ck_assert_int_eq(count("SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid", sale), 0);
    ck_assert_int_eq(count("SELECT count(*) FROM sale_terms WHERE sale_id = $1::uuid", sale), 0);
    ck_assert_str_eq(sql_text(fixture.sql, read_secret, hook, NULL), secret);
    allow_entries();
    EXPECT_STATUS(fixture_call(&admin, "DELETE", client_format(HOOKS "/%s", hook), NULL), 204);
    EXPECT_STATUS(admin_ban(fixture.client, &admin, fixture.ann.id), 200);
}
END_TEST

START_TEST(logins_and_changes_of_accounts_without_their_entry_are_not_done)
{
    static const char sessions[] = "SELECT count(*) FROM sessions WHERE user_id = $1::uuid";
    const char *login = client_format("{\"email\": \"%s\", \"password\": \"" FACTORY_PASSWORD "\"}", fixture.ann.email);
    char body[PATH_SIZE];
    (void)snprintf(body, sizeof(body), "%s", login);
    int64_t before = count(sessions, fixture.ann.id);
    forbid_entries();
    EXPECT_ERROR(fixture_call(NULL, "POST", "/api/v1/auth/login", body), 503, "UNAVAILABLE");
    EXPECT_ERROR(fixture_call(&fixture.ann, "PATCH", "/api/v1/users/me",
                              "{\"password\": \"another long password\", \"currentPassword\": \"" FACTORY_PASSWORD
                              "\"}"),
                 503, "UNAVAILABLE");
    EXPECT_ERROR(fixture_call(&fixture.ann, "DELETE", "/api/v1/users/me/sessions", NULL), 503, "UNAVAILABLE");
    EXPECT_ERROR(
        fixture_call(&fixture.ann, "POST", "/api/v1/users/me/erasure", "{\"password\": \"" FACTORY_PASSWORD "\"}"), 503,
        "UNAVAILABLE");
    ck_assert_int_eq(count(sessions, fixture.ann.id), before);
    allow_entries();
    EXPECT_STATUS(fixture_call(NULL, "POST", "/api/v1/auth/login", body), 200);
    EXPECT_STATUS(fixture_call(&fixture.ann, "GET", "/api/v1/users/me", NULL), 200);
}
END_TEST

static void setup(void)
{
    connect_superuser();
    PGresult *result =
        PQexec(superuser, "SELECT usename FROM pg_stat_activity WHERE application_name = 'rostrum-gateway' LIMIT 1");
    ck_assert_int_eq(PQntuples(result), 1);
    (void)snprintf(role, sizeof(role), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    allow_entries(); /* after a failure of an earlier test */
    fixture_setup();
    ck_assert(admin_new(fixture.client, fixture.sql, &admin));
}

static void teardown(void)
{
    PQfinish(superuser);
    fixture_teardown();
}

static Suite *audit_suite(void)
{
    Suite *suite = suite_create("audit");
    TCase *cases = tcase_create("audit");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, acts_of_admins_without_their_entry_are_not_done);
    tcase_add_test(cases, logins_and_changes_of_accounts_without_their_entry_are_not_done);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(audit_suite());
}
