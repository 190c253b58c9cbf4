/*
 * common/pg against a real PostgreSQL (ROSTRUM_PG_URL). Nothing but one table of its own, pg_test, is touched; every
 * test begins with it empty. Backends are only ended by the number of a connection of the test's own.
 */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/pg.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 10000,
    TIMEOUT_MS = 1500,
    PENDING_MAX = 20000,
    PIPELINED = 5000,
    RATE_BATCHES = 40,
    RATE_BATCH = 500,
};

enum statement { ECHO, INSERT, COUNT, SLEEP, BACKEND, TERMINATE, FAIL, ELEMENTS, ORDERED, STATEMENTS };

static const struct pg_statement statements[] = {
    [ECHO] = {"echo", "SELECT $1::bigint"},
    [INSERT] = {"insert", "INSERT INTO pg_test (id, amount) VALUES ($1::bigint, $2::numeric)"},
    [COUNT] = {"count", "SELECT count(*) FROM pg_test"},
    [SLEEP] = {"sleep", "SELECT pg_sleep($1::float8)"},
    [BACKEND] = {"backend", "SELECT pg_backend_pid()"},
    [TERMINATE] = {"terminate", "SELECT pg_terminate_backend($1::integer)"},
    [FAIL] = {"fail", "SELECT 1 / $1::integer"},
    [ELEMENTS] = {"elements", "SELECT t, t IS NULL FROM unnest($1::text[]) WITH ORDINALITY AS u (t, o) ORDER BY o"},
    [ORDERED] = {"ordered", "SELECT m, u, b, extract(epoch FROM w)::bigint FROM unnest($1::numeric[], $2::uuid[],"
                            " $3::boolean[], $4::timestamptz[]) AS x (m, u, b, w)"},
};

static struct event_base *base;
static struct pg *pg;
static int changes_up;
static int changes_down;

/* What a callback was told. */
struct seen {
    int calls;
    enum pg_outcome outcome;
    char sqlstate[6];
    int64_t value; /* first column of the first row */
};

/* Lets the loop run once, for 10 ms at most. */
static bool turn(void)
{
    struct timeval most = {.tv_usec = 10000};
    ck_assert_int_eq(event_base_loopexit(base, &most), 0);
    ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
    return true;
}

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(condition)                                                                                           \
    do {                                                                                                               \
        int64_t until_ms = suite_mono_ms() + DEADLINE_MS;                                                              \
        while (!(condition)) {                                                                                         \
            ck_assert_msg(suite_mono_ms() < until_ms, "never came: %s", #condition);                                   \
            (void)turn();                                                                                              \
        }                                                                                                              \
    } while (0)

static void note(const struct pg_reply *reply, void *arg)
{
    struct seen *seen = arg;
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
        changes_up++;
    } else {
        changes_down++;
    }
}

static const char *url(void)
{
    const char *set = getenv("ROSTRUM_PG_URL");
    ck_assert_msg(set != NULL, "ROSTRUM_PG_URL is not set");
    return set;
}

static struct pg *pool_new(int connections, size_t pending_max)
{
    const struct pg_options options = {
        .base = base,
        .url = url(),
        .application = "pg_test",
        .statements = statements,
        .statement_count = STATEMENTS,
        .connections = connections,
        .timeout_ms = TIMEOUT_MS,
        .pending_max = pending_max,
        .on_change = on_change,
    };
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    return made;
}

/* The schema is made by a plain connection: the pool needs the table to prepare its statements. */
static void run_sql(const char *sql)
{
    PGconn *conn = PQconnectdb(url());
    ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s", PQerrorMessage(conn));
    PGresult *result = PQexec(conn, sql);
    ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

static void set_up(void)
{
    changes_up = 0;
    changes_down = 0;
    run_sql("SET client_min_messages = error; CREATE TABLE IF NOT EXISTS pg_test (id bigint PRIMARY KEY, amount"
            " numeric(12, 2)); TRUNCATE pg_test");
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    pg = pool_new(1, PENDING_MAX);
    RUN_UNTIL(pg_up(pg));
}

static void tear_down(void)
{
    pg_free(pg);
    pg = NULL;
    event_base_free(base);
    run_sql("DROP TABLE pg_test");
}

static void ask(struct pg *of, enum statement statement, const char *value, struct seen *seen)
{
    const char *const values[] = {value};
    ck_assert(pg_query(of, statement, value == NULL ? 0 : 1, values, note, seen));
}

static int64_t rows(struct pg *of)
{
    struct seen seen = {0};
    ask(of, COUNT, NULL, &seen);
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    return seen.value;
}

static bool tx_insert(struct pg_tx *tx, const char *id, struct seen *seen)
{
    const char *const values[] = {id, "55.00"};
    return pg_tx_send(tx, INSERT, 2, values, note, seen);
}

START_TEST(query_answers)
{
    struct seen seen = {0};
    ask(pg, ECHO, "42", &seen);
    ck_assert_int_eq(seen.calls, 0); /* never from inside the call */
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    ck_assert_int_eq(seen.value, 42);
    ck_assert_int_eq(changes_up, 1);
}
END_TEST

START_TEST(query_fails_alone)
{
    struct seen first = {0};
    struct seen failing = {0};
    struct seen last = {0};
    ask(pg, ECHO, "1", &first);
    ask(pg, FAIL, "0", &failing);
    ask(pg, ECHO, "3", &last);
    RUN_UNTIL(last.calls == 1);
    ck_assert_int_eq(first.outcome, PG_OK);
    ck_assert_int_eq(failing.outcome, PG_FAILED);
    ck_assert_str_eq(failing.sqlstate, "22012");
    ck_assert_int_eq(last.value, 3);
    ck_assert_int_eq(changes_down, 0);
}
END_TEST

START_TEST(transaction_commits)
{
    struct seen inserted = {0};
    struct seen done = {0};
    struct pg_tx *tx = pg_tx_begin(pg);
    ck_assert_ptr_nonnull(tx);
    ck_assert_ptr_null(pg_tx_begin(pg)); /* the only connection is taken */
    ck_assert(!pg_query(pg, COUNT, 0, NULL, note, &done));
    ck_assert(tx_insert(tx, "1", &inserted));
    ck_assert(pg_tx_flush(tx));
    RUN_UNTIL(inserted.calls == 1);
    ck_assert_int_eq(inserted.outcome, PG_OK);
    ck_assert(tx_insert(tx, "2", &inserted));
    ck_assert(pg_tx_commit(tx, note, &done));
    RUN_UNTIL(done.calls == 1);
    ck_assert_int_eq(done.outcome, PG_OK);
    ck_assert_int_eq(inserted.calls, 2);
    ck_assert_int_eq(rows(pg), 2);
}
END_TEST

static Suite *pg_suite(void)
{
    Suite *suite = suite_create("pg");
    TCase *tests = tcase_create("pg");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, query_answers);
    tcase_add_test(tests, query_fails_alone);
    tcase_add_test(tests, transaction_commits);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(pg_suite());
}
