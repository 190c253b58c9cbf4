/*
 * Compares the view public_bids with the predicate of common/rules/ledger_entry.h on entries of every kind, status and
 * effective value. Also the view's lines for chosen entries, and that PostgreSQL inlines the view.
 */
#include <string.h>

#include "common/io/pg.h"
#include "common/rules/ledger_entry.h"
#include "tests/support/deployment.h"
#include "tests/support/sql.h"
#include "tests/support/suite.h"
#include "tests/support/tables.h"

#define SCHEMA "public_bids_test"
#define NOBODY "00000000-0000-0000-0000-000000000001"
#define OTHER  "00000000-0000-0000-0000-000000000002"

enum {
    KINDS = 15,     /* in the table's CHECK constraint, which the test reads */
    ENTRIES = 1728, /* per kind: every combination of the other columns below */
};

static struct sql *sql;

static void run(const char *text)
{
    PGresult *result = sql_rows(sql, text, NULL);
    ck_assert_ptr_nonnull(result);
    PQclear(result);
}

static void open_tables(void)
{
    sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(sql);
    run("TRUNCATE bids");
}

static void close_tables(void)
{
    sql_close(sql);
}

/* One auction for each kind in the table's CHECK constraint, so that a new kind is included automatically. */
static void fill_every_combination(void)
{
    run("WITH kinds AS (SELECT m[1] AS kind FROM pg_constraint, regexp_matches(pg_get_constraintdef(oid), '''(\\w+)''',"
        "  'g') m WHERE conname = 'bids_kind_check' AND conrelid = 'bids'::regclass)"
        " INSERT INTO bids (auction_id, seq, bid_id, bidder_id, kind, status, reason, raise, amount, max_amount,"
        "  received_at, decided_at, effective, effective_status, effective_raise, effective_amount,"
        "  effective_bidder_id)"
        " SELECT md5(kind)::uuid, row_number() OVER (PARTITION BY kind), gen_random_uuid(), '" NOBODY "', kind, status,"
        "  CASE status WHEN 'rejected' THEN 'BID_TOO_LOW' END, raise, amount, max_amount, now(), now(), effective,"
        "  e_status, e_raise, e_amount, e_bidder"
        " FROM kinds, unnest('{accepted,outbid,rejected}'::text[]) status, unnest('{f,t}'::boolean[]) raise,"
        "  unnest('{NULL,5.00}'::numeric[]) amount, unnest('{NULL,9.00}'::numeric[]) max_amount,"
        "  unnest('{f,t}'::boolean[]) effective, unnest('{NULL,accepted,outbid}'::text[]) e_status,"
        "  unnest('{NULL,f,t}'::boolean[]) e_raise, unnest('{NULL,7.00}'::numeric[]) e_amount,"
        "  unnest('{NULL," OTHER "}'::uuid[]) e_bidder");
    ck_assert_int_eq(sql_int(sql, "SELECT count(DISTINCT kind) FROM bids", NULL), KINDS);
    ck_assert_int_eq(sql_int(sql, "SELECT count(*) FROM bids", NULL), INT64_C(1) * KINDS * ENTRIES);
}

enum {
    KIND,
    STATUS,
    RAISE,
    AMOUNT,
    MAX_AMOUNT,
    EFFECTIVE,
    EFFECTIVE_STATUS,
    EFFECTIVE_RAISE,
    EFFECTIVE_AMOUNT,
    BIDDER,
    PUBLIC,
    PUBLIC_KIND,
    PUBLIC_STATUS,
    PUBLIC_AMOUNT,
    PUBLIC_HISTORY,
    PUBLIC_AUTOMATIC,
    PUBLIC_BIDDER
};

static const char EVERYTHING[] =
    "SELECT b.kind, b.status, b.raise, b.amount, b.max_amount, b.effective, b.effective_status, b.effective_raise,"
    " b.effective_amount, coalesce(b.effective_bidder_id, b.bidder_id), p.seq IS NOT NULL, p.kind, p.status, p.amount,"
    " p.in_history, p.automatic, p.bidder_id FROM bids b LEFT JOIN public_bids p ON p.auction_id = b.auction_id"
    " AND p.seq = b.seq AND p.bid_id = b.bid_id AND p.decided_at = b.decided_at";

