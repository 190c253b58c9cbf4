/*
 * common/service/outbox against real PostgreSQL and RabbitMQ: a committed row is published until confirmed and then
 * removed, whatever the broker's state.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/protocol/topology.h"
#include "common/service/outbox.h"
#include "tests/support/loop.h"
#include "tests/support/queues.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 20000, /* for any single wait */
    SWEEP_MS = 100,
    YOUNG_MS = 1000, /* age at which a single program sweeps rows */
    OLD_MS = 30000,  /* far longer than two programs need to sweep older rows */
    TEXT_SIZE = 64,
    OVERFLOW = OUTBOX_ROWS_MAX + 300,
    OLD_ROWS = 500,
    LARGE_BYTES = 1000 * 1000,
    LARGE_ROWS = OUTBOX_BYTES_MAX / LARGE_BYTES + 3,
};

enum { STATEMENT_NOW, STATEMENT_OUTBOX, STATEMENT_COUNT = STATEMENT_OUTBOX + OUTBOX_STATEMENTS };

static const struct pg_statement statements[STATEMENT_COUNT] = {
    [STATEMENT_NOW] = {"now", "SELECT now()"},
    [STATEMENT_OUTBOX] = OUTBOX_STATEMENT_ROWS,
};

/* The outbox of one program; two of them act as two programs. */
struct program {
    struct pg *pg;
    struct broker *broker;
    struct outbox *outbox;
};

static struct event_base *base;
static struct sql *sql;
static struct queues *queues;
static char key[QUEUES_NAME_SIZE];
static char tap[QUEUES_NAME_SIZE];

static struct program program_open(int sweep_ms, int age_ms)
{
    struct program program = {0};
    struct pg_options pg = {.base = base,
                            .url = getenv("ROSTRUM_PG_URL"),
                            .application = "outbox_test",
                            .statements = statements,
                            .statement_count = STATEMENT_COUNT,
                            .connections = 2,
                            .timeout_ms = DEADLINE_MS,
                            .pending_max = OVERFLOW + 2};
    struct broker_options broker = {.base = base,
                                    .url = getenv("ROSTRUM_AMQP_URL"),
                                    .name = "outbox_test",
                                    .heartbeat_s = 10,
                                    .connect_timeout_ms = DEADLINE_MS,
                                    .unconfirmed_max = 100};
    program.pg = pg_new(&pg);
    program.broker = broker_new(&broker);
    ck_assert(program.pg != NULL && program.broker != NULL);
    struct outbox_options options = {.base = base,
                                     .pg = program.pg,
                                     .broker = program.broker,
                                     .first_statement = STATEMENT_OUTBOX,
                                     .sweep_ms = sweep_ms,
                                     .age_ms = age_ms,
                                     .exchanges = ".*"};
    program.outbox = outbox_new(&options);
    ck_assert_ptr_nonnull(program.outbox);
    LOOP_UNTIL(base, pg_up(program.pg), DEADLINE_MS);
    return program;
}

static void program_close(struct program *program)
{
    broker_free(program->broker);
    pg_free(program->pg);
    outbox_free(program->outbox);
}

/* Makes every DELETE fail. A sequence counts the attempts, because no rollback resets it. */
static void make_deletes_fail(void)
{
    PQclear(sql_rows(sql, "CREATE SEQUENCE outbox_test_refusals", NULL));
    PQclear(sql_rows(sql,
                     "CREATE FUNCTION outbox_test() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " PERFORM nextval('outbox_test_refusals'); RAISE EXCEPTION 'not now'; END $$",
                     NULL));
    PQclear(sql_rows(
        sql, "CREATE TRIGGER outbox_test BEFORE DELETE ON outbox FOR EACH ROW EXECUTE FUNCTION outbox_test()", NULL));
}

static void let_deletes_succeed(void)
{
    PQclear(sql_rows(sql, "DROP TRIGGER IF EXISTS outbox_test ON outbox", NULL));
    PQclear(sql_rows(sql, "DROP FUNCTION IF EXISTS outbox_test()", NULL));
    PQclear(sql_rows(sql, "DROP SEQUENCE IF EXISTS outbox_test_refusals", NULL));
}

