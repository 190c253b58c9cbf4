/*
 * See published_sale.h.
 */
#include "tests/support/published_sale.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "tests/support/client.h"
#include "tests/support/deployment.h"
#include "tests/support/fixture.h"
#include "tests/support/redis_run.h"

enum { QUANTITY = 100, HOUR_MS = 3600000, BLOCK = 256 };

static void run_sql(const char *statement)
{
    PGresult *result = sql_rows(fixture.sql, statement, NULL);
    ck_assert_msg(result != NULL, "%s", statement);
    PQclear(result);
}

void published_sale_make(struct published_sale *sale)
{
    int64_t now = clock_now_ms() / 1000 * 1000;
    char product[UUID_TEXT_SIZE];
    struct uuid product_id = uuid_new();
    *sale = (struct published_sale){
        .now = {.sale_id = uuid_new(),
                .version = 1,
                .status = SALE_ACTIVE,
                .quantity = QUANTITY,
                .join_ms = now - HOUR_MS,
                .start_ms = now - HOUR_MS / 2,
                .end_ms = now + HOUR_MS},
        .seq = 1000,
    };
    uuid_format(&product_id, product);
    uuid_format(&sale->now.sale_id, sale->id);
    run_sql(client_format("INSERT INTO products (id, name, base_price, created_by, created_at, updated_at)"
                          " VALUES ('%s', 'A lamp', 30, '%s', now(), now())",
                          product, fixture.seller.id));
    run_sql(
        client_format("INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time,"
                      " start_time, end_time, turn_s, reservation_s, payment, status, created_at, updated_at)"
                      " VALUES ('%s', '%s', '%s', 20, %d, 2, to_timestamp(%" PRId64 "), to_timestamp(%" PRId64
                      "), to_timestamp(%" PRId64 "), 120, 300, 'none', 'active', now(), now())",
                      sale->id, product, fixture.seller.id, QUANTITY, sale->now.join_ms / 1000,
                      sale->now.start_ms / 1000, sale->now.end_ms / 1000));
    sale->now.version = 2;
}

static void count_waiting(struct published_sale *sale, int64_t seq, int change)
{
    sale->now.waiting += change;
    run_sql(client_format("INSERT INTO sale_line_blocks (sale_id, block, waiting) VALUES ('%s', %" PRId64 ", 1)"
                          " ON CONFLICT (sale_id, block) DO UPDATE SET waiting = sale_line_blocks.waiting + %d",
                          sale->id, seq / BLOCK, change));
}

int64_t published_sale_join(struct published_sale *sale, const char *user)
{
    char id[UUID_TEXT_SIZE];
    struct uuid entry = uuid_new();
    int64_t seq = sale->seq += 100; /* several blocks are soon reached */
    uuid_format(&entry, id);
    run_sql(client_format("INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, status, joined_at)"
                          " VALUES ('%s', %" PRId64 ", '%s', '%s', 1, 'waiting', now())",
                          sale->id, seq, id, user));
    count_waiting(sale, seq, 1);
    return seq;
}

void published_sale_turn(struct published_sale *sale, int64_t seq, int64_t expires_ms)
{
    run_sql(client_format("UPDATE queue_entries SET status = 'turn', claim = 1, turn_expires_at = to_timestamp(%" PRId64
                          " / 1000.0) WHERE sale_id = '%s' AND seq = %" PRId64,
                          expires_ms, sale->id, seq));
    count_waiting(sale, seq, -1);
    sale->now.granted++;
    sale->now.claimed++;
}

void published_sale_leave(struct published_sale *sale, int64_t seq)
{
    run_sql(client_format("UPDATE queue_entries SET status = 'left' WHERE sale_id = '%s' AND seq = %" PRId64, sale->id,
                          seq));
    count_waiting(sale, seq, -1);
    sale_live_add_gone(&sale->now, seq);
}

static void publish(const char *channel, const char *text)
{
    const char *const command[] = {"PUBLISH", channel, text};
    redis_run(ARRAY_LEN(command), command);
}

void published_sale_say(const struct published_sale *sale, const char *text)
{
    char channel[KEYS_SIZE];
    keys_live_channel(&sale->now.sale_id, channel);
    publish(channel, text);
}