/* A rejected entry stays rejected, also with effective values. */
static struct ledger_entry read_entry(const PGresult *result, int row)
{
    bool restated = !pg_null(result, row, EFFECTIVE_STATUS) && strcmp(pg_text(result, row, STATUS), "rejected") != 0;
    struct ledger_entry entry = {
        .effective = pg_bool(result, row, EFFECTIVE),
        .raise = pg_bool(result, row, pg_null(result, row, EFFECTIVE_RAISE) ? RAISE : EFFECTIVE_RAISE),
        .amount = pg_money(result, row, pg_null(result, row, EFFECTIVE_AMOUNT) ? AMOUNT : EFFECTIVE_AMOUNT),
        .max_amount = pg_money(result, row, MAX_AMOUNT),
    };
    ck_assert(ledger_entry_parse(pg_text(result, row, KIND), pg_text(result, row, restated ? EFFECTIVE_STATUS : STATUS),
                                 &entry));
    return entry;
}

static bool same_public_values(const PGresult *result, int row, const struct ledger_entry *entry)
{
    struct uuid due = pg_uuid(result, row, BIDDER);
    struct uuid shown = pg_uuid(result, row, PUBLIC_BIDDER);
    const char *status = entry->verdict == RULES_OUTBID ? "outbid" : "accepted";
    return strcmp(pg_text(result, row, PUBLIC_KIND), pg_text(result, row, KIND)) == 0 &&
           strcmp(pg_text(result, row, PUBLIC_STATUS), status) == 0 &&
           pg_money(result, row, PUBLIC_AMOUNT) == ledger_entry_amount(entry) &&
           pg_bool(result, row, PUBLIC_HISTORY) == ledger_entry_in_history(entry) &&
           pg_bool(result, row, PUBLIC_AUTOMATIC) == ledger_entry_is_automatic(entry) && uuid_equal(&shown, &due);
}

START_TEST(view_and_predicate_agree_on_every_combination)
{
    int public = 0;
    fill_every_combination();
    PGresult *result = sql_rows(sql, EVERYTHING, NULL);
    ck_assert_ptr_nonnull(result);
    ck_assert_int_eq(PQntuples(result), INT64_C(1) * KINDS * ENTRIES);
    for (int row = 0; row < PQntuples(result); row++) {
        struct ledger_entry entry = read_entry(result, row);
        bool shown = pg_bool(result, row, PUBLIC);
        bool same = shown == ledger_entry_is_public(&entry) && (!shown || same_public_values(result, row, &entry));
        ck_assert_msg(same, "%s %s, effective %s, effective status %s: view %d, predicate %d",
                      pg_text(result, row, KIND), pg_text(result, row, STATUS), pg_text(result, row, EFFECTIVE),
                      pg_text(result, row, EFFECTIVE_STATUS), shown, ledger_entry_is_public(&entry));
        public += shown;
    }
    PQclear(result);
    /* 4 of 14 kinds, 2 of 3 statuses, effective, and an amount in 3 of 4 cases. */
    ck_assert_int_eq(public, 4 * ENTRIES * 2 / 3 / 2 * 3 / 4);
}
END_TEST

