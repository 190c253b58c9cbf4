/*
 * The logins of the programs: each, in the hands of an attacker, is tried at what its program has no need of, in
 * PostgreSQL. All is refused, and the deployment goes on to work with the same logins.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/fixture.h"
#include "tests/support/logins.h"

enum { MESSAGE_SIZE = 512, PROGRAMS = LOGIN_MIGRATE };

static const char *const NAMES[PROGRAMS] = {"gateway", "bidworker", "endworker", "notifyworker", "ctl"};

/* ---- PostgreSQL ---- */

static PGconn *pg_login(enum login login)
{
    static struct config config;
    logins_read(login, &config);
    ck_assert_msg(!config.shared.postgres, "%s shares its login", NAMES[login]);
    PGconn *connection = PQconnectdb(config.pg_url);
    ck_assert_msg(PQstatus(connection) == CONNECTION_OK, "%s", PQerrorMessage(connection));
    return connection;
}

/* Asserts that PostgreSQL refuses the statement for want of a right (42501); it is rolled back in any case. */
static void expect_refused(PGconn *connection, const char *name, const char *statement)
{
    PQclear(PQexec(connection, "BEGIN"));
    PGresult *result = PQexec(connection, statement);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    ck_assert_msg(state != NULL && strcmp(state, "42501") == 0, "%s: %s: %s", name, statement,
                  state == NULL ? "not refused" : PQresultErrorMessage(result));
    PQclear(result);
    PQclear(PQexec(connection, "ROLLBACK"));
}

START_TEST(no_program_can_change_the_audit_log_a_decided_bid_or_the_schema)
{
    static const char *const statements[] = {
        "DROP TABLE audit_log",
        "UPDATE audit_log SET action = 'NOTHING'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "ALTER TABLE audit_log OWNER TO CURRENT_USER",
        "DROP TRIGGER audit_log_append_only ON audit_log",
        "CREATE TRIGGER mine BEFORE INSERT ON audit_log EXECUTE FUNCTION audit_log_refuse()",
        "CREATE RULE mine AS ON INSERT TO audit_log DO INSTEAD NOTHING",
        "UPDATE bids SET amount = 1.00",
        "UPDATE bids SET status = 'rejected', reason = 'X'",
        "UPDATE bids SET bidder_id = NULL",
        "UPDATE bids SET decided_at = now()",
        "DELETE FROM bids",
        "TRUNCATE bids",
        "DROP TABLE bids",
        "ALTER TABLE bids ADD COLUMN x int",
        "DROP SCHEMA public CASCADE",
        "ALTER TABLE auctions DISABLE TRIGGER ALL",
        "ALTER TABLE outbox DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE FUNCTION users_raise_epoch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE ROLE mine LOGIN",
        "ALTER DATABASE rostrum OWNER TO CURRENT_USER",
        "SET ROLE rostrum",
        "SET ROLE postgres",
        "GRANT rostrum TO CURRENT_USER",
        "SET session_replication_role = replica",
        "COPY audit_log TO '/tmp/rostrum-audit'",
        "SELECT pg_read_file('/etc/passwd')",
        "UPDATE program_rights SET program = 'gateway'",
        "INSERT INTO program_rows VALUES ('outbox', 'gateway', 'true')",
        "DELETE FROM schema_migrations",
        "UPDATE topology SET shards = 1",
        "UPDATE data_timeline SET epoch = 0",
        "INSERT INTO deployment_keys (name, secret) VALUES ('x', 'x')",
        "UPDATE deployment_keys SET secret = 'x'",
    };
    PGconn *connection = pg_login((enum login)_i);
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        expect_refused(connection, NAMES[_i], statements[i]);
    }
    PQfinish(connection);
}
END_TEST

