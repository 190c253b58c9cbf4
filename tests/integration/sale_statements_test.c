/*
 * The statements that read products and flash sales, with generic plans as the gateway's connections may have them.
 * None reads the whole line of a sale, and a deep page reads no more rows than the first. The rows that a plan has read
 * are counted by EXPLAIN ANALYZE, with and without the planner's statistics.
 */
#include <stdio.h>

#include "gateway/account/export.h"
#include "gateway/live/positions.h"
#include "gateway/sale/position.h"
#include "gateway/sale/products.h"
#include "gateway/sale/sale_family.h"
#include "gateway/sale/sales.h"
#include "gateway/search/queries.h"
#include "saleworker/statements.h"
#include "tests/support/deployment.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"

#define SCHEMA   "sale_statements_test"
#define LINE     "00000000-0000-7000-8000-000000000001" /* the sale with the line */
#define LAST     "00000000-0000-7000-8000-000000000002" /* the user at its end */
#define COMMANDS "00000000-0000-7000-8001-"             /* the ids of joins: followed by 12 digits, the seq */
#define THING    "00000000-0000-7000-8000-000000000003" /* the product of all sales */
#define MANY     "00000000-0000-7000-8000-000000000004" /* a user with many orders */

enum { STATEMENT_SIZE = 8192 };

static struct sql *sql;

static void run(const char *text)
{
    PGresult *result = sql_rows(sql, text, NULL);
    ck_assert_msg(result != NULL, "%s", text);
    PQclear(result);
}

/* 20,000 places wait, of which the last is LAST's; 3,000 products and sales, one a second. */
static void fill(void)
{
    run("INSERT INTO products (id, name, category, base_price, created_by, created_at, updated_at)"
        " SELECT CASE i WHEN 0 THEN '" THING "' ELSE gen_random_uuid() END,"
        "  CASE WHEN i % 500 = 1 THEN 'A brass lamp' ELSE 'A chair' END, 'many', 1, '" LAST "',"
        "  '2026-01-01'::timestamptz + i * interval '1 s', now() FROM generate_series(0, 2999) i");
    run("INSERT INTO flash_sales (id, product_id, created_by, price, quantity, per_user_limit, join_time, start_time,"
        "  end_time, turn_s, reservation_s, payment, status, waiting, head_seq, created_at, updated_at)"
        " SELECT CASE i WHEN 0 THEN '" LINE "' ELSE gen_random_uuid() END, '" THING "', '" LAST "', 1, 100, 1,"
        "  t, t, t + interval '1 h', 120, 300, 'none', CASE WHEN i % 2 = 0 THEN 'active' ELSE 'settled' END,"
        "  CASE i WHEN 0 THEN 20000 ELSE 0 END, 1, t, now()"
        " FROM generate_series(0, 2999) i, LATERAL (SELECT '2026-01-01'::timestamptz + i * interval '1 s') x (t)");
    /* All others have ended months ago. */
    run("UPDATE flash_sales SET end_time = now() + interval '1 h' WHERE id IN (SELECT id FROM flash_sales"
        "  WHERE id <> '" LINE "' ORDER BY start_time LIMIT 40)");
    run("INSERT INTO queue_entries (sale_id, seq, id, user_id, wanted, status, joined_at)"
        " SELECT '" LINE "', i, gen_random_uuid(), CASE i WHEN 20000 THEN '" LAST "' ELSE gen_random_uuid() END, 1,"
        "  'waiting', now() FROM generate_series(1, 20000) i");
    run("INSERT INTO sale_ledger (sale_id, seq, command_id, kind, status, user_id, quantity, place, received_at,"
        "  decided_at, hash, hash_version) SELECT sale_id, seq, ('" COMMANDS "' || lpad(seq::text, 12, '0'))::uuid,"
        "  'join', 'accepted', user_id, 1, seq, now(), now(), '', 1 FROM queue_entries");
    run("INSERT INTO sale_line_blocks (sale_id, block, waiting)"
        " SELECT sale_id, seq >> 8, count(*) FROM queue_entries GROUP BY 1, 2");
    run("INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at, created_at,"
        "  updated_at) SELECT gen_random_uuid(), '" LINE "', 30000 + i, CASE i WHEN 7 THEN '" LAST "'"
        "  ELSE gen_random_uuid() END, 1, 1, 'confirmed', now(), now(), now() FROM generate_series(1, 5000) i");
    run("INSERT INTO orders (id, sale_id, seq, user_id, quantity, total_price, status, expires_at, created_at,"
        "  updated_at) SELECT gen_random_uuid(), '" THING "', i, '" MANY "', 1, 1, 'cancelled', now(),"
        "  '2026-01-01'::timestamptz + i * interval '1 s', now() FROM generate_series(1, 3000) i");
    run("INSERT INTO refunds (id, sale_id, order_id, user_id, amount, reference, created_at)"
        " SELECT gen_random_uuid(), sale_id, id, user_id, 1, 'pay', now() FROM orders");
    /* The rows that the scans of a plan have returned or filtered out. */
    run("CREATE FUNCTION rows_read(statement text) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE plan jsonb; BEGIN"
        " EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || statement INTO plan;"
        " RETURN (SELECT sum((n->>'Actual Loops')::numeric * ((n->>'Actual Rows')::numeric"
        "   + coalesce((n->>'Rows Removed by Filter')::numeric, 0)"
        "   + coalesce((n->>'Rows Removed by Index Recheck')::numeric, 0)))"
        "  FROM jsonb_path_query(plan, 'strict $.** ? (@.\"Node Type\" like_regex \"Scan\")') n); END $$");
}

