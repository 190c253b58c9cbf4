/*
 * rostrum-endworker and flash sales, against real servers: the times of their commands. The test plays the sale worker:
 * it creates sales by SQL, reads the commands through a queue of its own, and changes the state by SQL.
 */
#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/sale_message.h"
#include "common/protocol/topology.h"
#include "endworker/statements.h"
#include "tests/support/listing.h"
#include "tests/support/loop.h"
#include "tests/support/program.h"
#include "tests/support/queues.h"
#include "tests/support/relay.h"
#include "tests/support/sale_rows.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"

enum {
    DEADLINE_MS = 30000, /* for any single wait */
    GRACE_MS = 200,
    SECOND_MS = 1000,
    SOON_S = 60, /* as in the settings */
    PLAN_SIZE = 8192,
};

/* Short times that config_check accepts. */
static const char settings[] = "[rabbitmq]\nconfirm_deadline_ms = 100\n"
                               "[gateway]\nclock_skew_max_ms = 40\n"
                               "[bidworker]\noutbox_sweep_ms = 200\noutbox_age_ms = 500\n"
                               "[endworker]\nfence_grace_ms = 200\nfence_repeat_ms = 150\nschedule_poll_ms = 20\n"
                               "sale_starting_soon_s = 60\n";

static struct sql *sql;
static struct queues *queues;
static char config[PROGRAM_SETTINGS_SIZE];
static char user[UUID_TEXT_SIZE];
static char other[UUID_TEXT_SIZE];
static pid_t worker;