void published_sale_commit(struct published_sale *sale, bool lost)
{
    struct jsonw *json = jsonw_new();
    sale->now.head_seq = sql_int(fixture.sql,
                                 "SELECT coalesce(min(seq), $2::bigint) FROM queue_entries"
                                 " WHERE sale_id = $1 AND status = 'waiting'",
                                 sale->id, client_format("%" PRId64, sale->seq + 1), NULL);
    sale->now.at_ms = clock_now_ms();
    run_sql(client_format("UPDATE flash_sales SET version = %" PRId64 ", status = '%s', claimed = %" PRId64
                          ", reserved = %" PRId64 ", sold = %" PRId64 ", waiting = %" PRId64 ", head_seq = %" PRId64
                          ", end_time = to_timestamp(%" PRId64 ") WHERE id = '%s'",
                          sale->now.version, sale_status_text(sale->now.status), sale->now.claimed, sale->now.reserved,
                          sale->now.sold, sale->now.waiting, sale->now.head_seq, sale->now.end_ms / 1000, sale->id));
    ck_assert_ptr_nonnull(json);
    sale_live_write(json, &sale->now);
    if (!lost) {
        published_sale_say(sale, jsonw_text(json, NULL));
    }
    jsonw_free(json);
    sale->now.version++;
    sale->now.granted = 0;
    sale->now.gone_count = 0;
    sale->now.look = false;
}

static bool gateways_have(int64_t sessions, const char *since)
{
    return sql_int(fixture.sql,
                   "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                   " AND application_name LIKE 'rostrum-gateway%' AND backend_start >= $1::timestamptz",
                   since, NULL) >= sessions;
}

/* The gateways read the epoch anew. Returns once each lost session has another one in its place. */
static void begin_epoch(int change)
{
    run_sql(client_format("UPDATE data_timeline SET epoch = epoch + %d", change));
    char *since = strdup(sql_text(fixture.sql, "SELECT clock_timestamp()", NULL));
    ck_assert_ptr_nonnull(since);
    int64_t ended = sql_int(fixture.sql,
                            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                            " WHERE datname = current_database() AND application_name LIKE 'rostrum-gateway%'",
                            NULL);
    SUITE_WAIT(gateways_have(ended, since), DEPLOYMENT_READY_MS);
    SUITE_WAIT(deployment_all_ready(), DEPLOYMENT_READY_MS);
    free(since);
}

void published_sale_restore(struct published_sale *sale, int64_t seq)
{
    run_sql(client_format("UPDATE queue_entries SET status = 'waiting' WHERE sale_id = '%s' AND seq = %" PRId64,
                          sale->id, seq));
    count_waiting(sale, seq, 1);
    sale->now.version--;
    run_sql(client_format("UPDATE flash_sales SET version = %" PRId64 ", waiting = %" PRId64 ", head_seq = %" PRId64
                          " WHERE id = '%s'",
                          sale->now.version - 1, sale->now.waiting, seq, sale->id));
    begin_epoch(1);
}

void published_sale_end_restore(void)
{
    begin_epoch(-1);
}

void published_sale_decide(const struct published_sale *sale, const char *user, struct sale_message_decision decision)
{
    char channel[KEYS_SIZE];
    struct jsonw *json = jsonw_new();
    ck_assert_ptr_nonnull(json);
    ck_assert(uuid_parse(user, strlen(user), &decision.user_id));
    decision.sale_id = sale->now.sale_id;
    decision.id = uuid_new();
    decision.received_ms = clock_now_ms();
    decision.decided_ms = clock_now_ms();
    sale_message_write_decision(json, &decision);
    keys_user_channel(&decision.user_id, channel);
    publish(channel, jsonw_text(json, NULL));
    jsonw_free(json);
}

const char *published_sale_user(void)
{
    struct uuid id = uuid_new();
    static char text[UUID_TEXT_SIZE];
    uuid_format(&id, text);
    return text;
}

const struct json *published_sale_position(const struct published_sale *sale, struct websocket *socket,
                                           int64_t position)
{
    const struct json *message = live_receive(socket, "queue:position-update");
    live_expect(message, "flashSaleId", sale->id);
    live_expect(message, "status", "waiting");
    live_expect_number(message, "position", position);
    return message;
}

void published_sale_await_position(struct websocket *socket, int64_t position)
{
    const struct json *message = NULL;
    int64_t found = INT64_MAX;
    do {
        message = live_receive(socket, "queue:position-update");
        live_expect(message, "status", "waiting");
        int64_t next = strtoll(websocket_text(message, "position"), NULL, 10);
        ck_assert_int_lt(next, found);
        found = next;
    } while (found > position);
    ck_assert_int_eq(found, position);
}