static void open_tables(void)
{
    sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    fill();
    run("SET plan_cache_mode = force_generic_plan");
}

static void close_tables(void)
{
    sql_close(sql);
}

/*
 * The first ones read the line. They must not do so before the planner has statistics of it either: a line is longest
 * minutes after its first place.
 */
enum { CASES_OF_LINES = 5 };
static const struct {
    const struct statements *of;
    const char *name;
    const char *arguments;
    int most; /* rows */
} cases[] = {
    {&position_statements, "position_get", "'" LINE "', '" LAST "'", 500},
    {&positions_statements, "positions_read", "'{" LINE "}', '{" LAST "}'", 520},
    {&sale_family_statements, "sale_decision",
     "'{" LINE "," LINE "," LINE "}', '{" COMMANDS "000000000001," COMMANDS "000000020000," LAST "}'", 500},
    {&sales_statements, "sale_get", "'" LINE "'", 10},
    {&sales_statements, "sale_get_for", "'" LINE "', '" LAST "'", 500},
    {&sales_statements, "sale_newest", "NULL, NULL, 21", 100},
    {&sales_statements, "sale_newest", "'2026-01-01T00:10:00Z', '" LINE "', 21", 100},
    {&sales_statements, "sale_newest_of_product", "NULL, NULL, 21, '" THING "', NULL", 100},
    {&sales_statements, "sale_newest_of_product", "'2026-01-01T00:10:00Z', '" LINE "', 21, '" THING "', NULL", 100},
    {&sales_statements, "sale_newest_of_product", "NULL, NULL, 21, '" THING "', 'settled'", 120},
    {&sales_statements, "sale_starting", "NULL, NULL, 21, 'active'", 150},
    {&sales_statements, "sale_starting", "'2026-01-01T00:40:00Z', '" LINE "', 21, 'active,settled,open'", 200},
    /* 1767226200000: ten minutes after the first row. */
    {&export_statements, "export_queue_entries", "'" LAST "', NULL, '" LINE "', 21", 10},
    {&export_statements, "export_orders", "'" MANY "', NULL, '" LINE "', 21", 70},
    {&export_statements, "export_orders", "'" MANY "', 1767226200000, '" LINE "', 21", 70},
    {&products_statements, "product_get", "'" THING "'", 10},
    {&products_statements, "product_newest", "NULL, NULL, 21", 100},
    {&products_statements, "product_newest", "'2026-01-01T00:10:00Z', '" THING "', 21", 100},
    {&products_statements, "product_of_category", "NULL, NULL, 21, 'many'", 100},
    {&products_statements, "product_of_category", "'2026-01-01T00:10:00Z', '" THING "', 21, 'many'", 100},
};

static const char *sql_of(const struct statements *of, const char *name)
{
    for (size_t i = 0; i < of->count; i++) {
        if (strcmp(of->list[i].name, name) == 0) {
            return of->list[i].sql;
        }
    }
    ck_abort_msg("there is no statement %s", name);
}

