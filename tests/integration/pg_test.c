/*
 * common/io/pg against a real PostgreSQL (ROSTRUM_PG_URL). The tests touch two tables of their own only, pg_test and
 * pg_test_late, and each test begins with pg_test empty. They terminate only backends of their own connections, by pid.
 * pg_several_hosts_test tests URLs with several hosts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/pg.h"
#include "tests/support/pg_pool.h"

enum {
    FEW_PENDING = 3,
    PIPELINED = 5000,
    BIG = 4 << 20, /* bytes: more than a socket accepts in one write */
    BIG_ONES = 4,
};

/* Accepts the second result of the opening query; `arg` counts them. */
static bool on_opened(const PGresult *result, void *arg)
{
    struct pg_pool_seen *seen = arg;
    seen->calls++;
    seen->value = PQntuples(result) == 1 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;
    return seen->calls > 1;
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
        struct pg_options options = pg_pool_options();
        options.session = cases[i].session;
        struct pg *pool = pg_new(&options);
        ck_assert_ptr_nonnull(pool);
        PG_POOL_UNTIL(pg_up(pool));
        ck_assert_int_eq(pg_pool_number(pool, PG_POOL_WAITS_FOR_DISK, NULL), cases[i].place);
        pg_free(pool);
    }
}
END_TEST

static bool tx_send(struct pg_tx *tx, enum pg_pool_statement statement, const char *value, struct pg_pool_seen *seen)
{
    const char *const values[] = {value};
    return pg_tx_send(tx, statement, 1, values, pg_pool_note, seen);
}

static struct pg_tx *begin(struct pg *of)
{
    struct pg_tx *tx = pg_tx_begin(of);
    ck_assert_ptr_nonnull(tx);
    return tx;
}

START_TEST(a_query_returns_its_row_after_the_call)
{
    struct pg_pool_seen seen = {0};
    pg_pool_ask(pg_pool.pg, PG_POOL_ECHO, "42", &seen);
    ck_assert_int_eq(seen.calls, 0); /* never called from inside pg_query */
    PG_POOL_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    ck_assert_int_eq(seen.value, 42);
    ck_assert_int_eq(pg_pool.changes_up, 1);
}
END_TEST

START_TEST(a_failed_query_does_not_affect_others)
{
    struct pg_pool_seen first = {0};
    struct pg_pool_seen failing = {0};
    struct pg_pool_seen last = {0};
    pg_pool_ask(pg_pool.pg, PG_POOL_ECHO, "1", &first);
    pg_pool_ask(pg_pool.pg, PG_POOL_FAIL, "0", &failing);
    pg_pool_ask(pg_pool.pg, PG_POOL_ECHO, "3", &last);
    PG_POOL_UNTIL(last.calls == 1);
    ck_assert_int_eq(first.outcome, PG_OK);
    ck_assert_int_eq(failing.outcome, PG_FAILED);
    ck_assert_str_eq(failing.sqlstate, "22012");
    ck_assert_int_eq(last.value, 3);
    ck_assert_int_eq(pg_pool.changes_down, 0);
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
        ck_assert(pg_query(pg_pool.pg, PG_POOL_ECHO, 1, values, note_order, &order));
    }
    PG_POOL_UNTIL(order.next == PIPELINED);
    (void)pg_pool_rows(pg_pool.pg);
    ck_assert_int_eq(order.next, PIPELINED);
    ck_assert(order.kept);
}
END_TEST

START_TEST(pending_queries_are_bounded)
{
    struct pg_options options = pg_pool_options();
    options.pending_max = FEW_PENDING;
    struct pg *small = pg_new(&options);
    ck_assert_ptr_nonnull(small);
    PG_POOL_UNTIL(pg_up(small));
    struct pg_pool_seen seen = {0};
    for (int i = 0; i < FEW_PENDING; i++) {
        pg_pool_ask(small, PG_POOL_ECHO, "7", &seen);
    }
    ck_assert(!pg_query(small, PG_POOL_COUNT, 0, NULL, pg_pool_note, &seen));
    ck_assert_ptr_null(pg_tx_begin(small));
    PG_POOL_UNTIL(seen.calls == FEW_PENDING);
    pg_pool_ask(small, PG_POOL_ECHO, "7", &seen);
    PG_POOL_UNTIL(seen.calls == FEW_PENDING + 1);
    pg_free(small);
}
END_TEST

