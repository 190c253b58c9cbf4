/*
 * common/io/pg against a real PostgreSQL (ROSTRUM_PG_URL). The tests touch one table of their own only, pg_test, and
 * each test begins with it empty. They terminate only backends of their own connections, by pid.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/pg.h"
#include "tests/support/loop.h"
#include "tests/support/relay.h"

enum {
    DEADLINE_MS = 10000,
    TIMEOUT_MS = 1500,
    PENDING_MAX = 20000,
    FEW_PENDING = 3,
    PIPELINED = 5000,
    BIG = 4 << 20, /* bytes: more than a socket accepts in one write */
    BIG_ONES = 4,
};

enum statement {
    ECHO,
    INSERT,
    INSERT_LATE,
    COUNT,
    SLEEP,
    BACKEND,
    TERMINATE,
    ALIVE,
    FAIL,
    LENGTH,
    EVERYTHING,
    WAITS_FOR_DISK,
    READ_ONLY,
    STATEMENTS
};

static const struct pg_statement statements[] = {
    [ECHO] = {"echo", "SELECT $1::bigint"},
    [INSERT] = {"insert", "INSERT INTO pg_test (id) VALUES ($1::bigint)"},
    [INSERT_LATE] = {"insert_late", "INSERT INTO pg_test (id, other) VALUES ($1::bigint, $1::bigint + 1000)"},
    [COUNT] = {"count", "SELECT count(*) FROM pg_test"},
    [SLEEP] = {"sleep", "SELECT pg_sleep($1::float8)"},
    [BACKEND] = {"backend", "SELECT pg_backend_pid()"},
    [TERMINATE] = {"terminate", "SELECT pg_terminate_backend($1::integer)"},
    [ALIVE] = {"alive", "SELECT count(*) FROM pg_stat_activity WHERE pid = $1::integer"},
    [FAIL] = {"fail", "SELECT 1 / $1::integer"},
    [LENGTH] = {"length", "SELECT cardinality($1::text[])"},
    [EVERYTHING] = {"everything", "SELECT * FROM pg_test"},
    [WAITS_FOR_DISK] = {"waits_for_disk",
                        "SELECT array_position(ARRAY['off', 'local', 'remote_write', 'on', 'remote_apply'],"
                        " current_setting('synchronous_commit'))"},
    [READ_ONLY] = {"read_only", "SELECT set_config('default_transaction_read_only', 'on', false)"},
};

static struct event_base *base;
static struct pg *pg;
static int changes_up;
static int changes_down;

/* The arguments that a callback received. */
struct seen {
    int calls;
    enum pg_outcome outcome;
    char sqlstate[6];
    int64_t value; /* first column of the first row */
};

#define RUN_UNTIL(condition) LOOP_UNTIL(base, condition, DEADLINE_MS)

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

static struct pg_options pool_options(void)
{
    return (struct pg_options){
        .base = base,
        .url = url(),
        .application = "pg_test",
        .statements = statements,
        .statement_count = STATEMENTS,
        .connections = 1,
        .timeout_ms = TIMEOUT_MS,
        .pending_max = PENDING_MAX,
    };
}

/* Accepts the second result of the opening query; `arg` counts them. */
static bool on_opened(const PGresult *result, void *arg)
{
    struct seen *seen = arg;
    seen->calls++;
    seen->value = PQntuples(result) == 1 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    return seen->calls > 1;
}

/* Another pool of one connection, for changes made outside the tested one. */
static struct pg *other_new(void)
{
    const struct pg_options options = pool_options();
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    RUN_UNTIL(pg_up(made));
    return made;
}

/* A plain connection creates the schema, because the pool needs the table to prepare its statements. */
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
    run_sql(
        "SET client_min_messages = error; DROP TABLE IF EXISTS pg_test; CREATE TABLE pg_test (id bigint PRIMARY KEY,"
        " other bigint REFERENCES pg_test DEFERRABLE INITIALLY DEFERRED)");
    base = event_base_new();
    ck_assert_ptr_nonnull(base);
    struct pg_options options = pool_options();
    options.on_change = on_change;
    pg = pg_new(&options);
    ck_assert_ptr_nonnull(pg);
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