static void check_case(const char *name, const char *statement, const char *arguments, int most, const char *when)
{
    char text[STATEMENT_SIZE];
    (void)snprintf(text, sizeof(text), "PREPARE %s AS %s", name, statement);
    run(text);
    (void)snprintf(text, sizeof(text), "EXECUTE %s(%s)", name, arguments);
    PGresult *result = sql_rows(sql, text, NULL);
    ck_assert_ptr_nonnull(result);
    ck_assert_msg(PQntuples(result) > 0, "%s returns nothing", text);
    PQclear(result);
    int64_t read = sql_int(sql, "SELECT rows_read($1)", text, NULL);
    ck_assert_msg(read > 0 && read <= most, "%s reads %lld rows %s; at most %d are allowed", text, (long long)read,
                  when, most);
    (void)snprintf(text, sizeof(text), "DEALLOCATE %s", name);
    run(text);
}

static void check_cases(size_t count, const char *when)
{
    for (size_t i = 0; i < count; i++) {
        check_case(cases[i].name, sql_of(cases[i].of, cases[i].name), cases[i].arguments, cases[i].most, when);
    }
}

START_TEST(no_statement_reads_a_whole_line_or_the_pages_before)
{
    check_cases(CASES_OF_LINES, "without statistics");
    run("ANALYZE");
    check_cases(ARRAY_LEN(cases), "with statistics");
    const char *position = "EXECUTE exact('" LINE "', '" LAST "')";
    char text[STATEMENT_SIZE];
    (void)snprintf(text, sizeof(text), "PREPARE exact AS %s", sql_of(&position_statements, "position_get"));
    run(text);
    PGresult *result = sql_rows(sql, position, NULL);
    ck_assert_ptr_nonnull(result);
    ck_assert_str_eq(PQgetvalue(result, 0, POSITION_POSITION), "20000");
    PQclear(result);
}
END_TEST

/* The settings of connections that search: "-c name=value ...". */
static void set_for_searches(void)
{
    static const char settings[] = QUERIES_SETTINGS;
    char text[STATEMENT_SIZE];
    char name[64];
    char value[64];
    int length = 0;
    for (const char *at = settings; sscanf(at, " -c %63[^=]=%63s%n", name, value, &length) == 2; at += length) {
        (void)snprintf(text, sizeof(text), "SET %s = %s", name, value);
        run(text);
    }
}

/* A frequent word is read in the order of the list, a rare one by the index of words: never all of either. */
START_TEST(a_search_of_products_reads_its_page)
{
    static const char *const arguments[] = {
        "NULL, NULL, 21, 'lamps', NULL",
        "'2026-01-01T00:30:00Z', '" THING "', 21, 'lamps', 'many'",
        "NULL, NULL, 21, 'chairs', NULL",
        "NULL, NULL, 21, 'chairs', 'many'",
        "'2026-01-01T00:30:00Z', '" THING "', 21, 'chairs', NULL",
    };
    set_for_searches();
    run("ANALYZE");
    for (size_t i = 0; i < ARRAY_LEN(arguments); i++) {
        check_case("products", queries_all[QUERIES_PRODUCTS].sql, arguments[i], 100, "of a search");
    }
}
END_TEST

/* The pass of a sale worker that begins to serve a shard. */
START_TEST(snapshots_are_read_only_of_sales_that_may_change)
{
    static const char *const pages[] = {"EXECUTE changed(30, 3600, '" LINE "', now() - interval '8 days')",
                                        "EXECUTE changed(30, 3600, '" LINE "', now() + interval '2 h')"};
    char text[STATEMENT_SIZE];
    (void)snprintf(text, sizeof(text), "PREPARE changed AS %s", statements_all[STATEMENT_CHANGED].sql);
    run(text);
    PGresult *result = sql_rows(sql, pages[0], NULL);
    ck_assert_ptr_nonnull(result);
    ck_assert_int_eq(PQntuples(result), 30);
    PQclear(result);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        int64_t read = sql_int(sql, "SELECT rows_read($1)", pages[i], NULL);
        ck_assert_msg(read <= 30, "%s reads %lld rows", pages[i], (long long)read);
    }
}
END_TEST

int main(void)
{
    tables_make(SCHEMA);
    Suite *suite = suite_create("sale statements");
    TCase *everything = tcase_create("sale statements");
    tcase_set_timeout(everything, 120);
    tcase_add_unchecked_fixture(everything, open_tables, close_tables);
    tcase_add_test(everything, snapshots_are_read_only_of_sales_that_may_change);
    tcase_add_test(everything, no_statement_reads_a_whole_line_or_the_pages_before);
    tcase_add_test(everything, a_search_of_products_reads_its_page);
    suite_add_tcase(suite, everything);
    int status = suite_run(suite);
    tables_drop();
    return status;
}
