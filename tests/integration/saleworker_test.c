/*
 * What rostrum-saleworker decides and writes, against real servers. Commands are published by hand. The expected rows
 * were worked out from the rules of flash sales; `rostrumctl verify` replays each ledger. The tests need a migrated
 * deployment without any other sale worker (deploy/private servers).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/io/redis.h"
#include "common/protocol/keys.h"
#include "common/protocol/topology.h"
#include "tests/support/deployment.h"
#include "tests/support/loop.h"
#include "tests/support/queued_sale.h"
#include "tests/support/redis_run.h"
#include "tests/support/suite.h"

enum { ANN = 1, BOB, CYD, DOT };
enum { TIMEOUT_S = 180 };

static struct sale_message_command *add(enum sale_command_kind kind, int user, int64_t quantity)
{
    return queued_sale_add(kind, user, quantity);
}

/* A payment callback about an order. */
static struct sale_message_command *pay(enum sale_command_kind kind, const struct sale_message_command *order,
                                        int64_t amount)
{
    struct sale_message_command *message = queued_sale_about(kind, 0, order);
    message->command.paid = true;
    message->command.amount = amount;
    (void)snprintf(message->reference, sizeof message->reference, "payment %zu", queued_sale.count);
    return message;
}

/* An EXPIRE that finds everything due, as if turn and reservation times had passed. */
static struct sale_message_command *expire_all(void)
{
    struct sale_message_command *message = add(SALE_COMMAND_EXPIRE, 0, 0);
    message->command.received_ms += 1000000;
    return message;
}

/* --- places, turns and orders --- */

START_TEST(the_line_is_served_in_order_and_orders_use_turns)
{
    queued_sale_open(2, 1, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    add(SALE_COMMAND_JOIN, ANN, 1);
    add(SALE_COMMAND_JOIN, BOB, 1);
    add(SALE_COMMAND_JOIN, CYD, 1);
    add(SALE_COMMAND_JOIN, DOT, 1);
    add(SALE_COMMAND_JOIN, ANN, 1);
    struct sale_message_command *early = add(SALE_COMMAND_ORDER, CYD, 1);
    struct sale_message_command *order = add(SALE_COMMAND_ORDER, ANN, 1);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_ledger(), "join u1 accepted\n"
                                           "turn u1 x1\n"
                                           "join u2 accepted\n"
                                           "turn u2 x1\n"
                                           "join u3 accepted\n"
                                           "join u4 accepted\n"
                                           "join u1 unchanged\n"
                                           "order u3 rejected NOT_YOUR_TURN\n"
                                           "order u1 accepted");
    ck_assert_str_eq(queued_sale_state(), "active claimed 1 reserved 1 sold 0 waiting 2");
    ck_assert_str_eq(queued_sale_order(early), "rejected NOT_YOUR_TURN");
    queued_sale_about(SALE_COMMAND_CONFIRM, ANN, order);
    add(SALE_COMMAND_LEAVE, BOB, 0);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_state(), "active claimed 1 reserved 0 sold 1 waiting 1");
    ck_assert_str_eq(queued_sale_order(order), "confirmed");
    ck_assert_str_eq(queued_sale_place(BOB), "left");
    ck_assert_str_eq(queued_sale_place(CYD), "turn");
    struct sale_message_command *last = add(SALE_COMMAND_ORDER, CYD, 1);
    queued_sale_about(SALE_COMMAND_CANCEL, CYD, last);
    struct sale_message_command *next = add(SALE_COMMAND_ORDER, DOT, 1);
    queued_sale_about(SALE_COMMAND_CONFIRM, DOT, next);
    add(SALE_COMMAND_JOIN, BOB, 1);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_state(), "sold_out claimed 0 reserved 0 sold 2 waiting 0");
    ck_assert_str_eq(queued_sale_order(last), "cancelled");
    queued_sale_verify();
}
END_TEST