static int64_t number_of(struct pg *of, enum statement statement, const char *value)
{
    struct seen seen = {0};
    ask(of, statement, value, &seen);
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    return seen.value;
}

START_TEST(commits_wait_for_the_disk_whatever_the_settings_say)
{
    static const struct {
        const char *session;
        int64_t place; /* of the value in force, as WAITS_FOR_DISK counts */
    } cases[] = {
        {"-c synchronous_commit=off", 4},          {"-c synchronous_commit=local", 4},
        {"-c synchronous_commit=remote_write", 4}, {"-c synchronous_commit=on", 4},
        {"-c synchronous_commit=remote_apply", 5},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pg_options options = pool_options();
        options.session = cases[i].session;
        struct pg *pool = pg_new(&options);
        ck_assert_ptr_nonnull(pool);
        RUN_UNTIL(pg_up(pool));
        ck_assert_int_eq(number_of(pool, WAITS_FOR_DISK, NULL), cases[i].place);
        pg_free(pool);
    }
}
END_TEST

static bool tx_send(struct pg_tx *tx, enum statement statement, const char *value, struct seen *seen)
{
    const char *const values[] = {value};
    return pg_tx_send(tx, statement, 1, values, note, seen);
}

static struct pg_tx *begin(struct pg *of)
{
    struct pg_tx *tx = pg_tx_begin(of);
    ck_assert_ptr_nonnull(tx);
    return tx;
}

START_TEST(a_query_returns_its_row_after_the_call)
{
    struct seen seen = {0};
    ask(pg, ECHO, "42", &seen);
    ck_assert_int_eq(seen.calls, 0); /* never called from inside pg_query */
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    ck_assert_int_eq(seen.value, 42);
    ck_assert_int_eq(changes_up, 1);
}
END_TEST

START_TEST(a_failed_query_does_not_affect_others)
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

struct order {
    int64_t next;
    bool kept;
};

static void note_order(const struct pg_reply *reply, void *arg)
{
    struct order *order = arg;
    order->kept = order->kept && reply->outcome == PG_OK && pg_int(reply->result, 0, 0) == order->next;
    order->next++;
}

START_TEST(queries_are_answered_once_in_order)
{
    struct order order = {.kept = true};
    for (int i = 0; i < PIPELINED; i++) {
        char number[16];
        (void)snprintf(number, sizeof(number), "%d", i);
        const char *const values[] = {number};
        ck_assert(pg_query(pg, ECHO, 1, values, note_order, &order));
    }
    RUN_UNTIL(order.next == PIPELINED);
    (void)rows(pg);
    ck_assert_int_eq(order.next, PIPELINED);
    ck_assert(order.kept);
}
END_TEST

START_TEST(pending_queries_are_bounded)
{
    struct pg_options options = pool_options();
    options.pending_max = FEW_PENDING;
    struct pg *small = pg_new(&options);
    ck_assert_ptr_nonnull(small);
    RUN_UNTIL(pg_up(small));
    struct seen seen = {0};
    for (int i = 0; i < FEW_PENDING; i++) {
        ask(small, ECHO, "7", &seen);
    }
    ck_assert(!pg_query(small, COUNT, 0, NULL, note, &seen));
    ck_assert_ptr_null(pg_tx_begin(small));
    RUN_UNTIL(seen.calls == FEW_PENDING);
    ask(small, ECHO, "7", &seen);
    RUN_UNTIL(seen.calls == FEW_PENDING + 1);
    pg_free(small);
}
END_TEST

START_TEST(values_larger_than_the_socket_buffer_are_sent)
{
    struct seen seen = {0};
    struct pg_array array = {0};
    char *big = calloc(1, BIG + 1);
    ck_assert_ptr_nonnull(big);
    memset(big, 'x', BIG);
    pg_array_reset(&array);
    pg_array_text_add(&array, big);
    for (int i = 0; i < BIG_ONES; i++) {
        ask(pg, LENGTH, pg_array_done(&array), &seen);
    }
    RUN_UNTIL(seen.calls == BIG_ONES);
    ck_assert_int_eq(seen.outcome, PG_OK);
    ck_assert_int_eq(seen.value, 1);
    pg_array_free(&array);
    free(big);
}
END_TEST