START_TEST(values_larger_than_the_socket_buffer_are_sent)
{
    struct pg_pool_seen seen = {0};
    struct pg_array array = {0};
    char *big = calloc(1, BIG + 1);
    ck_assert_ptr_nonnull(big);
    memset(big, 'x', BIG);
    pg_array_reset(&array);
    pg_array_text_add(&array, big);
    for (int i = 0; i < BIG_ONES; i++) {
        pg_pool_ask(pg_pool.pg, PG_POOL_LENGTH, pg_array_done(&array), &seen);
    }
    PG_POOL_UNTIL(seen.calls == BIG_ONES);
    ck_assert_int_eq(seen.outcome, PG_OK);
    ck_assert_int_eq(seen.value, 1);
    pg_array_free(&array);
    free(big);
}
END_TEST

START_TEST(queries_use_connections_without_a_transaction)
{
    struct pg_options options = pg_pool_options();
    options.connections = 3;
    struct pg *pool = pg_new(&options);
    ck_assert_ptr_nonnull(pool);
    PG_POOL_UNTIL(pg_up(pool));
    /* The three connections come up independently. */
    struct pg_tx *first = NULL;
    struct pg_tx *second = NULL;
    PG_POOL_UNTIL((first = pg_tx_begin(pool)) != NULL);
    PG_POOL_UNTIL((second = pg_tx_begin(pool)) != NULL);
    struct pg_pool_seen inserted = {0};
    struct pg_pool_seen done = {0};
    ck_assert(tx_send(first, PG_POOL_INSERT, "1", &inserted));
    ck_assert(tx_send(second, PG_POOL_INSERT, "2", &inserted));
    PG_POOL_UNTIL(pg_query(pool, PG_POOL_COUNT, 0, NULL, pg_pool_note, &done));
    PG_POOL_UNTIL(done.calls == 1);
    ck_assert_int_eq(done.value, 0);
    ck_assert(pg_tx_commit(second, pg_pool_note, &done));
    ck_assert(pg_tx_commit(first, pg_pool_note, &done));
    PG_POOL_UNTIL(done.calls == 3);
    ck_assert_int_eq(pg_pool_rows(pool), 2);
    pg_free(pool);
}
END_TEST

START_TEST(a_changed_schema_reconnects)
{
    struct pg_pool_seen seen = {0};
    pg_pool_ask(pg_pool.pg, PG_POOL_EVERYTHING, NULL, &seen);
    PG_POOL_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    pg_pool_run_sql("ALTER TABLE pg_test ADD COLUMN later integer");
    pg_pool_ask(pg_pool.pg, PG_POOL_EVERYTHING, NULL, &seen);
    PG_POOL_UNTIL(seen.calls == 2);
    ck_assert_int_eq(seen.outcome, PG_LOST);
    PG_POOL_UNTIL(pg_pool.changes_up == 2);
    pg_pool_ask(pg_pool.pg, PG_POOL_EVERYTHING, NULL, &seen);
    PG_POOL_UNTIL(seen.calls == 3);
    ck_assert_int_eq(seen.outcome, PG_OK);
}
END_TEST

START_TEST(a_transaction_commits)
{
    struct pg_pool_seen inserted = {0};
    struct pg_pool_seen done = {0};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert_ptr_null(pg_tx_begin(pg_pool.pg)); /* the only connection is in use */
    ck_assert(!pg_query(pg_pool.pg, PG_POOL_COUNT, 0, NULL, pg_pool_note, &done));
    ck_assert(tx_send(tx, PG_POOL_INSERT, "1", &inserted));
    ck_assert(pg_tx_flush(tx));
    PG_POOL_UNTIL(inserted.calls == 1);
    ck_assert_int_eq(inserted.outcome, PG_OK);
    ck_assert(tx_send(tx, PG_POOL_INSERT, "2", &inserted));
    ck_assert(pg_tx_commit(tx, pg_pool_note, &done));
    PG_POOL_UNTIL(done.calls == 1);
    ck_assert_int_eq(done.outcome, PG_OK);
    ck_assert_int_eq(inserted.calls, 2);
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 2);
}
END_TEST

/* Begins the next transaction inside the callback of a failed one. */
static void note_and_begin_next(const struct pg_reply *reply, void *arg)
{
    struct pg_pool_seen *seen = arg;
    pg_pool_note(reply, &seen[0]);
    struct pg_tx *next = begin(pg_pool.pg);
    ck_assert(tx_send(next, PG_POOL_INSERT, "5", &seen[1]));
    ck_assert(pg_tx_commit(next, pg_pool_note, &seen[2]));
}