static void run(const char *statement, const char *argument, const char *second)
{
    PGresult *result = sql_rows(sql, statement, argument, second, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

/* The end worker does not run with settings that contradict the record. */
static void record_timing(const char *grace_ms, const char *deadline_ms)
{
    run("UPDATE topology SET fence_grace_ms = $1::integer, confirm_deadline_ms = $2::integer", grace_ms, deadline_ms);
}

static void set_up(void)
{
    sql = sql_open(getenv("ROSTRUM_PG_URL"));
    ck_assert_ptr_nonnull(sql);
    queues = queues_open();
    listing_clear(sql);
    sale_rows_clear(sql);
    listing_user(sql, user);
    listing_user(sql, other);
    program_settings(settings, config);
    record_timing("200", "100");
    worker = program_start_ready("rostrum-endworker", config);
}

static void tear_down(void)
{
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    program_settings_remove(config);
    record_timing("2000", "1500");
    sale_rows_clear(sql);
    listing_clear(sql);
    queues_purge_shards(queues, sql_shards(sql));
    queues_close(queues);
    sql_close(sql);
}

/* Creates a queue that receives the commands of one sale. */
static void tap_sale(const char *sale, char tap[static QUEUES_NAME_SIZE])
{
    char exchange[TOPOLOGY_QUEUE_SIZE];
    char key[TOPOLOGY_KEY_SIZE];
    struct uuid id;
    ck_assert(uuid_parse(sale, UUID_TEXT_SIZE - 1, &id));
    topology_exchange(&topology_sales, &id, sql_shards(sql), exchange);
    topology_key(&topology_sales, &id, sql_shards(sql), key);
    queues_tap_key(queues, exchange, key, tap);
}

/* Takes the next command, if there is one. Its message must hold no other. */
static bool take_command(const char *tap, struct sale_command *command)
{
    struct queues_message message;
    struct sale_message_item items[2];
    size_t count = 0;
    const char *reason = NULL;
    if (!queues_take(queues, tap, &message)) {
        return false;
    }
    ck_assert_msg(sale_message_read_commands(message.body, message.length, items, ARRAY_LEN(items), &count, &reason),
                  "%s", reason);
    ck_assert_uint_eq(count, 1);
    ck_assert(items[0].readable);
    *command = items[0].command.command;
    free(message.body);
    return true;
}

/* Takes commands until one has this kind. */
static bool take_kind(const char *tap, enum sale_command_kind kind, struct sale_command *command)
{
    while (take_command(tap, command)) {
        if (command->kind == kind) {
            return true;
        }
    }
    return false;
}

/* All commands that arrived so far have this kind, or there are none. */
static void expect_only(const char *tap, enum sale_command_kind kind)
{
    struct sale_command command;
    while (take_command(tap, &command)) {
        ck_assert_str_eq(sale_command_text(command.kind), sale_command_text(kind));
    }
}

static void set_status(const char *sale, const char *status)
{
    run("UPDATE flash_sales SET status = $2 WHERE id = $1::uuid", sale, status);
}

/* A whole second, because turns and reservations end at one. */
static int64_t second_ms(int64_t ms)
{
    return ms - ms % SECOND_MS;
}

START_TEST(a_sale_is_opened_started_and_fenced_in_time)
{
    char sale[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    int64_t join_ms = clock_now_ms() + 600;
    int64_t start_ms = join_ms + 800;
    int64_t end_ms = start_ms + 800;
    sale_rows_new(
        sql, &(struct sale_rows_sale){.status = "upcoming", .join_ms = join_ms, .start_ms = start_ms, .end_ms = end_ms},
        sale);
    tap_sale(sale, tap);
    SUITE_WAIT(take_kind(tap, SALE_COMMAND_OPEN, &command), DEADLINE_MS);
    ck_assert_int_ge(command.received_ms, join_ms);
    ck_assert_int_ge(clock_now_ms(), command.received_ms);
    set_status(sale, "open");
    SUITE_WAIT(take_kind(tap, SALE_COMMAND_START, &command), DEADLINE_MS);
    ck_assert_int_ge(command.received_ms, start_ms);
    set_status(sale, "active");
    SUITE_WAIT(take_kind(tap, SALE_COMMAND_FENCE, &command), DEADLINE_MS);
    ck_assert_int_ge(command.received_ms, end_ms);
    ck_assert_int_le(command.received_ms, clock_now_ms() - GRACE_MS);
}
END_TEST

/* The commands of one moment are few: a sale that should have started long ago needs no OPEN. */
START_TEST(a_sale_past_its_start_gets_starts_and_they_are_repeated)
{
    char sale[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_command first;
    struct sale_command again;
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "upcoming"}, sale);
    tap_sale(sale, tap);
    SUITE_WAIT(take_command(tap, &first), DEADLINE_MS);
    ck_assert_int_eq(first.kind, SALE_COMMAND_START);
    SUITE_WAIT(take_command(tap, &again), DEADLINE_MS);
    ck_assert_int_eq(again.kind, SALE_COMMAND_START);
    ck_assert(!uuid_equal(&first.id, &again.id));
}
END_TEST

START_TEST(a_sale_past_its_end_gets_a_fence_in_each_state_before_the_end)
{
    static const char *const states[] = {"upcoming", "open", "active"};
    char sale[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    sale_rows_new(
        sql,
        &(struct sale_rows_sale){.status = states[_i], .end_ms = second_ms(clock_now_ms()) - INT64_C(5) * SECOND_MS},
        sale);
    tap_sale(sale, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, SALE_COMMAND_FENCE);
    expect_only(tap, SALE_COMMAND_FENCE);
}
END_TEST

START_TEST(a_turn_and_a_reservation_are_ended_after_the_grace)
{
    bool turn = _i == 0;
    char sale[UUID_TEXT_SIZE];
    char order[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    int64_t due_ms = second_ms(clock_now_ms()) + INT64_C(2) * SECOND_MS;
    sale_rows_new(sql, &(struct sale_rows_sale){0}, sale);
    sale_rows_entry(sql, sale, 2, user, turn ? "turn" : "ordered", turn ? due_ms : due_ms - SECOND_MS);
    sale_rows_order(sql, sale, 3, other, turn ? "confirmed" : "reserved", turn ? due_ms - SECOND_MS : due_ms, order);
    tap_sale(sale, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, SALE_COMMAND_EXPIRE);
    ck_assert_int_ge(command.received_ms - command.refused_ms, due_ms);
    ck_assert_int_le(command.received_ms, clock_now_ms() - GRACE_MS);
}
END_TEST

/* The next one is not held back by the repetition interval of the one before. */
START_TEST(one_expire_follows_the_other_until_nothing_is_due)
{
    enum { TURNS = 12, EXPIRES_MAX = TURNS + 2 };
    char sale[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    int64_t due_ms = second_ms(clock_now_ms()) - INT64_C(3) * SECOND_MS;
    sale_rows_new(sql, &(struct sale_rows_sale){0}, sale);
    for (int seq = 1; seq <= TURNS; seq++) {
        listing_user(sql, user);
        sale_rows_entry(sql, sale, seq, user, "turn", due_ms);
    }
    tap_sale(sale, tap);
    for (int i = 0; i < TURNS; i++) {
        SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
        ck_assert_int_eq(command.kind, SALE_COMMAND_EXPIRE);
        run("UPDATE queue_entries SET status = 'expired' WHERE sale_id = $1::uuid AND seq ="
            " (SELECT min(seq) FROM queue_entries WHERE sale_id = $1::uuid AND status = $2)",
            sale, "turn");
    }
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM queue_entries WHERE status = 'turn'", NULL), 0);
    /* A cycle under way may have read it before; then nothing is left to be sent. */
    char next[UUID_TEXT_SIZE];
    char next_tap[QUEUES_NAME_SIZE];
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "upcoming"}, next);
    tap_sale(next, next_tap);
    for (int i = 0; i < 3; i++) {
        SUITE_WAIT(take_command(next_tap, &command), DEADLINE_MS);
    }
    while (take_command(tap, &command)) {
    }
    for (int i = 0; i < 2; i++) {
        SUITE_WAIT(take_command(next_tap, &command), DEADLINE_MS);
    }
    ck_assert(!take_command(tap, &command));
}
END_TEST

/* The rules have closed them, whatever the rows say. */
START_TEST(turns_of_a_sale_that_is_over_and_reservations_of_a_cancelled_one_are_left_out)
{
    static const struct {
        const char *status;
        bool turn;
        bool reservation;
    } cases[] = {
        {"ended", true, false}, {"sold_out", true, false}, {"settled", true, false}, {"cancelled", true, true}};
    char sale[UUID_TEXT_SIZE];
    char next[UUID_TEXT_SIZE];
    char order[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    char next_tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    int64_t due_ms = second_ms(clock_now_ms()) - INT64_C(3) * SECOND_MS;
    sale_rows_new(sql, &(struct sale_rows_sale){.status = cases[_i].status, .end_ms = due_ms}, sale);
    tap_sale(sale, tap);
    if (cases[_i].turn) {
        sale_rows_entry(sql, sale, 2, user, "turn", due_ms);
    }
    if (cases[_i].reservation) {
        sale_rows_order(sql, sale, 3, user, "reserved", due_ms, order);
    }
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "upcoming"}, next);
    tap_sale(next, next_tap);
    for (int i = 0; i < 3; i++) {
        SUITE_WAIT(take_command(next_tap, &command), DEADLINE_MS);
    }
    ck_assert(!take_command(tap, &command));
}
END_TEST

START_TEST(a_reservation_outlasts_its_ended_sale)
{
    char sale[UUID_TEXT_SIZE];
    char order[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    int64_t due_ms = second_ms(clock_now_ms()) - INT64_C(3) * SECOND_MS;
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "ended", .end_ms = due_ms - SECOND_MS}, sale);
    sale_rows_order(sql, sale, 3, user, "reserved", due_ms, order);
    tap_sale(sale, tap);
    SUITE_WAIT(take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, SALE_COMMAND_EXPIRE);
}
END_TEST

START_TEST(more_than_one_page_of_due_sales_gets_commands)
{
    enum { SALES = 300 };
    char first[UUID_TEXT_SIZE];
    char last[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    char last_tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "upcoming"}, first);
    for (int i = 1; i < SALES - 1; i++) {
        sale_rows_new(sql, &(struct sale_rows_sale){.status = "upcoming"}, last);
    }
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "upcoming"}, last);
    tap_sale(first, tap);
    tap_sale(last, last_tap);
    worker = program_start_ready("rostrum-endworker", config);
    SUITE_WAIT(take_kind(tap, SALE_COMMAND_START, &command), DEADLINE_MS);
    SUITE_WAIT(take_kind(last_tap, SALE_COMMAND_START, &command), DEADLINE_MS);
}
END_TEST