START_TEST(queries_use_connections_without_a_transaction)
{
    struct pg_options options = pool_options();
    options.connections = 3;
    struct pg *pool = pg_new(&options);
    ck_assert_ptr_nonnull(pool);
    RUN_UNTIL(pg_up(pool));
    /* The three connections come up independently. */
    struct pg_tx *first = NULL;
    struct pg_tx *second = NULL;
    RUN_UNTIL((first = pg_tx_begin(pool)) != NULL);
    RUN_UNTIL((second = pg_tx_begin(pool)) != NULL);
    struct seen inserted = {0};
    struct seen done = {0};
    ck_assert(tx_send(first, INSERT, "1", &inserted));
    ck_assert(tx_send(second, INSERT, "2", &inserted));
    RUN_UNTIL(pg_query(pool, COUNT, 0, NULL, note, &done));
    RUN_UNTIL(done.calls == 1);
    ck_assert_int_eq(done.value, 0);
    ck_assert(pg_tx_commit(second, note, &done));
    ck_assert(pg_tx_commit(first, note, &done));
    RUN_UNTIL(done.calls == 3);
    ck_assert_int_eq(rows(pool), 2);
    pg_free(pool);
}
END_TEST

START_TEST(a_changed_schema_reconnects)
{
    struct seen seen = {0};
    ask(pg, EVERYTHING, NULL, &seen);
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    run_sql("ALTER TABLE pg_test ADD COLUMN later integer");
    ask(pg, EVERYTHING, NULL, &seen);
    RUN_UNTIL(seen.calls == 2);
    ck_assert_int_eq(seen.outcome, PG_LOST);
    RUN_UNTIL(changes_up == 2);
    ask(pg, EVERYTHING, NULL, &seen);
    RUN_UNTIL(seen.calls == 3);
    ck_assert_int_eq(seen.outcome, PG_OK);
}
END_TEST

START_TEST(a_transaction_commits)
{
    struct seen inserted = {0};
    struct seen done = {0};
    struct pg_tx *tx = begin(pg);
    ck_assert_ptr_null(pg_tx_begin(pg)); /* the only connection is in use */
    ck_assert(!pg_query(pg, COUNT, 0, NULL, note, &done));
    ck_assert(tx_send(tx, INSERT, "1", &inserted));
    ck_assert(pg_tx_flush(tx));
    RUN_UNTIL(inserted.calls == 1);
    ck_assert_int_eq(inserted.outcome, PG_OK);
    ck_assert(tx_send(tx, INSERT, "2", &inserted));
    ck_assert(pg_tx_commit(tx, note, &done));
    RUN_UNTIL(done.calls == 1);
    ck_assert_int_eq(done.outcome, PG_OK);
    ck_assert_int_eq(inserted.calls, 2);
    ck_assert_int_eq(rows(pg), 2);
}
END_TEST

/* Begins the next transaction inside the callback of a failed one. */
static void note_and_begin_next(const struct pg_reply *reply, void *arg)
{
    struct seen *seen = arg;
    note(reply, &seen[0]);
    struct pg_tx *next = begin(pg);
    ck_assert(tx_send(next, INSERT, "5", &seen[1]));
    ck_assert(pg_tx_commit(next, note, &seen[2]));
}