START_TEST(what_is_due_expires_and_goes_to_the_next)
{
    queued_sale_open(2, 1, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    add(SALE_COMMAND_JOIN, ANN, 1);
    add(SALE_COMMAND_JOIN, BOB, 1);
    struct sale_message_command *order = add(SALE_COMMAND_ORDER, BOB, 1);
    add(SALE_COMMAND_JOIN, CYD, 1);
    add(SALE_COMMAND_JOIN, DOT, 1);
    queued_sale_decide();
    add(SALE_COMMAND_EXPIRE, 0, 0); /* nothing is due: dropped */
    expire_all();
    queued_sale_publish();
    queued_sale_wait((int64_t)queued_sale.count - 1);
    ck_assert_str_eq(queued_sale_place(ANN), "expired");
    ck_assert_str_eq(queued_sale_order(order), "expired");
    ck_assert_str_eq(queued_sale_place(CYD), "turn");
    ck_assert_str_eq(queued_sale_place(DOT), "turn");
    ck_assert_str_eq(queued_sale_state(), "active claimed 2 reserved 0 sold 0 waiting 0");
    queued_sale_verify();
}
END_TEST

START_TEST(a_fence_ends_the_sale_and_its_reservations_settle_it)
{
    queued_sale_open(3, 1, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    add(SALE_COMMAND_JOIN, ANN, 1);
    struct sale_message_command *order = add(SALE_COMMAND_ORDER, ANN, 1);
    add(SALE_COMMAND_JOIN, BOB, 1);
    add(SALE_COMMAND_FENCE, 0, 0)->command.received_ms = queued_sale.terms.end_ms;
    add(SALE_COMMAND_JOIN, CYD, 1);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_state(), "ended claimed 0 reserved 1 sold 0 waiting 0");
    queued_sale_about(SALE_COMMAND_CONFIRM, ANN, order);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_state(), "settled claimed 0 reserved 0 sold 1 waiting 0");
    ck_assert_str_eq(queued_sale_place(BOB), "turn"); /* counts as closed, and is not written */
}
END_TEST

/* Collects what is pushed to a user about a change that another command made. */
struct listener {
    struct redis *redis;
    char channel[KEYS_SIZE];
    size_t count;
    struct sale_message_decision last;
};

static void on_pushed(struct redis *redis, const char *channel, const char *bytes, size_t length, void *arg)
{
    struct listener *listener = arg;
    struct sale_message_decision decision;
    (void)redis;
    (void)channel;
    ck_assert(sale_message_read_decision(bytes, length, &decision));
    if (decision.kind == SALE_COMMAND_EXPIRE) { /* else it answers the user's own command */
        listener->last = decision;
        listener->count++;
    }
}

static void listen_to(struct listener *listener, struct event_base *base, int user)
{
    struct uuid id = queued_sale_user(user);
    const struct redis_options options = {.base = base,
                                          .url = getenv("ROSTRUM_REDIS_URL"),
                                          .timeout_ms = QUEUED_SALE_DEADLINE_MS,
                                          .pending_max = 1,
                                          .on_message = on_pushed,
                                          .arg = listener};
    keys_user_channel(&id, listener->channel);
    listener->redis = redis_new(&options);
    ck_assert_ptr_nonnull(listener->redis);
    ck_assert(redis_listen(listener->redis, listener->channel));
    LOOP_UNTIL(base, redis_up(listener->redis), QUEUED_SALE_DEADLINE_MS);
}