/*
 * The worker has no broker until the turn has run out by the grace. That time within the turn does not count: the
 * EXPIRE comes later by it, and says so.
 */
/* Takes the next event that a start is near, if there is one. */
static bool take_soon(const char *tap, struct sale_event *event)
{
    struct queues_message message;
    size_t count = 0;
    const char *reason = "";
    if (!queues_take(queues, tap, &message)) {
        return false;
    }
    ck_assert_msg(sale_message_read_events(message.body, message.length, event, 1, &count, &reason), "%s", reason);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(event->kind, SALE_EVENT_STARTING_SOON);
    free(message.body);
    return true;
}

START_TEST(the_start_of_an_open_sale_is_announced_once)
{
    char upcoming[UUID_TEXT_SIZE];
    char later[UUID_TEXT_SIZE];
    char soon[UUID_TEXT_SIZE];
    char announced[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_event event = {.kind = SALE_EVENT_NONE};
    int64_t start_ms = clock_now_ms() + INT64_C(1) * SOON_S * SECOND_MS / 2;
    int64_t later_ms = clock_now_ms() + INT64_C(3) * SOON_S * SECOND_MS;
    queues_tap(queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_SOON, tap);
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "upcoming", .join_ms = start_ms, .start_ms = start_ms},
                  upcoming);
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "open", .start_ms = later_ms}, later);
    sale_rows_new(sql, &(struct sale_rows_sale){.status = "open", .start_ms = start_ms}, soon);
    SUITE_WAIT(take_soon(tap, &event), DEADLINE_MS);
    uuid_format(&event.sale_id, announced);
    ck_assert_str_eq(announced, soon);
    ck_assert_int_eq(event.time_ms, start_ms);
    ck_assert_int_eq(sql_int(sql,
                             "SELECT count(*) FROM sale_fanouts WHERE kind = 'SALE_STARTING_SOON' AND NOT done"
                             " AND sale_id = $1::uuid",
                             soon, NULL),
                     1);
    /* The event of the second sale shows that a search has passed. */
    run("UPDATE flash_sales SET start_time = now() + make_interval(secs => $2::integer) WHERE id = $1::uuid", later,
        "50");
    SUITE_WAIT(take_soon(tap, &event), DEADLINE_MS);
    uuid_format(&event.sale_id, announced);
    ck_assert_str_eq(announced, later);
    ck_assert_int_eq(queues_depth(queues, tap), 0);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM sale_fanouts", NULL), 2);
}
END_TEST

