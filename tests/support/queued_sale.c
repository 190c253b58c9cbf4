/*
 * See queued_sale.h.
 */
#include "tests/support/queued_sale.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/topology.h"
#include "common/service/shards.h"
#include "tests/support/deployment.h"
#include "tests/support/suite.h"

enum { LEDGER_SIZE = 65536, NUMBER_SIZE = 24 };

struct queued_sale queued_sale;
static char ledger_text[LEDGER_SIZE];
static char state_text[SQL_TEXT_SIZE];

void queued_sale_set_up(void)
{
    queued_sale = (struct queued_sale){.sql = sql_open(deployment_pg_url())};
    ck_assert_ptr_nonnull(queued_sale.sql);
    queued_sale.queues = queues_open();
    queued_sale.shards = sql_shards(queued_sale.sql);
    ck_assert_int_eq(queued_sale_alive(), 0);
    queues_purge_shards(queued_sale.queues, queued_sale.shards);
}

void queued_sale_tear_down(void)
{
    for (int i = 0; i < QUEUED_SALE_WORKERS; i++) {
        if (queued_sale.pids[i] > 0) {
            (void)queued_sale_stop(i, SIGKILL);
        }
    }
    queues_close(queued_sale.queues);
    sql_close(queued_sale.sql);
}

void queued_sale_open(int64_t quantity, int64_t per_user_limit, enum sale_payment payment)
{
    char units[NUMBER_SIZE];
    char limit[NUMBER_SIZE];
    int64_t now_ms = clock_now_ms();
    queued_sale.id = uuid_new();
    uuid_format(&queued_sale.id, queued_sale.text);
    queued_sale.count = 0;
    queued_sale.published = 0;
    queued_sale.terms = (struct sale_terms){
        .price = 1000,
        .quantity = quantity,
        .per_user_limit = per_user_limit,
        .join_ms = now_ms - QUEUED_SALE_LIFE_MS,
        .start_ms = now_ms - QUEUED_SALE_LIFE_MS,
        .end_ms = now_ms + QUEUED_SALE_LIFE_MS,
        .turn_ms = 120000,
        .reservation_ms = 300000,
        .payment = payment,
    };
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    clock_format(queued_sale.terms.start_ms, start);
    clock_format(queued_sale.terms.end_ms, end);
    (void)snprintf(units, sizeof units, "%lld", (long long)quantity);
    (void)snprintf(limit, sizeof limit, "%lld", (long long)per_user_limit);
    PQclear(sql_rows(queued_sale.sql,
                     "INSERT INTO products (id, name, base_price, created_by, created_at, updated_at)"
                     " VALUES ($1::uuid, 'A lamp', 20, $1::uuid, now(), now()) RETURNING 1",
                     queued_sale.text, NULL));
    PQclear(sql_rows(queued_sale.sql,
                     "INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time,"
                     " start_time, end_time, turn_s, reservation_s, payment, created_at, updated_at)"
                     " VALUES ($1::uuid, $1::uuid, $1::uuid, 10, $2::bigint, 1, $3::timestamptz, $3::timestamptz,"
                     " $4::timestamptz, 120, 300, 'none', now(), now()) RETURNING 1",
                     queued_sale.text, units, start, end, NULL));
    PQclear(sql_rows(queued_sale.sql,
                     "UPDATE flash_sales SET per_user_limit = $2::bigint, payment = $3 WHERE id = $1::uuid RETURNING 1",
                     queued_sale.text, limit, sale_payment_text(payment), NULL));
}

struct uuid queued_sale_user(int number)
{
    struct uuid id = queued_sale.id;
    id.bytes[14] = (unsigned char)(number >> 8);
    id.bytes[15] = (unsigned char)number;
    id.bytes[0] ^= 0x80;
    return id;
}

struct sale_message_command *queued_sale_add(enum sale_command_kind kind, int user, int64_t quantity)
{
    struct sale_message_command *message = &queued_sale.commands[queued_sale.count];
    ck_assert_uint_lt(queued_sale.count, QUEUED_SALE_COMMANDS_MAX);
    *message = (struct sale_message_command){
        .sale_id = queued_sale.id,
        .command = {.kind = kind, .id = uuid_new(), .quantity = quantity, .received_ms = clock_now_ms()},
    };
    if (user != 0) {
        message->command.user_id = queued_sale_user(user);
    }
    queued_sale.count++;
    return message;
}

struct sale_message_command *queued_sale_about(enum sale_command_kind kind, int user,
                                               const struct sale_message_command *order)
{
    struct sale_message_command *message = queued_sale_add(kind, user, 0);
    message->command.order_id = order->command.id;
    return message;
}