START_TEST(a_failed_transaction_is_rolled_back)
{
    struct seen statement[3] = {{0}};
    struct seen done[3] = {{0}};
    struct pg_tx *tx = begin(pg);
    ck_assert(tx_send(tx, INSERT, "1", &statement[0]));
    ck_assert(tx_send(tx, INSERT, "1", &statement[1]));
    ck_assert(tx_send(tx, INSERT, "2", &statement[2]));
    ck_assert(pg_tx_commit(tx, note_and_begin_next, done));
    RUN_UNTIL(done[2].calls == 1);
    ck_assert_int_eq(statement[0].outcome, PG_OK);
    ck_assert_int_eq(statement[1].outcome, PG_FAILED);
    ck_assert_int_eq(statement[2].outcome, PG_LOST);
    ck_assert_int_eq(done[0].outcome, PG_FAILED);
    ck_assert_str_eq(done[0].sqlstate, "23505");
    ck_assert_int_eq(done[2].outcome, PG_OK);
    ck_assert_int_eq(rows(pg), 1);
    ck_assert_int_eq(changes_down, 0);
}
END_TEST

START_TEST(a_failed_commit_is_reported)
{
    struct seen inserted = {0};
    struct seen done[3] = {{0}};
    struct pg_tx *tx = begin(pg);
    ck_assert(tx_send(tx, INSERT_LATE, "1", &inserted));
    ck_assert(pg_tx_commit(tx, note_and_begin_next, done));
    RUN_UNTIL(done[2].calls == 1);
    ck_assert_int_eq(inserted.outcome, PG_OK);
    ck_assert_int_eq(done[0].outcome, PG_FAILED);
    ck_assert_str_eq(done[0].sqlstate, "23503");
    ck_assert_int_eq(done[2].outcome, PG_OK);
    ck_assert_int_eq(rows(pg), 1);
}
END_TEST

START_TEST(an_abort_calls_no_callback_and_frees_the_connection)
{
    struct seen unsent = {0};
    struct seen failing = {0};
    struct pg_tx *tx = begin(pg);
    ck_assert(tx_send(tx, INSERT, "1", &unsent));
    pg_tx_abort(tx);
    ck_assert_int_eq(rows(pg), 0); /* on the same connection, at once */
    tx = begin(pg);
    ck_assert(tx_send(tx, FAIL, "0", &failing));
    ck_assert(pg_tx_flush(tx));
    RUN_UNTIL(failing.calls == 1);
    pg_tx_abort(tx);
    ck_assert_int_eq(rows(pg), 0);
    ck_assert_int_eq(unsent.calls, 0);
    ck_assert_int_eq(changes_down, 0);
}
END_TEST

static struct pg_tx *aborted_inside;

static void abort_inside(const struct pg_reply *reply, void *arg)
{
    note(reply, arg);
    pg_tx_abort(aborted_inside);
}

START_TEST(a_transaction_can_be_aborted_inside_a_callback)
{
    struct seen failing = {0};
    struct seen behind = {0};
    const char *const zero[] = {"0"};
    aborted_inside = begin(pg);
    ck_assert(pg_tx_send(aborted_inside, FAIL, 1, zero, abort_inside, &failing));
    ck_assert(tx_send(aborted_inside, INSERT, "1", &behind));
    ck_assert(pg_tx_flush(aborted_inside));
    RUN_UNTIL(failing.calls == 1);
    ck_assert_int_eq(rows(pg), 0);
    ck_assert_int_eq(behind.calls, 0);
}
END_TEST

/* Terminates the backend of `pg`'s connection from another connection. */
static void terminate(struct pg *other, int64_t backend)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%lld", (long long)backend);
    (void)number_of(other, TERMINATE, number);
}

START_TEST(a_connection_lost_in_a_transaction_rolls_back)
{
    struct pg *other = other_new();
    int64_t backend = number_of(pg, BACKEND, NULL);
    struct seen inserted = {0};
    struct seen waiting = {0};
    struct pg_tx *tx = begin(pg);
    ck_assert(tx_send(tx, INSERT, "1", &inserted));
    ck_assert(pg_tx_flush(tx));
    RUN_UNTIL(inserted.calls == 1);
    ck_assert(tx_send(tx, SLEEP, "30", &waiting));
    ck_assert(pg_tx_flush(tx));
    terminate(other, backend);
    RUN_UNTIL(waiting.calls == 1 && changes_down == 1);
    ck_assert_int_eq(waiting.outcome, PG_LOST);
    ck_assert(!tx_send(tx, INSERT, "2", &inserted));
    ck_assert(!pg_tx_flush(tx));
    ck_assert(!pg_tx_commit(tx, note, &waiting));
    pg_tx_abort(tx);
    RUN_UNTIL(changes_up == 2);
    ck_assert_int_eq(rows(pg), 0);
    ck_assert_int_eq(inserted.calls, 1);
    ck_assert_int_eq(waiting.calls, 1);
    pg_free(other);
}
END_TEST