START_TEST(time_without_a_broker_does_not_run_against_a_turn)
{
    static struct relay relay;
    char direct[RELAY_URL_SIZE];
    char relayed[RELAY_URL_SIZE];
    char sale[UUID_TEXT_SIZE];
    char tap[QUEUES_NAME_SIZE];
    struct sale_command command;
    struct event_base *base = event_base_new();
    ck_assert_ptr_nonnull(base);
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    relay = (struct relay){.base = base};
    (void)snprintf(direct, sizeof(direct), "%s", getenv("ROSTRUM_AMQP_URL"));
    relay_open_url(&relay, direct, relayed);
    int64_t due_ms = second_ms(clock_now_ms()) + INT64_C(2) * SECOND_MS;
    sale_rows_new(sql, &(struct sale_rows_sale){0}, sale);
    sale_rows_entry(sql, sale, 2, user, "turn", due_ms);
    tap_sale(sale, tap);
    ck_assert_int_eq(setenv("ROSTRUM_AMQP_URL", relayed, 1), 0);
    worker = program_start("rostrum-endworker", config);
    ck_assert_int_eq(setenv("ROSTRUM_AMQP_URL", direct, 1), 0);
    /* The loop of the relay does not run, so no connection is answered. */
    SUITE_WAIT(clock_now_ms() > due_ms + GRACE_MS, DEADLINE_MS);
    LOOP_UNTIL(base, take_command(tap, &command), DEADLINE_MS);
    ck_assert_int_eq(command.kind, SALE_COMMAND_EXPIRE);
    ck_assert_int_gt(command.refused_ms, 0);
    ck_assert_int_ge(command.received_ms - command.refused_ms, due_ms);
    ck_assert_int_eq(program_end(worker, SIGTERM), 0);
    relay_close(&relay);
    event_base_free(base);
    worker = program_start_ready("rostrum-endworker", config); /* for tear_down */
}
END_TEST