/* A gateway would also find each of them in PostgreSQL, a second later. */
START_TEST(turns_and_what_runs_out_are_pushed_to_their_users)
{
    static struct listener listeners[CYD];
    struct event_base *base = event_base_new();
    ck_assert_ptr_nonnull(base);
    queued_sale_open(2, 1, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    add(SALE_COMMAND_JOIN, ANN, 1);
    add(SALE_COMMAND_JOIN, BOB, 1);
    const struct sale_message_command *order = add(SALE_COMMAND_ORDER, BOB, 1);
    add(SALE_COMMAND_JOIN, CYD, 1);
    queued_sale_decide();
    for (int user = ANN; user <= CYD; user++) {
        listen_to(&listeners[user - 1], base, user);
    }
    expire_all();
    queued_sale_decide();
    for (int user = ANN; user <= CYD; user++) {
        LOOP_UNTIL(base, listeners[user - 1].count > 0, QUEUED_SALE_DEADLINE_MS);
        redis_free(listeners[user - 1].redis);
        ck_assert_uint_eq(listeners[user - 1].count, 1);
    }
    ck_assert_int_eq((int)listeners[ANN - 1].last.entry_status, SALE_ENTRY_EXPIRED);
    ck_assert_int_eq(listeners[ANN - 1].last.place, 1);
    ck_assert(uuid_equal(&listeners[BOB - 1].last.order_id, &order->command.id));
    ck_assert_int_eq((int)listeners[BOB - 1].last.order_status, SALE_ORDER_EXPIRED);
    ck_assert_int_eq((int)listeners[CYD - 1].last.entry_status, SALE_ENTRY_TURN);
    ck_assert_int_eq(listeners[CYD - 1].last.position, 0);
    ck_assert_int_gt(listeners[CYD - 1].last.turn_expires_ms, clock_now_ms());
    event_base_free(base);
}
END_TEST

/* --- changes by an admin --- */

START_TEST(an_update_stores_the_first_terms_and_needs_the_version)
{
    queued_sale_open(1, 1, SALE_PAYMENT_NONE);
    PQclear(sql_rows(queued_sale.sql,
                     "UPDATE flash_sales SET join_time = now() + interval '10 min', start_time = now() + interval '20"
                     " min' WHERE id = $1::uuid RETURNING 1",
                     queued_sale.text, NULL));
    struct sale_message_command *update = add(SALE_COMMAND_UPDATE, 0, 0);
    update->version = 1;
    struct sale_message_command *stale = add(SALE_COMMAND_UPDATE, 0, 0);
    stale->version = 1;
    add(SALE_COMMAND_UPDATE, 0, 0)->version = 2; /* its terms were not stored */
    char ids[2][UUID_TEXT_SIZE];
    uuid_format(&update->command.id, ids[0]);
    uuid_format(&stale->command.id, ids[1]);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        PQclear(sql_rows(queued_sale.sql,
                         "INSERT INTO sale_terms SELECT id, $2::uuid, 12.5, 7, 3, join_time, start_time, end_time, 60,"
                         " 90, 'callback', now() FROM flash_sales WHERE id = $1::uuid RETURNING 1",
                         queued_sale.text, ids[i], NULL));
    }
    queued_sale_start(0);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_ledger(), "update accepted\n"
                                           "update rejected VERSION_CONFLICT\n"
                                           "update rejected INTERNAL_ERROR");
    ck_assert_str_eq(sql_text(queued_sale.sql,
                              "SELECT concat_ws(' ', price, quantity, per_user_limit, turn_s, reservation_s, payment,"
                              " version) FROM flash_sales WHERE id = $1::uuid",
                              queued_sale.text, NULL),
                     "12.50 7 3 60 90 callback 2");
    ck_assert_int_eq(sql_int(queued_sale.sql,
                             "SELECT quantity FROM sale_terms WHERE sale_id = $1::uuid AND id = sale_id",
                             queued_sale.text, NULL),
                     1);
}
END_TEST

START_TEST(extend_close_and_abort_change_the_sale)
{
    queued_sale_open(3, 1, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    add(SALE_COMMAND_EXTEND, 0, 0)->command.end_ms = queued_sale.terms.end_ms + 1000;
    add(SALE_COMMAND_EXTEND, 0, 0)->command.end_ms = queued_sale.terms.end_ms;
    add(SALE_COMMAND_JOIN, ANN, 1);
    add(SALE_COMMAND_ORDER, ANN, 1);
    add(SALE_COMMAND_CLOSE, 0, 0);
    add(SALE_COMMAND_ABORT, 0, 0);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_ledger(), "extend accepted\n"
                                           "extend rejected END_NOT_LATER\n"
                                           "join u1 accepted\n"
                                           "turn u1 x1\n"
                                           "order u1 accepted\n"
                                           "close accepted\n"
                                           "abort rejected SALE_ENDED");
    ck_assert_str_eq(queued_sale_state(), "ended claimed 0 reserved 1 sold 0 waiting 0");
    queued_sale_verify();
    queued_sale_open(3, 1, SALE_PAYMENT_NONE);
    add(SALE_COMMAND_JOIN, ANN, 1);
    const struct sale_message_command *order = add(SALE_COMMAND_ORDER, ANN, 1);
    add(SALE_COMMAND_ABORT, 0, 0);
    queued_sale_about(SALE_COMMAND_CONFIRM, ANN, order);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_state(), "cancelled claimed 0 reserved 0 sold 0 waiting 0");
    queued_sale_verify();
}
END_TEST

/* --- payments --- */