START_TEST(a_failed_transaction_is_rolled_back)
{
    struct pg_pool_seen statement[3] = {{0}};
    struct pg_pool_seen done[3] = {{0}};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_INSERT, "1", &statement[0]));
    ck_assert(tx_send(tx, PG_POOL_INSERT, "1", &statement[1]));
    ck_assert(tx_send(tx, PG_POOL_INSERT, "2", &statement[2]));
    ck_assert(pg_tx_commit(tx, note_and_begin_next, done));
    PG_POOL_UNTIL(done[2].calls == 1);
    ck_assert_int_eq(statement[0].outcome, PG_OK);
    ck_assert_int_eq(statement[1].outcome, PG_FAILED);
    ck_assert_int_eq(statement[2].outcome, PG_LOST);
    ck_assert_int_eq(done[0].outcome, PG_FAILED);
    ck_assert_str_eq(done[0].sqlstate, "23505");
    ck_assert_int_eq(done[2].outcome, PG_OK);
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 1);
    ck_assert_int_eq(pg_pool.changes_down, 0);
}
END_TEST

START_TEST(a_failed_commit_is_reported)
{
    struct pg_pool_seen inserted = {0};
    struct pg_pool_seen done[3] = {{0}};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_INSERT_LATE, "1", &inserted));
    ck_assert(pg_tx_commit(tx, note_and_begin_next, done));
    PG_POOL_UNTIL(done[2].calls == 1);
    ck_assert_int_eq(inserted.outcome, PG_OK);
    ck_assert_int_eq(done[0].outcome, PG_FAILED);
    ck_assert_str_eq(done[0].sqlstate, "23503");
    ck_assert_int_eq(done[2].outcome, PG_OK);
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 1);
}
END_TEST

START_TEST(an_abort_calls_no_callback_and_frees_the_connection)
{
    struct pg_pool_seen unsent = {0};
    struct pg_pool_seen failing = {0};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_INSERT, "1", &unsent));
    pg_tx_abort(tx);
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 0); /* on the same connection, at once */
    tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_FAIL, "0", &failing));
    ck_assert(pg_tx_flush(tx));
    PG_POOL_UNTIL(failing.calls == 1);
    pg_tx_abort(tx);
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 0);
    ck_assert_int_eq(unsent.calls, 0);
    ck_assert_int_eq(pg_pool.changes_down, 0);
}
END_TEST

static struct pg_tx *aborted_inside;

static void abort_inside(const struct pg_reply *reply, void *arg)
{
    pg_pool_note(reply, arg);
    pg_tx_abort(aborted_inside);
}

START_TEST(a_transaction_can_be_aborted_inside_a_callback)
{
    struct pg_pool_seen failing = {0};
    struct pg_pool_seen behind = {0};
    const char *const zero[] = {"0"};
    aborted_inside = begin(pg_pool.pg);
    ck_assert(pg_tx_send(aborted_inside, PG_POOL_FAIL, 1, zero, abort_inside, &failing));
    ck_assert(tx_send(aborted_inside, PG_POOL_INSERT, "1", &behind));
    ck_assert(pg_tx_flush(aborted_inside));
    PG_POOL_UNTIL(failing.calls == 1);
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 0);
    ck_assert_int_eq(behind.calls, 0);
}
END_TEST

/* Terminates the backend of `pg`'s connection from another connection. */
static void terminate(struct pg *other, int64_t backend)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%lld", (long long)backend);
    (void)pg_pool_number(other, PG_POOL_TERMINATE, number);
}