/* Terminates a backend and returns when it is gone. The loop does not run meanwhile. */
static void end_backend(PGconn *killer, const char *backend)
{
    static const char *const steps[] = {"SELECT pg_terminate_backend($1::integer)",
                                        "SELECT count(*) FROM pg_stat_activity WHERE pid = $1::integer"};
    bool gone = false;
    for (size_t step = 0; !gone; step = 1) {
        PGresult *result = PQexecParams(killer, steps[step], 1, NULL, &backend, NULL, NULL, 0);
        ck_assert_int_eq(PQresultStatus(result), PGRES_TUPLES_OK);
        gone = step == 1 && strcmp(PQgetvalue(result, 0, 0), "0") == 0;
        PQclear(result);
    }
}

/* The connection ends while results arrive. A result without its end does not count. */
START_TEST(a_result_is_complete_or_lost)
{
    enum { ROUNDS = 40, AT_ONCE = 8, AFTER = 4 };
    PGconn *killer = PQconnectdb(url());
    ck_assert_int_eq(PQstatus(killer), CONNECTION_OK);
    for (int round = 0; round < ROUNDS; round++) {
        struct seen seen[AT_ONCE + AFTER] = {0};
        char number[24];
        RUN_UNTIL(pg_up(pg));
        (void)snprintf(number, sizeof(number), "%lld", (long long)number_of(pg, BACKEND, NULL));
        int asked = 0;
        while (asked < AT_ONCE) {
            ask(pg, ECHO, "7", &seen[asked++]);
        }
        end_backend(killer, number);
        /*
         * As a caller that has not noticed: the server refuses the first query, and the second detects the lost
         * connection.
         */
        while (asked < AT_ONCE + round % AFTER && pg_query(pg, ECHO, 1, &(const char *){"7"}, note, &seen[asked])) {
            asked++;
        }
        for (int i = 0; i < asked; i++) {
            RUN_UNTIL(seen[i].calls == 1);
            ck_assert_msg(seen[i].outcome != PG_OK || seen[i].value == 7, "round %d: an answer without its row", round);
        }
        RUN_UNTIL(changes_down == round + 1);
    }
    PQfinish(killer);
}
END_TEST

START_TEST(a_connection_lost_in_a_commit_is_reported_as_lost)
{
    struct pg *other = other_new();
    int64_t backend = number_of(pg, BACKEND, NULL);
    struct seen waiting = {0};
    struct seen done = {0};
    struct pg_tx *tx = begin(pg);
    ck_assert(tx_send(tx, SLEEP, "30", &waiting));
    ck_assert(pg_tx_commit(tx, note, &done));
    terminate(other, backend);
    RUN_UNTIL(done.calls == 1);
    ck_assert_int_eq(waiting.outcome, PG_LOST);
    ck_assert_int_eq(done.outcome, PG_LOST);
    RUN_UNTIL(pg_up(pg));
    ck_assert_int_eq(rows(pg), 0);
    pg_free(other);
}
END_TEST

START_TEST(a_statement_past_its_timeout_closes_the_connection)
{
    struct pg *other = other_new();
    char backend[24];
    (void)snprintf(backend, sizeof(backend), "%lld", (long long)number_of(pg, BACKEND, NULL));
    struct seen inserted = {0};
    struct seen late = {0};
    struct pg_tx *tx = begin(pg);
    ck_assert(tx_send(tx, INSERT, "1", &inserted));
    ck_assert(tx_send(tx, SLEEP, "30", &late));
    ck_assert(pg_tx_flush(tx));
    RUN_UNTIL(late.calls == 1);
    ck_assert_int_eq(late.outcome, PG_LOST);
    ck_assert_int_eq(changes_down, 1);
    pg_tx_abort(tx);
    /* The server notices soon and releases the row, well before the 30 s are over. */
    RUN_UNTIL(number_of(other, ALIVE, backend) == 0);
    struct seen again = {0};
    ask(other, INSERT, "1", &again);
    RUN_UNTIL(again.calls == 1);
    ck_assert_int_eq(again.outcome, PG_OK);
    RUN_UNTIL(pg_up(pg));
    pg_free(other);
}
END_TEST