START_TEST(payments_confirm_fail_and_are_due_back)
{
    queued_sale_open(2, 1, SALE_PAYMENT_CALLBACK);
    queued_sale_start(0);
    struct sale_message_command *paid = add(SALE_COMMAND_ORDER, ANN, 1);
    struct sale_message_command *failed = add(SALE_COMMAND_ORDER, BOB, 1);
    pay(SALE_COMMAND_CONFIRM, paid, 999);
    pay(SALE_COMMAND_CONFIRM, paid, 1000);
    pay(SALE_COMMAND_FAIL, failed, 1000);
    queued_sale_decide();
    struct sale_message_command *late = add(SALE_COMMAND_ORDER, CYD, 1);
    expire_all();
    struct sale_message_command *last = add(SALE_COMMAND_ORDER, DOT, 1);
    pay(SALE_COMMAND_CONFIRM, last, 1000);
    pay(SALE_COMMAND_CONFIRM, late, 1000);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_order(paid), "confirmed");
    ck_assert_str_eq(queued_sale_order(failed), "failed");
    ck_assert_str_eq(queued_sale_order(late), "refund_due");
    ck_assert_str_eq(queued_sale_order(last), "confirmed");
    ck_assert_str_eq(queued_sale_state(), "sold_out claimed 0 reserved 0 sold 2 waiting 0");
    ck_assert_str_eq(sql_text(queued_sale.sql,
                              "SELECT string_agg(amount::text || ' ' || reference, ', ' ORDER BY amount) FROM refunds"
                              " WHERE sale_id = $1::uuid",
                              queued_sale.text, NULL),
                     "9.99 payment 3, 10.00 payment 10");
    ck_assert_str_eq(sql_text(queued_sale.sql,
                              "SELECT string_agg(payment_ref, ', ' ORDER BY seq) FROM orders WHERE sale_id = $1::uuid",
                              queued_sale.text, NULL),
                     "payment 4, payment 10, payment 9");
    queued_sale_verify();
}
END_TEST

/* --- bans --- */

START_TEST(a_banned_user_neither_joins_nor_orders)
{
    char id[UUID_TEXT_SIZE];
    queued_sale_open(2, 1, SALE_PAYMENT_NONE);
    struct uuid banned = queued_sale_user(BOB);
    uuid_format(&banned, id);
    PQclear(sql_rows(queued_sale.sql,
                     "INSERT INTO users (id, email, display_name, password_hash, created_at, banned_at)"
                     " VALUES ($1::uuid, $1::text, 'somebody', 'none', now(), now()) RETURNING 1",
                     id, NULL));
    add(SALE_COMMAND_JOIN, ANN, 1);
    add(SALE_COMMAND_JOIN, BOB, 1);
    add(SALE_COMMAND_ORDER, BOB, 1);
    queued_sale_start(0);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_ledger(), "join u1 accepted\n"
                                           "turn u1 x1\n"
                                           "join u2 rejected USER_BANNED\n"
                                           "order u2 rejected USER_BANNED");
    queued_sale_verify();
}
END_TEST

/* --- many --- */

enum { MANY = 1300, LATER_MS = 2400000 };

/* 1,300 users wait for as many units of a sale that has not started. */
static void fill_line(void)
{
    queued_sale_open(MANY, 1, SALE_PAYMENT_NONE);
    PQclear(sql_rows(queued_sale.sql,
                     "UPDATE flash_sales SET start_time = now() + interval '30 min' WHERE id = $1::uuid RETURNING 1",
                     queued_sale.text, NULL));
    for (int user = 1; user <= MANY; user++) {
        add(SALE_COMMAND_JOIN, user, 1);
    }
    queued_sale_start(0);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_state(), "open claimed 0 reserved 0 sold 0 waiting 1300");
    ck_assert_int_eq(sql_int(queued_sale.sql,
                             "SELECT sum(waiting)::bigint FROM sale_line_blocks WHERE sale_id = $1::uuid",
                             queued_sale.text, NULL),
                     MANY);
}

/* The second START finds 1,300 places and units: three transactions grant the turns. */
START_TEST(more_turns_than_one_transaction_grants_are_granted_at_once)
{
    fill_line();
    add(SALE_COMMAND_START, 0, 0)->command.received_ms += LATER_MS;
    add(SALE_COMMAND_LEAVE, MANY, 0); /* behind all turns */
    queued_sale_decide();
    SUITE_WAIT(
        sql_int(queued_sale.sql, "SELECT waiting FROM flash_sales WHERE id = $1::uuid", queued_sale.text, NULL) == 0,
        QUEUED_SALE_DEADLINE_MS);
    ck_assert_str_eq(queued_sale_state(), "active claimed 1299 reserved 0 sold 0 waiting 0");
    ck_assert_int_eq(sql_int(queued_sale.sql,
                             "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid AND kind = 'turn'",
                             queued_sale.text, NULL),
                     MANY);
    ck_assert_int_eq(sql_int(queued_sale.sql,
                             "SELECT sum(waiting)::bigint FROM sale_line_blocks WHERE sale_id = $1::uuid",
                             queued_sale.text, NULL),
                     0);
    queued_sale_verify();
}
END_TEST