/* Appends the plan of the statement. */
static void read_plan(char plan[static PLAN_SIZE])
{
    static char statement[PLAN_SIZE];
    size_t used = 0;
    (void)snprintf(statement, sizeof(statement), "PREPARE due AS %s", statements_table[STATEMENT_DUE_SALES].sql);
    PQclear(sql_rows(sql, statement, NULL));
    PGresult *result = sql_rows(sql,
                                "EXPLAIN (COSTS OFF) EXECUTE due (now(), now(),"
                                " '00000000-0000-0000-0000-000000000000', '', 256)",
                                NULL);
    ck_assert_ptr_nonnull(result);
    plan[0] = '\0';
    for (int row = 0; row < PQntuples(result); row++) {
        used += (size_t)snprintf(plan + used, PLAN_SIZE - used, "%s\n", PQgetvalue(result, row, 0));
        ck_assert_uint_lt(used, PLAN_SIZE);
    }
    PQclear(result);
}

/* 2,000 sales that are over, and one with a history of 50,000 places and orders, a line, turns and reservations. */
START_TEST(the_search_reads_nothing_that_grows_with_history)
{
    static const char *const indexes[] = {"flash_sales_live", "queue_entries_turns", "orders_reserved"};
    static char plan[PLAN_SIZE];
    char sale[UUID_TEXT_SIZE];
    sale_rows_new(sql, &(struct sale_rows_sale){0}, sale);
    run("INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time, start_time,"
        " end_time, turn_s, reservation_s, payment, status, created_at, updated_at)"
        " SELECT gen_random_uuid(), product_id, created_by, price, quantity, per_user_limit, join_time, start_time,"
        " end_time, turn_s, reservation_s, payment, 'settled', created_at, updated_at"
        " FROM flash_sales, generate_series(1, 2000) WHERE id = $1::uuid AND payment = $2",
        sale, "none");
    run("INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, claim, status, turn_expires_at, joined_at)"
        " SELECT $1::uuid, i, gen_random_uuid(), gen_random_uuid(), 1, 0, CASE WHEN i <= 49000 THEN $2"
        " WHEN i <= 49100 THEN 'turn' ELSE 'waiting' END, now() + interval '1 hour', now()"
        " FROM generate_series(1, 50000) i",
        sale, "ordered");
    run("INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at, created_at,"
        " updated_at) SELECT gen_random_uuid(), $1::uuid, i, gen_random_uuid(), 1, 20,"
        " CASE WHEN i <= 49000 THEN $2 ELSE 'reserved' END, now() + interval '1 hour', now(), now()"
        " FROM generate_series(1, 50000) i",
        sale, "confirmed");
    PQclear(sql_rows(sql, "ANALYZE flash_sales, queue_entries, orders", NULL));
    read_plan(plan);
    ck_assert_msg(strstr(plan, "Seq Scan") == NULL, "%s", plan);
    for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
        ck_assert_msg(strstr(plan, indexes[i]) != NULL, "%s is not used:\n%s", indexes[i], plan);
    }
}
END_TEST