START_TEST(a_timeout_counts_per_statement)
{
    /* Together they take longer than the timeout; each alone does not. */
    struct seen seen = {0};
    for (int i = 0; i < 4; i++) {
        ask(pg, SLEEP, "0.5", &seen);
    }
    RUN_UNTIL(seen.calls == 4);
    ck_assert_int_eq(seen.outcome, PG_OK);
    ck_assert_int_eq(changes_down, 0);
}
END_TEST

START_TEST(a_pool_waits_for_the_schema)
{
    static const struct pg_statement late[] = {{"late", "SELECT count(*) FROM pg_test_late"}};
    run_sql("SET client_min_messages = error; DROP TABLE IF EXISTS pg_test_late");
    struct pg_options options = pool_options();
    options.statements = late;
    options.statement_count = ARRAY_LEN(late);
    struct pg *waiting = pg_new(&options);
    ck_assert_ptr_nonnull(waiting);
    /* Each round trip of the other pool gives this one time to fail and retry. */
    for (int i = 0; i < 20; i++) {
        (void)number_of(pg, SLEEP, "0.01");
        ck_assert(!pg_up(waiting));
    }
    run_sql("CREATE TABLE pg_test_late ()");
    RUN_UNTIL(pg_up(waiting));
    struct seen seen = {0};
    ck_assert(pg_query(waiting, 0, 0, NULL, note, &seen));
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    pg_free(waiting);
    run_sql("DROP TABLE pg_test_late");
}
END_TEST

START_TEST(an_unreachable_server_keeps_the_pool_down_and_bad_urls_are_refused)
{
    struct pg_options options = pool_options();
    options.url = "postgresql://nobody@127.0.0.1:1/none";
    struct pg *down = pg_new(&options);
    ck_assert_ptr_nonnull(down);
    struct seen seen = {0};
    for (int i = 0; i < 20; i++) {
        (void)number_of(pg, SLEEP, "0.01");
        ck_assert(!pg_up(down));
        ck_assert(!pg_query(down, COUNT, 0, NULL, note, &seen));
        ck_assert_ptr_null(pg_tx_begin(down));
    }
    pg_free(down);
    options.url = "postgresql://[::1/none";
    ck_assert_ptr_null(pg_new(&options));
}
END_TEST

START_TEST(a_lost_idle_connection_is_replaced)
{
    struct pg *other = other_new();
    int64_t backend = number_of(pg, BACKEND, NULL);
    terminate(other, backend);
    RUN_UNTIL(changes_down == 1);
    RUN_UNTIL(changes_up == 2);
    ck_assert_int_ne(number_of(pg, BACKEND, NULL), backend);
    pg_free(other);
}
END_TEST

/* pg_free fails the pending queries, also inside the callback of another query. */
static void free_inside(const struct pg_reply *reply, void *arg)
{
    struct seen *seen = arg;
    note(reply, &seen[0]);
    pg_free(pg);
    ck_assert_int_eq(seen[1].calls, 1);
    pg = NULL;
}

START_TEST(a_pool_can_be_freed_inside_a_callback)
{
    struct seen seen[2] = {{0}};
    const char *const one[] = {"1"};
    ck_assert(pg_query(pg, ECHO, 1, one, free_inside, seen));
    ask(pg, ECHO, "2", &seen[1]);
    RUN_UNTIL(seen[0].calls == 1);
    ck_assert_int_eq(seen[0].outcome, PG_OK);
    ck_assert_int_eq(seen[1].outcome, PG_LOST);
}
END_TEST