/* It has no place in a ledger, and three transactions decide its batch. */
START_TEST(a_command_without_an_id_is_dead_lettered_once_by_a_batch_of_several_transactions)
{
    static const char nameless[] = "{\"v\":1,\"commands\":[{\"k\":\"join\"}]}";
    char dead[QUEUES_NAME_SIZE];
    queues_tap(queued_sale.queues, TOPOLOGY_DEAD_EXCHANGE, TOPOLOGY_KEY_DEAD_SALES, dead);
    fill_line();
    ck_assert_int_eq(queued_sale_stop(0, SIGTERM), 0);
    queued_sale_publish_text(nameless, sizeof nameless - 1);
    add(SALE_COMMAND_START, 0, 0)->command.received_ms += LATER_MS;
    add(SALE_COMMAND_LEAVE, MANY, 0);
    queued_sale_start(0);
    queued_sale_decide();
    SUITE_WAIT(queues_depth(queued_sale.queues, dead) > 0, QUEUED_SALE_DEADLINE_MS);
    ck_assert_int_eq(queued_sale_stop(0, SIGTERM), 0); /* it publishes its outbox first */
    ck_assert_int_eq(queues_depth(queued_sale.queues, dead), 1);
    queues_purge(queued_sale.queues, TOPOLOGY_DEAD_QUEUE);
}
END_TEST

/* --- random commands --- */

/* Number of ledger rows whose hash is not that of their columns and of the row before; as docs/ledger.md describes it.
 */
static int64_t wrong_hashes(void)
{
    return sql_int(queued_sale.sql,
                   "WITH l AS (SELECT *, encode(lag(hash) OVER (ORDER BY seq), 'hex') AS before FROM sale_ledger"
                   " WHERE sale_id = $1::uuid) SELECT count(*) FROM l WHERE hash <> sha256(convert_to((SELECT"
                   " string_agg(coalesce(octet_length(v) || ':' || v || ',', '-,'), '' ORDER BY n) FROM unnest(ARRAY["
                   "'rostrum sale ledger 1', before, sale_id::text, seq::text, command_id::text, kind, status, reason,"
                   " paid::text, user_id::text, quantity::text, place::text, order_id::text, amount::text,"
                   " (extract(epoch FROM end_time) * 1000)::bigint::text, refused_ms::text,"
                   " (extract(epoch FROM received_at) * 1000)::bigint::text,"
                   " (extract(epoch FROM decided_at) * 1000)::bigint::text]) WITH ORDINALITY AS u (v, n)), 'UTF8'))",
                   queued_sale.text, NULL);
}

static void add_random(unsigned *seed)
{
    enum { USERS = 40, KINDS = 8 };
    int user = 1 + rand_r(seed) % USERS;
    size_t earlier = queued_sale.count;
    switch (rand_r(seed) % KINDS) {
    case 0:
    case 1:
    case 2:
        add(SALE_COMMAND_JOIN, user, 1 + rand_r(seed) % 3);
        return;
    case 3:
        add(SALE_COMMAND_LEAVE, user, 0);
        return;
    case 4:
    case 5:
        add(SALE_COMMAND_ORDER, user, 1 + rand_r(seed) % 2);
        return;
    case 6:
        if (rand_r(seed) % 10 == 0) {
            expire_all();
        }
        return;
    default:
        break;
    }
    for (size_t i = earlier; i > 0 && i + 50 > earlier; i--) {
        const struct sale_message_command *order = &queued_sale.commands[i - 1];
        if (order->command.kind == SALE_COMMAND_ORDER && rand_r(seed) % 2 == 0) {
            struct sale_message_command *about =
                queued_sale_about(rand_r(seed) % 4 == 0 ? SALE_COMMAND_CONFIRM : SALE_COMMAND_CANCEL, 0, order);
            about->command.user_id = order->command.user_id;
            return;
        }
    }
}

