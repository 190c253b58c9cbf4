/*
 * `rostrumctl migrate` on a database of every earlier level of schema/, with what such a deployment held: it comes to
 * the newest level whether it goes there in one run or file by file, keeps its rows, replays, and has the structure of
 * a new deployment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"

#define SCHEMA "migrate_test"

enum { COMMAND_SIZE = 512, STRUCTURE_SIZE = 64 };

static struct sql *sql;
static char out[DEPLOYMENT_OUTPUT_SIZE];
static char newest[STRUCTURE_SIZE]; /* of a new deployment */
static int levels;                  /* files of schema/ */

/* What a file may change: tables, columns, their order apart, indexes, constraints and triggers. */
static void structure(char text[static STRUCTURE_SIZE])
{
    (void)snprintf(text, STRUCTURE_SIZE, "%s",
                   sql_text(sql,
                            "SELECT count(*) || ' ' || md5(string_agg(line, E'\n' ORDER BY line)) FROM ("
                            "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)"
                            " FROM information_schema.columns WHERE table_schema = current_schema()"
                            " UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"
                            " UNION ALL SELECT conrelid::regclass || conname || pg_get_constraintdef(oid)"
                            "  FROM pg_constraint WHERE connamespace = current_schema()::regnamespace"
                            " UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t"
                            "  JOIN pg_class c ON c.oid = t.tgrelid"
                            "  WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal)"
                            " AS everything (line)",
                            NULL));
}

static void set(void)
{
    sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    PQclear(sql_rows(sql, "SET client_min_messages = warning", NULL));
    PQclear(sql_rows(sql, "DROP SCHEMA " SCHEMA " CASCADE", NULL));
    PQclear(sql_rows(sql, "CREATE SCHEMA " SCHEMA, NULL));
}

static void strike(void)
{
    sql_close(sql);
}

/*
 * Only the first files, or all of them. After its files migrate sees to keys, and this one looks for them where the
 * newest level has them: what it then says of an earlier one is no matter here.
 */
static void migrate(int level)
{
    char script[COMMAND_SIZE];
    const char *build = getenv("BUILD");
    (void)snprintf(script, sizeof(script),
                   "folder=$(mktemp -d) && ls schema/*.sql | head -n %d | xargs cp -t \"$folder\" && "
                   "\"%s/bin/rostrumctl\" migrate --schema \"$folder\"; code=$?; rm -r \"$folder\"; exit $code",
                   level, build != NULL ? build : "build");
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    int code = deployment_run(argv, out, sizeof(out));
    ck_assert_msg(code == 0 || level < levels, "to level %d: exit code %d: %s", level, code, out);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM schema_migrations", NULL), level);
}

/* A seller, an auction with one bid, and that bidder's notice, in the words of the first level. */
static void live(void)
{
    PGresult *result = sql_rows(
        sql,
        "WITH people AS (INSERT INTO users (id, email, display_name, password_hash, created_at)"
        "  SELECT gen_random_uuid(), gen_random_uuid() || '@example.org', 'Ann', '', now()"
        "  FROM generate_series(1, 2) RETURNING id),"
        " ids AS (SELECT gen_random_uuid() AS auction, gen_random_uuid() AS bid, min(id::text)::uuid AS seller,"
        "  max(id::text)::uuid AS bidder FROM people),"
        " listed AS (INSERT INTO auctions (id, seller_id, title, category, starting_price, increments,"
        "  bid_increment, snipe_window_s, snipe_extension_s, start_time, original_end_time, end_time, status,"
        "  current_bid, minimum_bid, bid_count, leader_id, leader_max, leader_bid_id, ledger_seq, version,"
        "  created_at, updated_at)"
        "  SELECT auction, seller, 'A walnut chair', 'furniture', 10, '[{\"from\": 0, \"increment\": 1.00}]', 1,"
        "  0, 120, now() - interval '1 h', now() + interval '1 h', now() + interval '1 h', 'active', 10, 11, 1,"
        "  bidder, 10, bid, 1, 2, now() - interval '1 h', now() FROM ids),"
        " placed AS (INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, amount, received_at,"
        "  decided_at) SELECT auction, 1, bid, bidder, 'bid', 'accepted', 10, now(), now() FROM ids)"
        " INSERT INTO notifications (user_id, id, kind, auction_id, created_at)"
        " SELECT bidder, gen_random_uuid(), 'OUTBID', auction, now() FROM ids",
        NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

/* So many lived in it, and the newest programs find all of it in order. */
static void check(int lives)
{
    char reached[STRUCTURE_SIZE];
    structure(reached);
    ck_assert_str_eq(reached, newest);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM users", NULL), INT64_C(2) * lives);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM notifications", NULL), lives);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM bids b JOIN auctions a ON a.leader_bid_id = b.bid_id", NULL),
                     lives);
    int code = deployment_ctl(out, sizeof(out), "verify", NULL);
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
    /* What later levels make of earlier rows: search finds them by price and by their words. */
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM auction_prices WHERE price = 10", NULL), lives);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM search_words WHERE word = 'walnut'", NULL), lives > 0 ? 1 : 0);
}

START_TEST(every_level_comes_to_the_newest_at_once)
{
    int level = _i + 1;
    migrate(level);
    live();
    migrate(levels);
    check(1);
}
END_TEST

START_TEST(file_by_file_it_comes_there_too)
{
    for (int level = 1; level <= levels; level++) {
        migrate(level);
        live();
    }
    check(levels);
}
END_TEST

static Suite *migrate_suite(void)
{
    Suite *suite = suite_create("migrate");
    TCase *tcase = tcase_create("migrate");
    tcase_add_checked_fixture(tcase, set, strike);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, every_level_comes_to_the_newest_at_once, 0, levels);
    tcase_add_test(tcase, file_by_file_it_comes_there_too);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    tables_make(SCHEMA);
    sql = sql_open(deployment_pg_url());
    if (sql != NULL) {
        levels = (int)sql_int(sql, "SELECT count(*) FROM schema_migrations", NULL);
        structure(newest);
    }
    sql_close(sql);
    int code = suite_run(migrate_suite());
    tables_drop();
    return code;
}
