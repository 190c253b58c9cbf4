/*
 * Schema 0008 on a deployment whose sellers made up their items' ids: each id becomes an item of who sold it last.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/deployment.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"

#define SCHEMA "items_migration_test"
#define ITEM   "01890000-0000-7000-8000-00000000000"

enum { BEFORE = 7, COMMAND_SIZE = 512 };

static struct sql *sql;
static char out[DEPLOYMENT_OUTPUT_SIZE];

/* With the first `files` files of schema/ alone. */
static void migrate(int files)
{
    char script[COMMAND_SIZE];
    const char *build = getenv("BUILD");
    (void)snprintf(script, sizeof(script),
                   "folder=$(mktemp -d) && ls schema/*.sql | head -n %d | xargs cp -t \"$folder\" && "
                   "\"%s/bin/rostrumctl\" migrate --schema \"$folder\"; code=$?; rm -r \"$folder\"; exit $code",
                   files, build != NULL ? build : "build");
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    int code = deployment_run(argv, out, sizeof(out));
    ck_assert_msg(code == 0, "exit code %d: %s", code, out);
}

static void run(const char *text)
{
    PGresult *result = sql_rows(sql, text, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

START_TEST(each_made_up_id_becomes_an_item_of_who_sold_it_last)
{
    run("SET client_min_messages = warning");
    run("DROP SCHEMA " SCHEMA " CASCADE");
    run("CREATE SCHEMA " SCHEMA);
    migrate(BEFORE);
    run("INSERT INTO users (id, email, display_name, password_hash, created_at)"
        " SELECT gen_random_uuid(), name || '@example.org', name, '', now() FROM unnest('{ann,bob}'::text[]) name");
    run("INSERT INTO auctions (id, seller_id, item_id, title, starting_price, increments, bid_increment,"
        " snipe_window_s, snipe_extension_s, start_time, original_end_time, end_time, status, minimum_bid, created_at,"
        " updated_at) SELECT gen_random_uuid(), u.id, a.item::uuid, a.title, 10, '[{\"from\": 0, \"increment\": 1}]',"
        " 1, 0, 120, now(), now() + interval '1 h', now() + interval '1 h', a.status, 10, now() + a.later, now()"
        " FROM (VALUES ('ann', '" ITEM "1', 'Sold by Ann', 'sold', interval '1 s'),"
        " ('bob', '" ITEM "1', 'Sold by Bob', 'active', interval '2 s'),"
        " ('ann', '" ITEM "2', 'A lamp', 'unsold', interval '3 s'), ('ann', NULL, 'No item', 'active', interval '4 s'))"
        " AS a (name, item, title, status, later) JOIN users u ON u.display_name = a.name");
    migrate(BEFORE + 1);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM items", NULL), 2);
    ck_assert_int_eq(sql_int(sql,
                             "SELECT count(*) FROM items i JOIN users u ON u.id = i.owner_id"
                             " WHERE (u.display_name, i.title) IN (('bob', 'Sold by Bob'), ('ann', 'A lamp'))",
                             NULL),
                     2);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM auctions a JOIN items i ON i.id = a.item_id", NULL), 3);
}
END_TEST

static Suite *items_migration_suite(void)
{
    Suite *suite = suite_create("items migration");
    TCase *tcase = tcase_create("items migration");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, each_made_up_id_becomes_an_item_of_who_sold_it_last);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    tables_make(SCHEMA);
    sql = sql_open(deployment_pg_url());
    int code = sql == NULL ? 1 : suite_run(items_migration_suite());
    sql_close(sql);
    tables_drop();
    return code;
}