/* The cause of the sale's EXPIRE, by the statement of the end worker. */
static int64_t expire_cause(const char *sale)
{
    char execute[256];
    int64_t cause = -1;
    (void)snprintf(execute, sizeof execute, "EXECUTE due_sales ('2099-01-01', '2099-01-01', '%s', '', 256)", sale);
    PGresult *result = sql_rows(sql, execute, NULL);
    ck_assert_ptr_nonnull(result);
    for (int row = 0; row < PQntuples(result); row++) {
        if (strcmp(PQgetvalue(result, row, 0), sale) == 0 && strcmp(PQgetvalue(result, row, 1), "expire") == 0) {
            cause = strtoll(PQgetvalue(result, row, 2), NULL, 10);
        }
    }
    PQclear(result);
    ck_assert_int_ge(cause, 0);
    return cause;
}

/* An EXPIRE with the cause of the one before is held back as its repetition. */
START_TEST(a_turn_and_a_reservation_are_not_taken_for_a_later_reservation)
{
    enum { TURN = 2, FIRST = 3, LATER = TURN + FIRST };
    char sale[UUID_TEXT_SIZE];
    char order[UUID_TEXT_SIZE];
    char prepare[8192];
    int length =
        snprintf(prepare, sizeof prepare, "PREPARE due_sales AS %s", statements_table[STATEMENT_DUE_SALES].sql);
    ck_assert(length > 0 && (size_t)length < sizeof prepare);
    PQclear(sql_rows(sql, prepare, NULL));
    int64_t due_ms = second_ms(clock_now_ms()) + INT64_C(3600) * SECOND_MS;
    sale_rows_new(sql, &(struct sale_rows_sale){.end_ms = due_ms + SECOND_MS}, sale);
    sale_rows_entry(sql, sale, TURN, user, "turn", due_ms);
    sale_rows_order(sql, sale, FIRST, other, "reserved", due_ms, order);
    sale_rows_order(sql, sale, LATER, user, "reserved", due_ms, order);
    int64_t cause = expire_cause(sale);
    run("UPDATE queue_entries SET status = $2 WHERE sale_id = $1::uuid", sale, "expired");
    run("UPDATE orders SET status = $2 WHERE sale_id = $1::uuid AND seq = 3", sale, "expired");
    ck_assert_int_ne(expire_cause(sale), cause);
}
END_TEST

static Suite *endworker_sales_suite(void)
{
    Suite *suite = suite_create("endworker_sales");
    TCase *tests = tcase_create("endworker_sales");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_sale_is_opened_started_and_fenced_in_time);
    tcase_add_test(tests, a_sale_past_its_start_gets_starts_and_they_are_repeated);
    tcase_add_loop_test(tests, a_sale_past_its_end_gets_a_fence_in_each_state_before_the_end, 0, 3);
    tcase_add_loop_test(tests, a_turn_and_a_reservation_are_ended_after_the_grace, 0, 2);
    tcase_add_test(tests, one_expire_follows_the_other_until_nothing_is_due);
    tcase_add_loop_test(tests, turns_of_a_sale_that_is_over_and_reservations_of_a_cancelled_one_are_left_out, 0, 4);
    tcase_add_test(tests, a_reservation_outlasts_its_ended_sale);
    tcase_add_test(tests, more_than_one_page_of_due_sales_gets_commands);
    tcase_add_test(tests, the_start_of_an_open_sale_is_announced_once);
    tcase_add_test(tests, time_without_a_broker_does_not_run_against_a_turn);
    tcase_add_test(tests, a_turn_and_a_reservation_are_not_taken_for_a_later_reservation);
    tcase_add_test(tests, the_search_reads_nothing_that_grows_with_history);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(endworker_sales_suite());
}