START_TEST(a_connection_lost_in_a_transaction_rolls_back)
{
    struct pg *other = pg_pool_other();
    int64_t backend = pg_pool_number(pg_pool.pg, PG_POOL_BACKEND, NULL);
    struct pg_pool_seen inserted = {0};
    struct pg_pool_seen waiting = {0};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_INSERT, "1", &inserted));
    ck_assert(pg_tx_flush(tx));
    PG_POOL_UNTIL(inserted.calls == 1);
    ck_assert(tx_send(tx, PG_POOL_SLEEP, "30", &waiting));
    ck_assert(pg_tx_flush(tx));
    terminate(other, backend);
    PG_POOL_UNTIL(waiting.calls == 1 && pg_pool.changes_down == 1);
    ck_assert_int_eq(waiting.outcome, PG_LOST);
    ck_assert(!tx_send(tx, PG_POOL_INSERT, "2", &inserted));
    ck_assert(!pg_tx_flush(tx));
    ck_assert(!pg_tx_commit(tx, pg_pool_note, &waiting));
    pg_tx_abort(tx);
    PG_POOL_UNTIL(pg_pool.changes_up == 2);
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 0);
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
    PGconn *killer = PQconnectdb(pg_pool_url());
    ck_assert_int_eq(PQstatus(killer), CONNECTION_OK);
    for (int round = 0; round < ROUNDS; round++) {
        struct pg_pool_seen seen[AT_ONCE + AFTER] = {0};
        char number[24];
        PG_POOL_UNTIL(pg_up(pg_pool.pg));
        (void)snprintf(number, sizeof(number), "%lld", (long long)pg_pool_number(pg_pool.pg, PG_POOL_BACKEND, NULL));
        int asked = 0;
        while (asked < AT_ONCE) {
            pg_pool_ask(pg_pool.pg, PG_POOL_ECHO, "7", &seen[asked++]);
        }
        end_backend(killer, number);
        /*
         * As a caller that has not noticed: the server refuses the first query, and the second detects the lost
         * connection.
         */
        while (asked < AT_ONCE + round % AFTER &&
               pg_query(pg_pool.pg, PG_POOL_ECHO, 1, &(const char *){"7"}, pg_pool_note, &seen[asked])) {
            asked++;
        }
        for (int i = 0; i < asked; i++) {
            PG_POOL_UNTIL(seen[i].calls == 1);
            ck_assert_msg(seen[i].outcome != PG_OK || seen[i].value == 7, "round %d: an answer without its row", round);
        }
        PG_POOL_UNTIL(pg_pool.changes_down == round + 1);
    }
    PQfinish(killer);
}
END_TEST

START_TEST(a_connection_lost_in_a_commit_is_reported_as_lost)
{
    struct pg *other = pg_pool_other();
    int64_t backend = pg_pool_number(pg_pool.pg, PG_POOL_BACKEND, NULL);
    struct pg_pool_seen waiting = {0};
    struct pg_pool_seen done = {0};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_SLEEP, "30", &waiting));
    ck_assert(pg_tx_commit(tx, pg_pool_note, &done));
    terminate(other, backend);
    PG_POOL_UNTIL(done.calls == 1);
    ck_assert_int_eq(waiting.outcome, PG_LOST);
    ck_assert_int_eq(done.outcome, PG_LOST);
    PG_POOL_UNTIL(pg_up(pg_pool.pg));
    ck_assert_int_eq(pg_pool_rows(pg_pool.pg), 0);
    pg_free(other);
}
END_TEST

START_TEST(a_statement_past_its_timeout_closes_the_connection)
{
    struct pg *other = pg_pool_other();
    char backend[24];
    (void)snprintf(backend, sizeof(backend), "%lld", (long long)pg_pool_number(pg_pool.pg, PG_POOL_BACKEND, NULL));
    struct pg_pool_seen inserted = {0};
    struct pg_pool_seen late = {0};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_INSERT, "1", &inserted));
    ck_assert(tx_send(tx, PG_POOL_SLEEP, "30", &late));
    ck_assert(pg_tx_flush(tx));
    PG_POOL_UNTIL(late.calls == 1);
    ck_assert_int_eq(late.outcome, PG_LOST);
    ck_assert_int_eq(pg_pool.changes_down, 1);
    pg_tx_abort(tx);
    /* The server notices soon and releases the row, well before the 30 s are over. */
    PG_POOL_UNTIL(pg_pool_number(other, PG_POOL_ALIVE, backend) == 0);
    struct pg_pool_seen again = {0};
    pg_pool_ask(other, PG_POOL_INSERT, "1", &again);
    PG_POOL_UNTIL(again.calls == 1);
    ck_assert_int_eq(again.outcome, PG_OK);
    PG_POOL_UNTIL(pg_up(pg_pool.pg));
    pg_free(other);
}
END_TEST

START_TEST(a_timeout_counts_per_statement)
{
    /* Together they take longer than the timeout; each alone does not. */
    struct pg_pool_seen seen = {0};
    for (int i = 0; i < 4; i++) {
        pg_pool_ask(pg_pool.pg, PG_POOL_SLEEP, "0.5", &seen);
    }
    PG_POOL_UNTIL(seen.calls == 4);
    ck_assert_int_eq(seen.outcome, PG_OK);
    ck_assert_int_eq(pg_pool.changes_down, 0);
}
END_TEST