/* `rostrumctl verify` decides the ledger again, command by command, and compares every place, order and counter. */
START_TEST(random_commands_in_batches_are_decided_as_one_by_one)
{
    enum { COMMANDS = 3000, PART = 300 };
    unsigned seed = 20261122;
    queued_sale_open(40, 3, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    for (int i = 1; i <= COMMANDS; i++) {
        add_random(&seed);
        if (i % PART == 0) {
            queued_sale_publish();
        }
    }
    add(SALE_COMMAND_JOIN, 1, 1); /* the last: it always has a row */
    queued_sale_publish();
    char id[UUID_TEXT_SIZE];
    uuid_format(&queued_sale.commands[queued_sale.count - 1].command.id, id);
    SUITE_WAIT(sql_int(queued_sale.sql,
                       "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid AND command_id = $2::uuid",
                       queued_sale.text, id, NULL) == 1,
               QUEUED_SALE_DEADLINE_MS);
    ck_assert_int_eq(wrong_hashes(), 0);
    queued_sale_verify();
}
END_TEST

/* --- faults --- */

START_TEST(a_sale_whose_row_is_locked_waits_alone)
{
    char locked[UUID_TEXT_SIZE];
    struct sql *locker = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(locker);
    queued_sale_open(1, 1, SALE_PAYMENT_NONE);
    (void)snprintf(locked, sizeof locked, "%s", queued_sale.text);
    PQclear(sql_rows(locker, "BEGIN", NULL));
    PQclear(sql_rows(locker, "SELECT id FROM flash_sales WHERE id = $1::uuid FOR UPDATE", locked, NULL));
    add(SALE_COMMAND_JOIN, ANN, 1);
    queued_sale_publish();
    queued_sale_start(0);
    queued_sale_open(1, 1, SALE_PAYMENT_NONE);
    add(SALE_COMMAND_JOIN, BOB, 1);
    queued_sale_decide();
    ck_assert_int_eq(
        sql_int(queued_sale.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid", locked, NULL), 0);
    PQclear(sql_rows(locker, "COMMIT", NULL));
    SUITE_WAIT(sql_int(queued_sale.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid", locked, NULL) == 2,
               QUEUED_SALE_DEADLINE_MS);
    sql_close(locker);
}
END_TEST

/* Whether Redis has a snapshot of the sale. */
static bool has_snapshot(void)
{
    char pattern[UUID_TEXT_SIZE + 16];
    (void)snprintf(pattern, sizeof pattern, "sale:*{%s}", queued_sale.text);
    const char *const command[] = {"EVAL", "return #redis.call('KEYS', ARGV[1])", "0", pattern};
    return redis_number(ARRAY_LEN(command), command) == 1;
}

/* The worker that begins to serve a shard publishes what Redis may have lost. */
START_TEST(snapshots_are_published_and_published_again)
{
    static const char *const flush[] = {"FLUSHALL"};
    queued_sale_open(1, 1, SALE_PAYMENT_NONE);
    add(SALE_COMMAND_JOIN, ANN, 1);
    queued_sale_start(0);
    queued_sale_decide();
    ck_assert_int_eq(queued_sale_stop(0, SIGTERM), 0);
    ck_assert(has_snapshot());
    redis_run(ARRAY_LEN(flush), flush);
    queued_sale_start(0);
    SUITE_WAIT(has_snapshot(), QUEUED_SALE_DEADLINE_MS);
}
END_TEST

START_TEST(killed_workers_lose_no_command_and_decide_none_twice)
{
    enum { ROUNDS = 4, PART = 400 };
    queued_sale_open(200, 1, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    queued_sale_start(1);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 1; i <= PART; i++) {
            add(SALE_COMMAND_JOIN, round * PART + i, 1);
            add(i % 3 == 0 ? SALE_COMMAND_LEAVE : SALE_COMMAND_ORDER, round * PART + i, i % 3 == 0 ? 0 : 1);
        }
        size_t first = queued_sale.published;
        queued_sale_publish();
        queued_sale_publish_again(first, SALE_MESSAGE_COMMANDS_MAX); /* a repeated delivery */
        (void)queued_sale_stop(round % 2, SIGKILL);
        queued_sale_start(round % 2);
    }
    queued_sale_wait((int64_t)queued_sale.count);
    ck_assert_int_eq(sql_int(queued_sale.sql, "SELECT max(seq) - count(*) FROM sale_ledger WHERE sale_id = $1::uuid",
                             queued_sale.text, NULL),
                     0);
    queued_sale_verify();
    ck_assert_int_eq(queued_sale_stop(0, SIGTERM), 0);
    ck_assert_int_eq(queued_sale_stop(1, SIGTERM), 0);
}
END_TEST

START_TEST(an_unreadable_command_is_rejected_in_its_place)
{
    char text[512];
    char id[UUID_TEXT_SIZE];
    struct uuid unreadable = uuid_new();
    queued_sale_open(2, 1, SALE_PAYMENT_NONE);
    uuid_format(&unreadable, id);
    int length = snprintf(text, sizeof text, "{\"v\":1,\"commands\":[{\"k\":\"order\",\"i\":\"%s\",\"s\":\"%s\"}]}", id,
                          queued_sale.text);
    queued_sale_publish_text(text, (size_t)length);
    queued_sale_publish_text("no message", sizeof "no message" - 1);
    add(SALE_COMMAND_JOIN, ANN, 1);
    queued_sale_start(0);
    queued_sale_publish();
    queued_sale_wait(2);
    ck_assert_str_eq(queued_sale_ledger(), "order rejected INTERNAL_ERROR\njoin u1 accepted\nturn u1 x1");
    SUITE_WAIT(queues_depth(queued_sale.queues, TOPOLOGY_DEAD_QUEUE) >= 2, QUEUED_SALE_DEADLINE_MS);
    queues_purge(queued_sale.queues, TOPOLOGY_DEAD_QUEUE);
}
END_TEST

/* An unreadable payment has a member that a CONFIRM does not have: a version. */
START_TEST(the_money_of_a_payment_that_cannot_be_decided_goes_back)
{
    char text[512];
    char id[UUID_TEXT_SIZE];
    char order_id[UUID_TEXT_SIZE];
    struct uuid payment = uuid_new();
    queued_sale_open(1, 1, SALE_PAYMENT_CALLBACK);
    struct sale_message_command *order = add(SALE_COMMAND_ORDER, ANN, 1);
    queued_sale_start(0);
    queued_sale_decide();
    uuid_format(&payment, id);
    uuid_format(&order->command.id, order_id);
    int length = snprintf(text, sizeof text,
                          "{\"v\":1,\"commands\":[{\"k\":\"confirm\",\"i\":\"%s\",\"s\":\"%s\",\"o\":\"%s\",\"b\":true,"
                          "\"m\":1000,\"x\":\"payment\",\"r\":%" PRId64 ",\"n\":1}]}",
                          id, queued_sale.text, order_id, clock_now_ms());
    ck_assert_int_lt(length, (int)sizeof text);
    queued_sale_publish_text(text, (size_t)length);
    queued_sale_wait(2);
    ck_assert_str_eq(queued_sale_ledger(), "order u1 accepted\nconfirm u1 rejected INTERNAL_ERROR");
    ck_assert_str_eq(queued_sale_order(order), "reserved");
    ck_assert_str_eq(sql_text(queued_sale.sql,
                              "SELECT concat_ws(' ', r.amount, r.reference, o.user_id = r.user_id) FROM refunds r"
                              " JOIN orders o ON o.id = r.order_id WHERE r.sale_id = $1::uuid",
                              queued_sale.text, NULL),
                     "10.00 payment t");
    queued_sale_verify();
    PQclear(
        sql_rows(queued_sale.sql, "DELETE FROM refunds WHERE sale_id = $1::uuid RETURNING 1", queued_sale.text, NULL));
    static char out[DEPLOYMENT_OUTPUT_SIZE];
    ck_assert_int_ne(deployment_ctl(out, sizeof out, "verify", queued_sale.text, NULL), 0);
    ck_assert_msg(strstr(out, "its payment bought nothing, and no refund is kept") != NULL, "%s", out);
    SUITE_WAIT(queues_depth(queued_sale.queues, TOPOLOGY_DEAD_QUEUE) >= 1, QUEUED_SALE_DEADLINE_MS);
    queues_purge(queued_sale.queues, TOPOLOGY_DEAD_QUEUE);
}
END_TEST

START_TEST(an_unknown_sale_rejects_its_commands)
{
    queued_sale_open(1, 1, SALE_PAYMENT_NONE);
    PQclear(
        sql_rows(queued_sale.sql, "DELETE FROM flash_sales WHERE id = $1::uuid RETURNING 1", queued_sale.text, NULL));
    add(SALE_COMMAND_JOIN, ANN, 1);
    struct sale_message_command *order = add(SALE_COMMAND_ORDER, BOB, 1);
    queued_sale_start(0);
    queued_sale_decide();
    ck_assert_str_eq(queued_sale_ledger(), "join u1 rejected NOT_FOUND\norder u2 rejected NOT_FOUND");
    ck_assert_str_eq(queued_sale_order(order), "rejected NOT_FOUND");
}
END_TEST

/* The commands of a sale with inconsistent rows wait, without those of others, until the rows are repaired. */
START_TEST(inconsistent_rows_set_only_their_sale_aside)
{
    struct uuid broken;
    char broken_text[UUID_TEXT_SIZE];
    queued_sale_open(2, 1, SALE_PAYMENT_NONE);
    queued_sale_start(0);
    add(SALE_COMMAND_JOIN, ANN, 1);
    queued_sale_decide();
    broken = queued_sale.id;
    uuid_format(&broken, broken_text);
    PQclear(sql_rows(queued_sale.sql, "UPDATE flash_sales SET waiting = 5 WHERE id = $1::uuid RETURNING 1", broken_text,
                     NULL));
    add(SALE_COMMAND_JOIN, BOB, 1);
    queued_sale_publish();
    queued_sale_open(2, 1, SALE_PAYMENT_NONE);
    add(SALE_COMMAND_JOIN, CYD, 1);
    queued_sale_decide();
    ck_assert_int_eq(
        sql_int(queued_sale.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid", broken_text, NULL), 2);
    PQclear(sql_rows(queued_sale.sql, "UPDATE flash_sales SET waiting = 0 WHERE id = $1::uuid RETURNING 1", broken_text,
                     NULL));
    SUITE_WAIT(
        sql_int(queued_sale.sql, "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid", broken_text, NULL) == 4,
        QUEUED_SALE_DEADLINE_MS);
}
END_TEST

/* --- what other programs get --- */

START_TEST(events_go_to_the_notification_queue)
{
    struct queues_message message;
    char tap[QUEUES_NAME_SIZE];
    queues_tap(queued_sale.queues, TOPOLOGY_EVENTS_EXCHANGE, TOPOLOGY_KEY_SALE_BATCH, tap);
    queued_sale_open(1, 1, SALE_PAYMENT_NONE);
    add(SALE_COMMAND_JOIN, ANN, 1);
    struct sale_message_command *order = add(SALE_COMMAND_ORDER, ANN, 1);
    queued_sale_about(SALE_COMMAND_CONFIRM, ANN, order);
    queued_sale_start(0);
    queued_sale_decide();
    SUITE_WAIT(queues_depth(queued_sale.queues, tap) > 0, QUEUED_SALE_DEADLINE_MS);
    ck_assert(queues_take(queued_sale.queues, tap, &message));
    static struct sale_event events[SALE_MESSAGE_EVENTS_MAX];
    static const enum sale_event_kind kinds[] = {SALE_EVENT_OPENED,          SALE_EVENT_STARTED,
                                                 SALE_EVENT_TURN_STARTED,    SALE_EVENT_ORDER_RESERVED,
                                                 SALE_EVENT_ORDER_CONFIRMED, SALE_EVENT_SOLD_OUT};
    const char *reason = "";
    size_t count = 0;
    ck_assert_msg(sale_message_read_events(message.body, message.length, events, ARRAY_LEN(events), &count, &reason),
                  "%s: %s", reason, message.body);
    ck_assert_uint_eq(count, ARRAY_LEN(kinds));
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(events[i].kind, kinds[i]);
        ck_assert(uuid_equal(&events[i].sale_id, &queued_sale.id));
    }
    ck_assert(uuid_equal(&events[3].order_id, &order->command.id));
    ck_assert_int_eq(events[4].amount, 1000);
    free(message.body);
}
END_TEST

static Suite *saleworker_suite(void)
{
    const TTest *const tests[] = {
        the_line_is_served_in_order_and_orders_use_turns,
        what_is_due_expires_and_goes_to_the_next,
        turns_and_what_runs_out_are_pushed_to_their_users,
        a_fence_ends_the_sale_and_its_reservations_settle_it,
        an_update_stores_the_first_terms_and_needs_the_version,
        extend_close_and_abort_change_the_sale,
        payments_confirm_fail_and_are_due_back,
        a_banned_user_neither_joins_nor_orders,
        more_turns_than_one_transaction_grants_are_granted_at_once,
        a_command_without_an_id_is_dead_lettered_once_by_a_batch_of_several_transactions,
        random_commands_in_batches_are_decided_as_one_by_one,
        a_sale_whose_row_is_locked_waits_alone,
        snapshots_are_published_and_published_again,
        killed_workers_lose_no_command_and_decide_none_twice,
        an_unreadable_command_is_rejected_in_its_place,
        the_money_of_a_payment_that_cannot_be_decided_goes_back,
        an_unknown_sale_rejects_its_commands,
        inconsistent_rows_set_only_their_sale_aside,
        events_go_to_the_notification_queue,
    };
    Suite *suite = suite_create("saleworker");
    TCase *tcase = tcase_create("saleworker");
    tcase_set_timeout(tcase, TIMEOUT_S);
    tcase_add_checked_fixture(tcase, queued_sale_set_up, queued_sale_tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(saleworker_suite());
}