static void set_up(void)
{
    ck_assert_msg(getenv("ROSTRUM_PG_URL") != NULL, "ROSTRUM_PG_URL is not set");
    base = event_base_new();
    sql = sql_open(getenv("ROSTRUM_PG_URL"));
    queues = queues_open();
    ck_assert(base != NULL && sql != NULL);
    let_deletes_succeed(); /* a failed test leaves the trigger in place */
    PQclear(sql_rows(sql, "TRUNCATE outbox", NULL));
    (void)snprintf(key, sizeof(key), "test.outbox.%d", (int)getpid());
    queues_tap(queues, TOPOLOGY_EVENTS_EXCHANGE, key, tap);
}

static void tear_down(void)
{
    let_deletes_succeed();
    PQclear(sql_rows(sql, "TRUNCATE outbox", NULL));
    queues_close(queues);
    sql_close(sql);
    event_base_free(base);
}

static int64_t table_rows(void)
{
    return sql_int(sql, "SELECT count(*) FROM outbox", NULL);
}

static void on_inserted(const struct pg_reply *reply, void *arg)
{
    struct outbox_row *row = arg;
    ck_assert_int_eq(reply->outcome, PG_OK);
    row->id = pg_int(reply->result, 0, 0);
}

static void on_commit(const struct pg_reply *reply, void *arg)
{
    bool *committed = arg;
    ck_assert_int_eq(reply->outcome, PG_OK);
    *committed = true;
}

/* Commits `count` rows and fills in their ids. */
static void insert(struct program *program, struct outbox_row *rows, size_t count)
{
    bool committed = false;
    struct pg_tx *tx = pg_tx_begin(program->pg);
    ck_assert_ptr_nonnull(tx);
    for (size_t i = 0; i < count; i++) {
        ck_assert(outbox_insert(program->outbox, tx, &rows[i], on_inserted, &rows[i]));
    }
    ck_assert(pg_tx_commit(tx, on_commit, &committed));
    LOOP_UNTIL(base, committed, DEADLINE_MS);
}

static struct outbox_row row_of(const char *body)
{
    return (struct outbox_row){.exchange = TOPOLOGY_EVENTS_EXCHANGE, .routing_key = key, .body = body};
}

START_TEST(a_committed_row_is_published_once_and_removed)
{
    struct program program = program_open(SWEEP_MS, YOUNG_MS);
    struct outbox_row row = row_of("a body");
    struct queues_message message;
    row.reason = "its reason";
    LOOP_UNTIL(base, broker_state(program.broker) == BROKER_UP, DEADLINE_MS);
    insert(&program, &row, 1);
    ck_assert_int_eq(table_rows(), 1);
    outbox_sent(program.outbox, &row, 1);
    ck_assert_uint_eq(outbox_pending(program.outbox), 1);
    LOOP_UNTIL(base, outbox_pending(program.outbox) == 0, DEADLINE_MS);
    ck_assert_int_eq(table_rows(), 0);
    ck_assert(queues_take(queues, tap, &message));
    ck_assert_str_eq(message.body, "a body");
    ck_assert_str_eq(message.reason, "its reason");
    free(message.body);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
    program_close(&program);
}
END_TEST

START_TEST(rows_sent_before_the_broker_is_up_are_published_later)
{
    struct program program = program_open(SWEEP_MS, YOUNG_MS);
    struct outbox_row rows[] = {row_of("one"), row_of("two")};
    insert(&program, rows, ARRAY_LEN(rows));
    outbox_sent(program.outbox, rows, ARRAY_LEN(rows));
    LOOP_UNTIL(base, outbox_pending(program.outbox) == 0, DEADLINE_MS);
    ck_assert_int_eq(table_rows(), 0);
    ck_assert_int_eq(queues_depth(queues, tap), 2);
    program_close(&program);
}
END_TEST