START_TEST(a_pool_can_be_freed_with_an_open_transaction)
{
    struct seen inserted = {0};
    struct seen done = {0};
    struct pg_tx *tx = begin(pg);
    ck_assert(tx_send(tx, INSERT, "1", &inserted));
    ck_assert(pg_tx_commit(tx, note, &done));
    pg_free(pg);
    ck_assert_int_eq(inserted.outcome, PG_LOST);
    ck_assert_int_eq(done.outcome, PG_LOST);
    struct pg_options options = pool_options();
    pg = pg_new(&options);
    RUN_UNTIL(pg_up(pg));
    (void)begin(pg); /* freed by pg_free in tear_down */
}
END_TEST

START_TEST(a_connection_is_up_once_its_opening_query_was_accepted)
{
    struct seen opened = {0};
    struct seen seen = {0};
    const char *const values[] = {"3"};
    struct pg_options options = pool_options();
    options.opening = "SELECT 17";
    options.opened = on_opened;
    options.arg = &opened;
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    RUN_UNTIL(opened.calls == 1);
    ck_assert(!pg_up(made));
    RUN_UNTIL(pg_up(made));
    ck_assert_int_eq(opened.calls, 2);
    ck_assert_int_eq(opened.value, 17);
    ck_assert(pg_query(made, ECHO, 1, values, note, &seen));
    RUN_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.value, 3);
    pg_free(made);
}
END_TEST

START_TEST(a_failing_opening_query_keeps_the_connection_down)
{
    struct seen opened = {0};
    struct pg_options options = pool_options();
    options.opening = "SELECT * FROM no_such_table";
    options.opened = on_opened;
    options.arg = &opened;
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    struct pg *other = other_new(); /* takes longer than the other's first try */
    ck_assert(!pg_up(made));
    ck_assert_int_eq(opened.calls, 0);
    pg_free(other);
    pg_free(made);
}
END_TEST

/* ---- several hosts ---- */

/* The server's URL, with other parameters. */
static char *url_with(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *url_with(const char *format, ...)
{
    char *parameters = NULL;
    char *made = NULL;
    va_list arguments;
    va_start(arguments, format);
    ck_assert_int_gt(vasprintf(&parameters, format, arguments), 0);
    va_end(arguments);
    ck_assert_int_gt(asprintf(&made, "%s%c%s", url(), strchr(url(), '?') == NULL ? '?' : '&', parameters), 0);
    free(parameters);
    return made;
}

/* Two relays to the same server, and a URL that names them as two hosts. */
static char *two_hosts(struct relay relays[static 2])
{
    char relayed[RELAY_URL_SIZE];
    for (size_t i = 0; i < 2; i++) {
        relays[i].base = base;
        relay_open_url(&relays[i], url(), relayed);
    }
    return url_with("host=127.0.0.1,127.0.0.1&port=%d,%d", relays[0].listen_port, relays[1].listen_port);
}

static struct pg *pool_of(const char *of_url, int connections)
{
    struct pg_options options = pool_options();
    options.url = of_url;
    options.connections = connections;
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    return made;
}

START_TEST(a_host_that_accepts_and_never_answers_is_passed_over)
{
    struct relay relays[2] = {{.silent = true}, {.silent = false}};
    char *hosts = two_hosts(relays);
    struct pg *made = pool_of(hosts, 2);
    RUN_UNTIL(pg_up(made));
    ck_assert_int_eq(rows(made), 0);
    ck_assert_uint_ge(relays[0].pairs, 1);
    pg_free(made);
    relay_close(&relays[0]);
    relay_close(&relays[1]);
    free(hosts);
}
END_TEST

START_TEST(a_pool_moves_to_the_next_host_when_its_host_stops)
{
    struct relay relays[2] = {{.silent = false}, {.silent = false}};
    struct seen lost = {0};
    char *hosts = two_hosts(relays);
    struct pg *made = pool_of(hosts, 1);
    RUN_UNTIL(pg_up(made));
    ck_assert_uint_eq(relays[1].pairs, 0);
    relays[0].silent = true;
    relay_freeze(&relays[0]);
    ask(made, COUNT, NULL, &lost);
    RUN_UNTIL(lost.calls == 1);
    ck_assert_int_eq(lost.outcome, PG_LOST);
    RUN_UNTIL(pg_up(made));
    ck_assert_uint_eq(relays[1].pairs, 1);
    ck_assert_int_eq(rows(made), 0);
    pg_free(made);
    relay_close(&relays[0]);
    relay_close(&relays[1]);
    free(hosts);
}
END_TEST

START_TEST(a_session_that_has_become_read_only_is_replaced_if_writes_are_needed)
{
    static const char *const parameters[] = {"target_session_attrs=any", "target_session_attrs=read-write"};
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        bool replaced = i == 1;
        struct seen inserted = {0};
        char *demanding = url_with("%s", parameters[i]);
        struct pg *made = pool_of(demanding, 1);
        RUN_UNTIL(pg_up(made));
        int64_t before = number_of(made, BACKEND, NULL);
        struct seen set = {0};
        ask(made, READ_ONLY, NULL, &set);
        RUN_UNTIL(set.calls == 1);
        ask(made, INSERT, "1", &inserted);
        RUN_UNTIL(inserted.calls == 1 && pg_up(made));
        ck_assert_int_eq(inserted.outcome, replaced ? PG_LOST : PG_FAILED);
        ck_assert(replaced || strcmp(inserted.sqlstate, "25006") == 0);
        ck_assert_int_eq(number_of(made, BACKEND, NULL) != before, replaced);
        pg_free(made);
        free(demanding);
    }
}
END_TEST