START_TEST(a_pool_waits_for_the_schema)
{
    static const struct pg_statement late[] = {{"late", "SELECT count(*) FROM pg_test_late"}};
    pg_pool_run_sql("SET client_min_messages = error; DROP TABLE IF EXISTS pg_test_late");
    struct pg_options options = pg_pool_options();
    options.statements = late;
    options.statement_count = ARRAY_LEN(late);
    struct pg *waiting = pg_new(&options);
    ck_assert_ptr_nonnull(waiting);
    /* Each round trip of the other pool gives this one time to fail and retry. */
    for (int i = 0; i < 20; i++) {
        (void)pg_pool_number(pg_pool.pg, PG_POOL_SLEEP, "0.01");
        ck_assert(!pg_up(waiting));
    }
    pg_pool_run_sql("CREATE TABLE pg_test_late ()");
    PG_POOL_UNTIL(pg_up(waiting));
    struct pg_pool_seen seen = {0};
    ck_assert(pg_query(waiting, 0, 0, NULL, pg_pool_note, &seen));
    PG_POOL_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.outcome, PG_OK);
    pg_free(waiting);
    pg_pool_run_sql("DROP TABLE pg_test_late");
}
END_TEST

START_TEST(an_unreachable_server_keeps_the_pool_down_and_bad_urls_are_refused)
{
    struct pg_options options = pg_pool_options();
    options.url = "postgresql://nobody@127.0.0.1:1/none";
    struct pg *down = pg_new(&options);
    ck_assert_ptr_nonnull(down);
    struct pg_pool_seen seen = {0};
    for (int i = 0; i < 20; i++) {
        (void)pg_pool_number(pg_pool.pg, PG_POOL_SLEEP, "0.01");
        ck_assert(!pg_up(down));
        ck_assert(!pg_query(down, PG_POOL_COUNT, 0, NULL, pg_pool_note, &seen));
        ck_assert_ptr_null(pg_tx_begin(down));
    }
    pg_free(down);
    options.url = "postgresql://[::1/none";
    ck_assert_ptr_null(pg_new(&options));
}
END_TEST

START_TEST(a_lost_idle_connection_is_replaced)
{
    struct pg *other = pg_pool_other();
    int64_t backend = pg_pool_number(pg_pool.pg, PG_POOL_BACKEND, NULL);
    terminate(other, backend);
    PG_POOL_UNTIL(pg_pool.changes_down == 1);
    PG_POOL_UNTIL(pg_pool.changes_up == 2);
    ck_assert_int_ne(pg_pool_number(pg_pool.pg, PG_POOL_BACKEND, NULL), backend);
    pg_free(other);
}
END_TEST

/* pg_free fails the pending queries, also inside the callback of another query. */
static void free_inside(const struct pg_reply *reply, void *arg)
{
    struct pg_pool_seen *seen = arg;
    pg_pool_note(reply, &seen[0]);
    pg_free(pg_pool.pg);
    ck_assert_int_eq(seen[1].calls, 1);
    pg_pool.pg = NULL;
}

START_TEST(a_pool_can_be_freed_inside_a_callback)
{
    struct pg_pool_seen seen[2] = {{0}};
    const char *const one[] = {"1"};
    ck_assert(pg_query(pg_pool.pg, PG_POOL_ECHO, 1, one, free_inside, seen));
    pg_pool_ask(pg_pool.pg, PG_POOL_ECHO, "2", &seen[1]);
    PG_POOL_UNTIL(seen[0].calls == 1);
    ck_assert_int_eq(seen[0].outcome, PG_OK);
    ck_assert_int_eq(seen[1].outcome, PG_LOST);
}
END_TEST

START_TEST(a_pool_can_be_freed_with_an_open_transaction)
{
    struct pg_pool_seen inserted = {0};
    struct pg_pool_seen done = {0};
    struct pg_tx *tx = begin(pg_pool.pg);
    ck_assert(tx_send(tx, PG_POOL_INSERT, "1", &inserted));
    ck_assert(pg_tx_commit(tx, pg_pool_note, &done));
    pg_free(pg_pool.pg);
    ck_assert_int_eq(inserted.outcome, PG_LOST);
    ck_assert_int_eq(done.outcome, PG_LOST);
    struct pg_options options = pg_pool_options();
    pg_pool.pg = pg_new(&options);
    PG_POOL_UNTIL(pg_up(pg_pool.pg));
    (void)begin(pg_pool.pg); /* freed by pg_free in tear_down */
}
END_TEST