START_TEST(a_returned_row_is_published_until_it_is_routed)
{
    struct program program = program_open(DEADLINE_MS, OLD_MS);
    struct outbox_row row = row_of("nobody's");
    char late_key[QUEUES_NAME_SIZE];
    char late_tap[QUEUES_NAME_SIZE];
    (void)snprintf(late_key, sizeof(late_key), "%.100s.late", key);
    row.routing_key = late_key;
    insert(&program, &row, 1);
    LOOP_UNTIL(base, broker_state(program.broker) == BROKER_UP, DEADLINE_MS);
    outbox_sent(program.outbox, &row, 1);
    LOOP_UNTIL(base, broker_unconfirmed(program.broker) == 1, DEADLINE_MS);
    LOOP_UNTIL(base, broker_unconfirmed(program.broker) == 0, DEADLINE_MS);
    ck_assert_uint_eq(outbox_pending(program.outbox), 1);
    ck_assert_int_eq(table_rows(), 1);
    queues_tap(queues, TOPOLOGY_EVENTS_EXCHANGE, late_key, late_tap);
    LOOP_UNTIL(base, outbox_pending(program.outbox) == 0, DEADLINE_MS);
    ck_assert_int_eq(queues_depth(queues, late_tap), 1);
    ck_assert_int_eq(table_rows(), 0);
    program_close(&program);
}
END_TEST

START_TEST(rows_beyond_the_limit_in_memory_are_published_by_the_sweep)
{
    static struct outbox_row rows[OVERFLOW];
    struct program program = program_open(SWEEP_MS, YOUNG_MS);
    for (size_t i = 0; i < OVERFLOW; i++) {
        rows[i] = row_of("one of many");
    }
    insert(&program, rows, OVERFLOW);
    outbox_sent(program.outbox, rows, OVERFLOW);
    ck_assert_uint_le(outbox_pending(program.outbox), OUTBOX_ROWS_MAX);
    LOOP_UNTIL(base, outbox_pending(program.outbox) == 0 && table_rows() == 0, DEADLINE_MS);
    ck_assert_int_eq(queues_depth(queues, tap), OVERFLOW);
    program_close(&program);
}
END_TEST

START_TEST(rows_of_a_dead_program_are_swept_once_by_two_others)
{
    struct program one = program_open(SWEEP_MS, OLD_MS);
    struct program other = program_open(SWEEP_MS, OLD_MS);
    PQclear(sql_rows(sql,
                     "INSERT INTO outbox (exchange, routing_key, body, created_at) "
                     "SELECT $1, $2, 'left behind', now() - interval '1 minute' FROM generate_series(1, 500)",
                     TOPOLOGY_EVENTS_EXCHANGE, key, NULL));
    LOOP_UNTIL(base, table_rows() == 0, DEADLINE_MS);
    ck_assert_int_eq(queues_depth(queues, tap), OLD_ROWS);
    program_close(&one);
    program_close(&other);
}
END_TEST

START_TEST(young_rows_are_not_swept)
{
    struct program program = program_open(SWEEP_MS, YOUNG_MS);
    struct outbox_row row = row_of("young");
    char late[TEXT_SIZE];
    LOOP_UNTIL(base, broker_state(program.broker) == BROKER_UP, DEADLINE_MS);
    insert(&program, &row, 1);
    PQclear(sql_rows(sql, "UPDATE outbox SET created_at = now() + interval '1 hour'", NULL));
    PQclear(sql_rows(sql,
                     "INSERT INTO outbox (exchange, routing_key, body, created_at) "
                     "VALUES ($1, $2, 'old', now() - interval '1 minute')",
                     TOPOLOGY_EVENTS_EXCHANGE, key, NULL));
    LOOP_UNTIL(base, table_rows() == 1, DEADLINE_MS);
    (void)snprintf(late, sizeof(late), "%s", sql_text(sql, "SELECT body FROM outbox", NULL));
    ck_assert_str_eq(late, "young");
    ck_assert_int_eq(queues_depth(queues, tap), 1);
    program_close(&program);
}
END_TEST

