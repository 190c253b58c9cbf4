/*
 * See sale_rows.h.
 */
#include "tests/support/sale_rows.h"

#include <check.h>
#include <stdio.h>

#include "common/base/clock.h"

enum { HOUR_MS = 3600000, SQL_SIZE = 1024 };

static void new_id(char id[static UUID_TEXT_SIZE])
{
    struct uuid made = uuid_new();
    uuid_format(&made, id);
}

static void done(PGresult *result)
{
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static const char *time_of(int64_t ms, int64_t otherwise_ms, char out[static CLOCK_TEXT_SIZE])
{
    clock_format(ms == 0 ? otherwise_ms : ms, out);
    return out;
}

void sale_rows_new(struct sql *sql, const struct sale_rows_sale *sale, char id[static UUID_TEXT_SIZE])
{
    int64_t now_ms = clock_now_ms();
    char join[CLOCK_TEXT_SIZE];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    char product[UUID_TEXT_SIZE];
    char statement[SQL_SIZE];
    new_id(product);
    new_id(id);
    done(sql_rows(sql,
                  "INSERT INTO products (id, name, base_price, created_by, created_at, updated_at)"
                  " VALUES ($1::uuid, 'A lamp', 80, $1::uuid, now(), now())",
                  product, NULL));
    (void)snprintf(statement, sizeof(statement),
                   "INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time,"
                   " start_time, end_time, turn_s, reservation_s, payment, status, created_at, updated_at)"
                   " VALUES ('%s', '%s', '%s', 20, 100, 2, '%s', '%s', '%s', %d, %d, 'none', '%s', now(), now())",
                   id, product, product, time_of(sale->join_ms, now_ms - INT64_C(2) * HOUR_MS, join),
                   time_of(sale->start_ms, now_ms - HOUR_MS, start), time_of(sale->end_ms, now_ms + HOUR_MS, end),
                   SALE_ROWS_TURN_S, SALE_ROWS_RESERVATION_S, sale->status == NULL ? "active" : sale->status);
    done(sql_rows(sql, statement, NULL));
}

void sale_rows_entry(struct sql *sql, const char *sale, int seq, const char *user, const char *status,
                     int64_t expires_ms)
{
    char statement[SQL_SIZE];
    char expires[CLOCK_TEXT_SIZE] = "";
    if (expires_ms != 0) {
        clock_format(expires_ms, expires);
    }
    (void)snprintf(statement, sizeof(statement),
                   "INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, claim, status, turn_expires_at,"
                   " joined_at) VALUES ('%s', %d, gen_random_uuid(), '%s', 1, %d, '%s', nullif('%s', '')::timestamptz,"
                   " now())",
                   sale, seq, user, expires_ms == 0 ? 0 : 1, status, expires);
    done(sql_rows(sql, statement, NULL));
}

void sale_rows_order(struct sql *sql, const char *sale, int seq, const char *user, const char *status,
                     int64_t expires_ms, char id[static UUID_TEXT_SIZE])
{
    char statement[SQL_SIZE];
    char expires[CLOCK_TEXT_SIZE];
    new_id(id);
    clock_format(expires_ms, expires);
    (void)snprintf(statement, sizeof(statement),
                   "INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at,"
                   " created_at, updated_at) VALUES ('%s', '%s', %d, '%s', 1, 20, '%s', '%s', now(), now())",
                   id, sale, seq, user, status, expires);
    done(sql_rows(sql, statement, NULL));
}

void sale_rows_clear(struct sql *sql)
{
    done(sql_rows(sql,
                  "TRUNCATE products, flash_sales, queue_entries, sale_line_blocks, orders, sale_ledger, sale_terms,"
                  " refunds, sale_suspects, sale_fanouts CASCADE",
                  NULL));
}