START_TEST(a_connection_is_up_once_its_opening_query_was_accepted)
{
    struct pg_pool_seen opened = {0};
    struct pg_pool_seen seen = {0};
    const char *const values[] = {"3"};
    struct pg_options options = pg_pool_options();
    options.opening = "SELECT 17";
    options.opened = on_opened;
    options.arg = &opened;
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    PG_POOL_UNTIL(opened.calls == 1);
    ck_assert(!pg_up(made));
    PG_POOL_UNTIL(pg_up(made));
    ck_assert_int_eq(opened.calls, 2);
    ck_assert_int_eq(opened.value, 17);
    ck_assert(pg_query(made, PG_POOL_ECHO, 1, values, pg_pool_note, &seen));
    PG_POOL_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.value, 3);
    pg_free(made);
}
END_TEST

START_TEST(a_failing_opening_query_keeps_the_connection_down)
{
    struct pg_pool_seen opened = {0};
    struct pg_options options = pg_pool_options();
    options.opening = "SELECT * FROM no_such_table";
    options.opened = on_opened;
    options.arg = &opened;
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    struct pg *other = pg_pool_other(); /* takes longer than the other's first try */
    ck_assert(!pg_up(made));
    ck_assert_int_eq(opened.calls, 0);
    pg_free(other);
    pg_free(made);
}
END_TEST

/* Accepts every result of the opening query; `arg` keeps the newest. */
static bool on_opened_always(const PGresult *result, void *arg)
{
    struct pg_pool_seen *seen = arg;
    seen->calls++;
    seen->value = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    return true;
}

/* The backend of the pool's connection that is in no transaction. */
static int64_t free_backend(struct pg *of)
{
    struct pg_pool_seen seen = {0};
    PG_POOL_UNTIL(pg_query(of, PG_POOL_BACKEND, 0, NULL, pg_pool_note, &seen));
    PG_POOL_UNTIL(seen.calls == 1);
    return seen.value;
}

/* As after a change of the primary: one connection is to the new server, the other one still to the old. */
START_TEST(a_connection_with_another_opening_row_replaces_the_others)
{
    struct pg_pool_seen opened = {0};
    struct pg_pool_seen seen = {0};
    struct pg_tx *tx = NULL;
    struct pg_options options = pg_pool_options();
    pg_pool_run_sql("DROP TABLE IF EXISTS pg_test_opening; CREATE TABLE pg_test_opening AS SELECT 1 AS number");
    options.opening = "SELECT 'unchanged', number FROM pg_test_opening";
    options.opened = on_opened_always;
    options.arg = &opened;
    options.connections = 2;
    struct pg *made = pg_new(&options);
    ck_assert_ptr_nonnull(made);
    PG_POOL_UNTIL(opened.calls == 2);
    PG_POOL_UNTIL((tx = pg_tx_begin(made)) != NULL);
    terminate(pg_pool.pg, free_backend(made));
    PG_POOL_UNTIL(opened.calls == 3);
    int64_t second = free_backend(made);
    ck_assert(tx_send(tx, PG_POOL_ECHO, "7", &seen));
    ck_assert(pg_tx_flush(tx));
    PG_POOL_UNTIL(seen.calls == 1);
    ck_assert_int_eq(seen.value, 7); /* the row was the same, so the transaction goes on */
    pg_pool_run_sql("UPDATE pg_test_opening SET number = 2");
    ck_assert(tx_send(tx, PG_POOL_ECHO, "8", &seen));
    terminate(pg_pool.pg, second);
    PG_POOL_UNTIL(opened.calls == 4);
    ck_assert_int_eq(opened.value, 2);
    ck_assert_int_eq(seen.calls, 2);
    ck_assert_int_eq(seen.outcome, PG_LOST);
    pg_tx_abort(tx);
    PG_POOL_UNTIL(opened.calls == 5);
    ck_assert_int_eq(opened.value, 2);
    pg_free(made);
    pg_pool_run_sql("DROP TABLE pg_test_opening");
}
END_TEST

static Suite *pg_suite(void)
{
    const TTest *const tests[] = {
        commits_wait_for_the_disk_whatever_the_settings_say,
        a_connection_is_up_once_its_opening_query_was_accepted,
        a_failing_opening_query_keeps_the_connection_down,
        a_connection_with_another_opening_row_replaces_the_others,
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
    };
    Suite *suite = suite_create("pg");
    TCase *tcase = tcase_create("pg");
    tcase_add_checked_fixture(tcase, pg_pool_set_up, pg_pool_tear_down);
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