START_TEST(a_session_that_is_read_only_from_the_start_is_refused_if_writes_are_needed)
{
    char *demanding = url_with("options=-c%%20default_transaction_read_only%%3Don&target_session_attrs=read-write");
    char *any = url_with("options=-c%%20default_transaction_read_only%%3Don");
    struct pg *refused = pool_of(demanding, 1);
    struct pg *taken = pool_of(any, 1);
    RUN_UNTIL(pg_up(taken));
    struct pg *other = other_new(); /* takes longer than the first try of the other */
    ck_assert(!pg_up(refused));
    pg_free(other);
    pg_free(taken);
    pg_free(refused);
    free(any);
    free(demanding);
}
END_TEST

static Suite *pg_suite(void)
{
    const TTest *const tests[] = {
        commits_wait_for_the_disk_whatever_the_settings_say,
        a_connection_is_up_once_its_opening_query_was_accepted,
        a_failing_opening_query_keeps_the_connection_down,
        a_query_returns_its_row_after_the_call,
        a_failed_query_does_not_affect_others,
        queries_are_answered_once_in_order,
        pending_queries_are_bounded,
        values_larger_than_the_socket_buffer_are_sent,
        queries_use_connections_without_a_transaction,
        a_changed_schema_reconnects,
        a_transaction_commits,
        a_failed_transaction_is_rolled_back,
        a_failed_commit_is_reported,
        an_abort_calls_no_callback_and_frees_the_connection,
        a_transaction_can_be_aborted_inside_a_callback,
        a_connection_lost_in_a_transaction_rolls_back,
        a_result_is_complete_or_lost,
        a_connection_lost_in_a_commit_is_reported_as_lost,
        a_statement_past_its_timeout_closes_the_connection,
        a_timeout_counts_per_statement,
        a_pool_waits_for_the_schema,
        an_unreachable_server_keeps_the_pool_down_and_bad_urls_are_refused,
        a_lost_idle_connection_is_replaced,
        a_pool_can_be_freed_inside_a_callback,
        a_pool_can_be_freed_with_an_open_transaction,
        a_host_that_accepts_and_never_answers_is_passed_over,
        a_pool_moves_to_the_next_host_when_its_host_stops,
        a_session_that_has_become_read_only_is_replaced_if_writes_are_needed,
        a_session_that_is_read_only_from_the_start_is_refused_if_writes_are_needed,
    };
    Suite *suite = suite_create("pg");
    TCase *tcase = tcase_create("pg");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(pg_suite());
}