/* The view's expected line, written by hand: the columns of an entry, then the public line or none. */
static const struct {
    const char *entry; /* kind, status, reason, raise, amount, max_amount, effective, effective_* */
    const char *line;
} shown[] = {
    {"'bid','accepted',NULL,false,10,NULL,true,NULL,NULL,NULL,NULL", "accepted 10.00 t f " NOBODY},
    {"'bid','outbid',NULL,false,10,NULL,true,NULL,NULL,NULL,NULL", "outbid 10.00 t f " NOBODY},
    {"'bid','rejected','BID_TOO_LOW',false,10,NULL,true,NULL,NULL,NULL,NULL", ""},
    {"'bid','accepted',NULL,false,10,NULL,false,NULL,NULL,NULL,NULL", ""},
    {"'proxy','accepted',NULL,false,11,30,true,NULL,NULL,NULL,NULL", "accepted 11.00 t t " NOBODY},
    {"'proxy','outbid',NULL,false,30,30,true,NULL,NULL,NULL,NULL", "outbid 30.00 t t " NOBODY},
    {"'proxy','outbid',NULL,false,30,30,true,'accepted',false,12,NULL", "accepted 12.00 t t " NOBODY},
    {"'proxy','accepted',NULL,true,11,40,true,NULL,NULL,NULL,NULL", "accepted 11.00 f t " NOBODY},
    {"'proxy','accepted',NULL,true,11,40,true,'accepted',false,10,NULL", "accepted 10.00 t t " NOBODY},
    {"'auto','accepted',NULL,false,31,NULL,true,NULL,NULL,25,'" OTHER "'", "accepted 25.00 t t " OTHER},
    {"'auto','accepted',NULL,false,31,NULL,false,NULL,NULL,NULL,NULL", ""},
    {"'buy','accepted',NULL,false,99,NULL,true,NULL,NULL,NULL,NULL", "accepted 99.00 t f " NOBODY},
    {"'withdraw','accepted',NULL,false,NULL,NULL,true,NULL,NULL,NULL,NULL", ""},
    {"'void','accepted',NULL,false,NULL,NULL,true,NULL,NULL,NULL,NULL", ""},
};

START_TEST(the_view_shows_the_expected_line_of_each_entry)
{
    char insert[SQL_TEXT_SIZE];
    (void)snprintf(
        insert, sizeof insert,
        "INSERT INTO bids (auction_id, seq, bid_id, bidder_id, received_at, decided_at, kind, status, reason,"
        " raise, amount, max_amount, effective, effective_status, effective_raise, effective_amount,"
        " effective_bidder_id) VALUES ('" NOBODY "', 1, '" NOBODY "', '" NOBODY "', now(), now(), %s)",
        shown[_i].entry);
    run(insert);
    ck_assert_str_eq(sql_text(sql,
                              "SELECT concat_ws(' ', status, amount, in_history, automatic, bidder_id)"
                              " FROM public_bids",
                              NULL),
                     shown[_i].line);
}
END_TEST

START_TEST(the_view_is_inlined_and_uses_the_ledgers_index)
{
    char plan[4 * SQL_TEXT_SIZE] = "";
    size_t length = 0;
    fill_every_combination();
    run("SET enable_bitmapscan = off"); /* the order of the index must be usable, independent of the costs here */
    run("SET enable_sort = off");
    PGresult *result = sql_rows(sql,
                                "EXPLAIN (COSTS OFF) SELECT * FROM public_bids WHERE auction_id = md5('bid')::uuid"
                                " AND in_history AND seq < 1000 ORDER BY seq DESC LIMIT 20",
                                NULL);
    ck_assert_ptr_nonnull(result);
    for (int row = 0; row < PQntuples(result) && length < sizeof plan; row++) {
        length += (size_t)snprintf(plan + length, sizeof plan - length, "%s\n", pg_text(result, row, 0));
    }
    PQclear(result);
    ck_assert_msg(strstr(plan, "Index Scan Backward using bids_pkey on bids") != NULL, "%s", plan);
    ck_assert_msg(strstr(plan, "Subquery Scan") == NULL, "%s", plan);
}
END_TEST

static Suite *public_bids_suite(void)
{
    Suite *suite = suite_create("public bids");
    TCase *tcase = tcase_create("public bids");
    tcase_add_checked_fixture(tcase, open_tables, close_tables);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, view_and_predicate_agree_on_every_combination);
    tcase_add_loop_test(tcase, the_view_shows_the_expected_line_of_each_entry, 0, (int)ARRAY_LEN(shown));
    tcase_add_test(tcase, the_view_is_inlined_and_uses_the_ledgers_index);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    tables_make(SCHEMA);
    int code = suite_run(public_bids_suite());
    tables_drop();
    return code;
}