static int64_t refusals(void)
{
    return sql_int(sql, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbox_test_refusals", NULL);
}

START_TEST(a_row_whose_delete_failed_is_deleted_later_and_published_once)
{
    struct program program = program_open(DEADLINE_MS, OLD_MS);
    struct outbox_row rows[] = {row_of("one"), row_of("two")};
    LOOP_UNTIL(base, broker_state(program.broker) == BROKER_UP, DEADLINE_MS);
    insert(&program, rows, ARRAY_LEN(rows));
    make_deletes_fail();
    outbox_sent(program.outbox, rows, ARRAY_LEN(rows));
    LOOP_UNTIL(base, refusals() >= 2, DEADLINE_MS);
    ck_assert_uint_eq(outbox_pending(program.outbox), 2);
    ck_assert_int_eq(table_rows(), 2);
    let_deletes_succeed();
    LOOP_UNTIL(base, outbox_pending(program.outbox) == 0, DEADLINE_MS);
    ck_assert_int_eq(table_rows(), 0);
    ck_assert_int_eq(queues_depth(queues, tap), 2);
    program_close(&program);
}
END_TEST

/* Checks the body and reason of a message that was taken, and frees it. */
static void expect_message(struct queues_message *message, const char *body, const char *reason)
{
    ck_assert_str_eq(message->body, body);
    ck_assert_str_eq(message->reason, reason);
    free(message->body);
}

START_TEST(a_dead_letter_published_by_the_sweep_has_its_reason)
{
    struct program program = program_open(SWEEP_MS, YOUNG_MS);
    struct outbox_row rows[] = {row_of("a dead letter"), row_of("an event")};
    rows[0].reason = "its reason";
    insert(&program, rows, ARRAY_LEN(rows)); /* the rows are not passed to outbox_sent */
    LOOP_UNTIL(base, table_rows() == 0, DEADLINE_MS);
    struct queues_message messages[ARRAY_LEN(rows)]; /* the sweep promises no order */
    ck_assert(queues_take(queues, tap, &messages[0]) && queues_take(queues, tap, &messages[1]));
    int event = strcmp(messages[0].body, "an event") == 0 ? 0 : 1;
    expect_message(&messages[1 - event], "a dead letter", "its reason");
    expect_message(&messages[event], "an event", "");
    program_close(&program);
}
END_TEST

START_TEST(bytes_in_memory_are_bounded_and_released)
{
    static struct outbox_row rows[LARGE_ROWS];
    static char body[LARGE_BYTES + 1];
    struct program program = program_open(SWEEP_MS, YOUNG_MS);
    memset(body, 'x', LARGE_BYTES);
    for (size_t i = 0; i < LARGE_ROWS; i++) {
        rows[i] = row_of(body);
    }
    LOOP_UNTIL(base, broker_state(program.broker) == BROKER_UP, DEADLINE_MS);
    insert(&program, rows, LARGE_ROWS);
    outbox_sent(program.outbox, rows, LARGE_ROWS);
    ck_assert_uint_eq(outbox_pending(program.outbox), OUTBOX_BYTES_MAX / LARGE_BYTES);
    /* The later rows find room only after the earlier ones have released it. */
    LOOP_UNTIL(base, outbox_pending(program.outbox) == 0 && table_rows() == 0, DEADLINE_MS);
    ck_assert_int_ge(queues_depth(queues, tap), LARGE_ROWS);
    program_close(&program);
}
END_TEST

static Suite *outbox_suite(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tests = tcase_create("outbox");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_committed_row_is_published_once_and_removed);
    tcase_add_test(tests, rows_sent_before_the_broker_is_up_are_published_later);
    tcase_add_test(tests, a_returned_row_is_published_until_it_is_routed);
    tcase_add_test(tests, rows_beyond_the_limit_in_memory_are_published_by_the_sweep);
    tcase_add_test(tests, rows_of_a_dead_program_are_swept_once_by_two_others);
    tcase_add_test(tests, young_rows_are_not_swept);
    tcase_add_test(tests, a_row_whose_delete_failed_is_deleted_later_and_published_once);
    tcase_add_test(tests, a_dead_letter_published_by_the_sweep_has_its_reason);
    tcase_add_test(tests, bytes_in_memory_are_bounded_and_released);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(outbox_suite());
}