/* Attempts of single programs. */
static const struct attempt {
    enum login login;
    const char *statement;
} attempts[] = {
    /* the ledger */
    {LOGIN_GATEWAY, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                    "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_ENDWORKER, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                      "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_NOTIFYWORKER, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                         "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_CTL, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at) VALUES "
                "(gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now())"},
    {LOGIN_GATEWAY, "UPDATE bids SET effective = false"},
    {LOGIN_BIDWORKER, "INSERT INTO bids (auction_id, seq, bid_id, kind, status, received_at, decided_at, effective) "
                      "VALUES (gen_random_uuid(), 1, gen_random_uuid(), 'start', 'accepted', now(), now(), false)"},
    {LOGIN_GATEWAY, "UPDATE auctions SET leader_id = NULL"},
    {LOGIN_GATEWAY, "UPDATE auctions SET current_bid = 1.00"},
    {LOGIN_GATEWAY, "UPDATE auctions SET winner_id = NULL"},
    {LOGIN_GATEWAY, "UPDATE auctions SET ledger_seq = 0"},
    {LOGIN_ENDWORKER, "UPDATE auctions SET current_bid = 1.00"},
    {LOGIN_NOTIFYWORKER, "UPDATE auctions SET status = 'sold'"},
    {LOGIN_CTL, "UPDATE auctions SET status = 'sold'"},
    {LOGIN_BIDWORKER, "DELETE FROM auctions"},
    {LOGIN_BIDWORKER, "INSERT INTO audit_log SELECT * FROM audit_log"},
    /* accounts and secrets */
    {LOGIN_BIDWORKER, "SELECT password_hash FROM users"},
    {LOGIN_BIDWORKER, "SELECT email FROM users"},
    {LOGIN_ENDWORKER, "SELECT id FROM users"},
    {LOGIN_NOTIFYWORKER, "SELECT password_hash FROM users"},
    {LOGIN_NOTIFYWORKER, "SELECT role FROM users"},
    {LOGIN_NOTIFYWORKER, "UPDATE users SET password_hash = ''"},
    {LOGIN_CTL, "SELECT password_hash FROM users"},
    {LOGIN_CTL, "UPDATE users SET password_hash = ''"},
    {LOGIN_BIDWORKER, "UPDATE users SET role = 'admin'"},
    {LOGIN_ENDWORKER, "UPDATE users SET role = 'admin'"},
    {LOGIN_NOTIFYWORKER, "UPDATE users SET role = 'admin'"},
    {LOGIN_CTL, "UPDATE users SET role = 'admin'"},
    {LOGIN_GATEWAY, "INSERT INTO users (id, email, display_name, password_hash, created_at, role) VALUES "
                    "(gen_random_uuid(), 'x@example.org', 'x', 'x', now(), 'admin')"},
    {LOGIN_BIDWORKER, "SELECT secret FROM deployment_keys"},
    {LOGIN_ENDWORKER, "SELECT secret FROM deployment_keys"},
    {LOGIN_NOTIFYWORKER, "SELECT secret FROM token_keys"},
    {LOGIN_BIDWORKER, "SELECT secret FROM token_keys"},
    {LOGIN_GATEWAY, "INSERT INTO token_keys (secret) VALUES ('x')"},
    {LOGIN_NOTIFYWORKER, "SELECT refresh_hash FROM sessions"},
    {LOGIN_BIDWORKER, "SELECT id FROM sessions"},
    {LOGIN_BIDWORKER, "SELECT secret FROM webhooks"},
    {LOGIN_ENDWORKER, "SELECT secret FROM webhooks"},
    {LOGIN_GATEWAY, "DELETE FROM outbox"},
    /* messages that another program would publish: row security */
    {LOGIN_NOTIFYWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('bids.shard.00', 'x', '{}')"},
    {LOGIN_NOTIFYWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('events', 'x', '{}')"},
    {LOGIN_BIDWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('bids.shard.00', 'x', '{}')"},
    {LOGIN_BIDWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('deliveries', 'email', '{}')"},
    {LOGIN_ENDWORKER, "INSERT INTO outbox (exchange, routing_key, body) VALUES ('deliveries', 'email', '{}')"},
};

START_TEST(a_program_has_no_right_that_only_another_one_needs)
{
    PGconn *connection = pg_login(attempts[_i].login);
    expect_refused(connection, NAMES[attempts[_i].login], attempts[_i].statement);
    PQfinish(connection);
}
END_TEST

START_TEST(a_program_sees_only_its_own_secrets)
{
    static const struct {
        enum login login;
        const char *names;
    } seen[] = {{LOGIN_NOTIFYWORKER, "unsubscribe"}, {LOGIN_CTL, "pseudonym"}};
    for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
        PGconn *connection = pg_login(seen[i].login);
        PGresult *result = PQexec(connection, "SELECT string_agg(name, ' ') FROM deployment_keys");
        ck_assert_str_eq(PQgetvalue(result, 0, 0), seen[i].names);
        PQclear(result);
        PQfinish(connection);
    }
}
END_TEST

/* ---- the deployment ---- */

START_TEST(the_programs_have_logins_of_their_own_and_work)
{
    const struct reply *reply = fixture_call(NULL, "GET", "/ready", NULL);
    EXPECT_TEXT(reply, "status", "ready");
    ck_assert_int_eq(sql_int(fixture.sql,
                             "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                             " AND application_name ~ '^rostrum-' AND usename <> 'rostrum_'"
                             " || substring(application_name FROM '^rostrum-([a-z]+)')",
                             NULL),
                     0);
    ck_assert_str_eq(sql_text(fixture.sql, "SELECT string_agg(p, '; ') FROM program_rights_wrong() p", NULL), "");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.ann, fixture.auction, "10.00"), "status", "accepted");
    EXPECT_TEXT(factory_bid(fixture.client, &fixture.bob, fixture.auction, "60.00"), "status", "accepted");
}
END_TEST

static Suite *logins_suite(void)
{
    Suite *suite = suite_create("logins");
    TCase *attacks = tcase_create("attacks");
    tcase_add_loop_test(attacks, no_program_can_change_the_audit_log_a_decided_bid_or_the_schema, 0, PROGRAMS);
    tcase_add_loop_test(attacks, a_program_has_no_right_that_only_another_one_needs, 0, (int)ARRAY_LEN(attempts));
    tcase_add_test(attacks, a_program_sees_only_its_own_secrets);
    suite_add_tcase(suite, attacks);
    TCase *work = tcase_create("work");
    tcase_add_checked_fixture(work, fixture_setup, fixture_teardown);
    tcase_set_timeout(work, 60);
    tcase_add_test(work, the_programs_have_logins_of_their_own_and_work);
    suite_add_tcase(suite, work);
    return suite;
}

int main(void)
{
    return suite_run(logins_suite());
}
