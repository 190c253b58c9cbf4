/*
 * See pg_pool.h.
 */
#include "tests/support/pg_pool.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TIMEOUT_MS = 1500,
    PENDING_MAX = 20000,
};

static const struct pg_statement statements[] = {
    [PG_POOL_ECHO] = {"echo", "SELECT $1::bigint"},
    [PG_POOL_INSERT] = {"insert", "INSERT INTO pg_test (id) VALUES ($1::bigint)"},
    [PG_POOL_INSERT_LATE] = {"insert_late", "INSERT INTO pg_test (id, other) VALUES ($1::bigint, $1::bigint + 1000)"},
    [PG_POOL_COUNT] = {"count", "SELECT count(*) FROM pg_test"},
    [PG_POOL_SLEEP] = {"sleep", "SELECT pg_sleep($1::float8)"},
    [PG_POOL_BACKEND] = {"backend", "SELECT pg_backend_pid()"},
    [PG_POOL_TERMINATE] = {"terminate", "SELECT pg_terminate_backend($1::integer)"},
    [PG_POOL_ALIVE] = {"alive", "SELECT count(*) FROM pg_stat_activity WHERE pid = $1::integer"},
    [PG_POOL_FAIL] = {"fail", "SELECT 1 / $1::integer"},
    [PG_POOL_LENGTH] = {"length", "SELECT cardinality($1::text[])"},
    [PG_POOL_EVERYTHING] = {"everything", "SELECT * FROM pg_test"},
    [PG_POOL_WAITS_FOR_DISK] = {"waits_for_disk",
                                "SELECT array_position(ARRAY['off', 'local', 'remote_write', 'on', 'remote_apply'],"
                                " current_setting('synchronous_commit'))"},
    [PG_POOL_READ_ONLY] = {"read_only", "SELECT set_config('default_transaction_read_only', 'on', false)"},
};

struct pg_pool pg_pool;

void pg_pool_note(const struct pg_reply *reply, void *arg)
{
    struct pg_pool_seen *seen = arg;
    seen->calls++;
    seen->outcome = reply->outcome;
    (void)snprintf(seen->sqlstate, sizeof(seen->sqlstate), "%s", reply->sqlstate);
    if (reply->outcome == PG_OK && PQntuples(reply->result) > 0 && PQnfields(reply->result) > 0 &&
        PQgetlength(reply->result, 0, 0) > 0) {
        seen->value = strtoll(PQgetvalue(reply->result, 0, 0), NULL, 10);
    }
}

static void on_change(struct pg *changed, bool up, void *arg)
{
    (void)changed;
    (void)arg;
    if (up) {
        pg_pool.changes_up++;
    } else {
        pg_pool.changes_down++;
    }
}

const char *pg_pool_url(void)
{
    const char *set = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(set != NULL, "ROSTRUM_PG_URL is not set");
    return set;
}

struct pg_options pg_pool_options(void)
{
    return (struct pg_options){
        .base = pg_pool.base,
        .url = pg_pool_url(),
        .application = "pg_pool",
        .statements = statements,
        .statement_count = PG_POOL_STATEMENTS,
        .connections = 1,
        .timeout_ms = TIMEOUT_MS,
        .pending_max = PENDING_MAX,
    };
}

struct pg *pg_pool_other(void)
{
    const struct pg_options options = pg_pool_options();
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    PG_POOL_UNTIL(pg_up(made));
    return made;
}

void pg_pool_run_sql(const char *sql)
{
    PGconn *conn = PQconnectdb(pg_pool_url());
    ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s", PQerrorMessage(conn));
    PGresult *result = PQexec(conn, sql);
    ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

void pg_pool_set_up(void)
{
    pg_pool.changes_up = 0;
    pg_pool.changes_down = 0;
    pg_pool_run_sql(
        "SET client_min_messages = error; DROP TABLE IF EXISTS pg_test; CREATE TABLE pg_test (id bigint PRIMARY KEY,"
        " other bigint REFERENCES pg_test DEFERRABLE INITIALLY DEFERRED)");
    pg_pool.base = event_base_new();
    ck_assert_ptr_nonnull(pg_pool.base);
    struct pg_options options = pg_pool_options();
    options.on_change = on_change;
    pg_pool.pg = pg_new(&options);
    ck_assert_ptr_nonnull(pg_pool.pg);
    PG_POOL_UNTIL(pg_up(pg_pool.pg));
}

void pg_pool_tear_down(void)
{
    pg_free(pg_pool.pg);
    pg_pool.pg = NULL;
    event_base_free(pg_pool.base);
    pg_pool_run_sql("DROP TABLE pg_test");
}

void pg_pool_ask(struct pg *of, enum pg_pool_statement statement, const char *value, struct pg_pool_seen *seen)
{
    const char *const values[] = {value};
    ck_assert(pg_query(of, statement, value == NULL ? 0 : 1, values, pg_pool_note, seen));
}

int64_t pg_pool_rows(struct pg *of)
{
    struct pg_pool_seen seen = {0};
    pg_pool_ask(of, PG_POOL_COUNT, NULL, &seen);
    PG_POOL_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    return seen.value;
}

int64_t pg_pool_number(struct pg *of, enum pg_pool_statement statement, const char *value)
{
    struct pg_pool_seen seen = {0};
    pg_pool_ask(of, statement, value, &seen);
    PG_POOL_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    return seen.value;
}