void queued_sale_publish_text(const char *text, size_t length)
{
    char key[TOPOLOGY_KEY_SIZE];
    char exchange[TOPOLOGY_QUEUE_SIZE];
    topology_key(&topology_sales, &queued_sale.id, queued_sale.shards, key);
    topology_exchange(&topology_sales, &queued_sale.id, queued_sale.shards, exchange);
    queues_publish(queued_sale.queues, exchange, key, text, length);
}

void queued_sale_publish_again(size_t first, size_t count)
{
    size_t length = 0;
    struct jsonw *writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
    sale_message_write_commands(writer, &queued_sale.commands[first], count);
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    queued_sale_publish_text(text, length);
    jsonw_free(writer);
}

void queued_sale_publish(void)
{
    while (queued_sale.published < queued_sale.count) {
        size_t left = queued_sale.count - queued_sale.published;
        size_t part = left < SALE_MESSAGE_COMMANDS_MAX ? left : SALE_MESSAGE_COMMANDS_MAX;
        queued_sale_publish_again(queued_sale.published, part);
        queued_sale.published += part;
    }
}

void queued_sale_start(int index)
{
    ck_assert_int_eq(queued_sale.pids[index], 0);
    queued_sale.pids[index] = program_start("rostrum-saleworker", queued_sale.settings);
}

int queued_sale_stop(int index, int signal_number)
{
    pid_t pid = queued_sale.pids[index];
    ck_assert_int_gt(pid, 0);
    queued_sale.pids[index] = 0;
    return program_end(pid, signal_number);
}

int64_t queued_sale_alive(void)
{
    return sql_int(queued_sale.sql,
                   "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND"
                   " classid = " SHARDS_SALES_WORKER_CLASS_TEXT " AND granted AND database ="
                   " (SELECT oid FROM pg_database WHERE datname = current_database())",
                   NULL);
}

int64_t queued_sale_decided(void)
{
    return sql_int(queued_sale.sql,
                   "SELECT count(*) FROM sale_ledger WHERE sale_id = $1::uuid AND command_id IS NOT NULL",
                   queued_sale.text, NULL);
}

void queued_sale_wait(int64_t commands)
{
    SUITE_WAIT(queued_sale_decided() >= commands, QUEUED_SALE_DEADLINE_MS);
    ck_assert_int_eq(queued_sale_decided(), commands);
}

void queued_sale_decide(void)
{
    queued_sale_publish();
    queued_sale_wait((int64_t)queued_sale.count);
}

const char *queued_sale_ledger(void)
{
    size_t length = 0;
    ledger_text[0] = '\0';
    PGresult *rows = sql_rows(
        queued_sale.sql,
        "SELECT concat_ws(' ', kind, 'u' || get_byte(uuid_send(user_id), 14) * 256 + get_byte(uuid_send(user_id), 15),"
        " CASE WHEN kind <> 'turn' THEN status END, reason, CASE WHEN kind IN ('turn', 'expire') THEN 'x' || quantity"
        " END) FROM sale_ledger WHERE sale_id = $1::uuid ORDER BY seq",
        queued_sale.text, NULL);
    ck_assert_ptr_nonnull(rows);
    for (int i = 0; i < PQntuples(rows); i++) {
        int added = snprintf(ledger_text + length, sizeof ledger_text - length, "%s%s", i == 0 ? "" : "\n",
                             PQgetvalue(rows, i, 0));
        ck_assert(added > 0 && length + (size_t)added < sizeof ledger_text);
        length += (size_t)added;
    }
    PQclear(rows);
    return ledger_text;
}

const char *queued_sale_state(void)
{
    (void)snprintf(state_text, sizeof state_text, "%s",
                   sql_text(queued_sale.sql,
                            "SELECT concat_ws(' ', status, 'claimed', claimed, 'reserved', reserved, 'sold', sold,"
                            " 'waiting', waiting) FROM flash_sales WHERE id = $1::uuid",
                            queued_sale.text, NULL));
    return state_text;
}

const char *queued_sale_order(const struct sale_message_command *order)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&order->command.id, id);
    return sql_text(queued_sale.sql, "SELECT status || coalesce(' ' || reason, '') FROM orders WHERE id = $1::uuid", id,
                    NULL);
}

const char *queued_sale_place(int user)
{
    char id[UUID_TEXT_SIZE];
    struct uuid user_id = queued_sale_user(user);
    uuid_format(&user_id, id);
    return sql_text(queued_sale.sql,
                    "SELECT status FROM queue_entries WHERE sale_id = $1::uuid AND user_id = $2::uuid ORDER BY seq DESC"
                    " LIMIT 1",
                    queued_sale.text, id, NULL);
}

void queued_sale_verify(void)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int code = deployment_ctl(out, sizeof out, "verify", queued_sale.text, NULL);
    ck_assert_msg(code == 0, "verify: exit code %d: %s", code, out);
}
