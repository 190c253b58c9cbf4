/*
 * rostrumctl sale: prints one flash sale: terms and counters, the turns and reservations that hold units, and the head
 * of its line. Then commands that may be undecidable, refunds that are due, and the ledger. All of one snapshot.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/ids.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/store.h"

enum { ROWS_PER_FETCH = 1000 };

#define UTC(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS \"UTC\"')"
#define SHOWN       "20" /* rows of each list but the ledger */

/* In the order of SALE_SQL's columns. */
static const char *const LABELS[] = {
    "product", "status",   "price",           "quantity",       "limit per user", "join time", "starts",
    "ends",    "turn (s)", "reservation (s)", "payment",        "free",           "claimed",   "reserved",
    "sold",    "waiting",  "line from",       "ledger entries", "last decision",  "version",
};

static const char SALE_SQL[] =
    "SELECT p.name, s.status, s.price, s.quantity, s.per_user_limit, " UTC("s.join_time") ", " UTC(
        "s.start_time") ", " UTC("s.end_time") ", s.turn_s, s.reservation_s, s.payment,"
                                               " s.quantity - s.claimed - s.reserved - s.sold, s.claimed, s.reserved,"
                                               " s.sold, s.waiting, s.head_seq, s.ledger_seq, " UTC(
                                                   "s.decided_at") ", s.version FROM flash_sales s"
                                                                   " LEFT JOIN products p ON p.id = s.product_id"
                                                                   " WHERE s.id = $1";

/* A list of rows: at most SHOWN, and how many there are. The first column is that number. */
struct list {
    const char *title;
    const char *heading;
    const char *sql;
};

/* Rows of a sale that is over stay as they were, and hold nothing. */
#define LIVE(status_words) "EXISTS (SELECT FROM flash_sales s WHERE s.id = $1 AND s.status IN (" status_words "))"

static const struct list LISTS[] = {
    {"turns", "PLACE  UNITS  ENDS  USER",
     "SELECT count(*) OVER (), concat_ws('  ', seq, claim, " UTC(
         "turn_expires_at") ", user_id) FROM queue_entries WHERE sale_id = $1 AND status = 'turn'"
                            " AND " LIVE("'upcoming', 'open', 'active'") " ORDER BY seq LIMIT " SHOWN},
    {"reservations", "ENTRY  UNITS  ENDS  ORDER  USER",
     "SELECT count(*) OVER (), concat_ws('  ', seq, quantity, " UTC(
         "expires_at") ", id, user_id) FROM orders WHERE sale_id = $1 AND status = 'reserved'"
                       " AND " LIVE("'active', 'ended'") " ORDER BY seq LIMIT " SHOWN},
    {"waiting", "PLACE  UNITS  JOINED  USER",
     "SELECT (SELECT waiting FROM flash_sales WHERE id = $1), concat_ws('  ', q.seq, q.wanted, " UTC(
         "q.joined_at") ", q.user_id) FROM queue_entries q WHERE q.sale_id = $1 AND q.status = 'waiting'"
                        " AND q.seq >= (SELECT head_seq FROM flash_sales WHERE id = $1)"
                        " AND " LIVE("'upcoming', 'open', 'active'") " ORDER BY q.seq LIMIT " SHOWN},
    {"undecided", "COMMAND  ATTEMPTS",
     "SELECT count(*) OVER (), concat_ws('  ', command_id, attempts) FROM sale_suspects WHERE sale_id = $1"
     " ORDER BY command_id LIMIT " SHOWN},
    {"refunds due", "PAYMENT  AMOUNT  ORDER",
     "SELECT count(*) OVER (), concat_ws('  ', reference, amount, order_id) FROM refunds WHERE sale_id = $1"
     " AND refunded_at IS NULL ORDER BY created_at, id LIMIT " SHOWN},
};

static const char LEDGER_SQL[] =
    "DECLARE entries CURSOR FOR SELECT seq, to_char(decided_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),"
    " kind || CASE WHEN paid THEN ' (paid)' ELSE '' END, status, quantity, coalesce(place::text, '-'),"
    " coalesce(user_id::text, '-'), concat_ws(' ', reason, amount, CASE WHEN kind <> 'order' THEN order_id END)"
    " FROM sale_ledger WHERE sale_id = $1 ORDER BY seq";

static void print_sale(const PGresult *result)
{
    for (int column = 0; column < PQnfields(result); column++) {
        (void)printf("%-16s %s\n", LABELS[column], pg_null(result, 0, column) ? "-" : PQgetvalue(result, 0, column));
    }
}

/* A list without rows is left out. */
static bool print_list(struct ctl *ctl, const struct list *list, const char *id)
{
    PGresult *result = store_run(ctl, list->sql, 1, &id);
    int rows = result == NULL ? 0 : PQntuples(result);
    if (rows > 0) {
        (void)printf("\n%s: %s\n  %s\n", list->title, pg_text(result, 0, 0), list->heading);
    }
    for (int row = 0; row < rows; row++) {
        (void)printf("  %s\n", pg_text(result, row, 1));
    }
    PQclear(result);
    return result != NULL;
}

static void print_entries(const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        (void)printf("%6s  %-23s  %-14s  %-9s  %8s  %6s  %-36s  %s\n", pg_text(result, row, 0), pg_text(result, row, 1),
                     pg_text(result, row, 2), pg_text(result, row, 3), pg_text(result, row, 4), pg_text(result, row, 5),
                     pg_text(result, row, 6), pg_text(result, row, 7));
    }
}

static bool print_ledger(struct ctl *ctl, const char *id)
{
    char fetch[64];
    int rows = 0;
    if (!store_do(ctl, LEDGER_SQL, 1, &id)) {
        return false;
    }
    (void)snprintf(fetch, sizeof fetch, "FETCH %d FROM entries", ROWS_PER_FETCH);
    (void)printf("\n%6s  %-23s  %-14s  %-9s  %8s  %6s  %-36s  %s\n", "SEQ", "DECIDED (UTC)", "KIND", "STATUS",
                 "QUANTITY", "PLACE", "USER", "REASON, AMOUNT, ORDER");
    do {
        PGresult *result = store_run(ctl, fetch, 0, NULL);
        if (result == NULL) {
            return false;
        }
        rows = PQntuples(result);
        print_entries(result);
        PQclear(result);
    } while (rows == ROWS_PER_FETCH);
    return true;
}

static bool print_all(struct ctl *ctl, const PGresult *result, const char *id)
{
    bool ok = true;
    print_sale(result);
    for (size_t i = 0; ok && i < ARRAY_LEN(LISTS); i++) {
        ok = print_list(ctl, &LISTS[i], id);
    }
    return ok && print_ledger(ctl, id);
}

int sale_command(struct ctl *ctl, int argc, char **argv)
{
    struct uuid id;
    if (argc != 1 || !uuid_parse(argv[0], strlen(argv[0]), &id)) {
        ctl_report_error("sale takes the ID of one flash sale");
        return CTL_USAGE;
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    const char *const values[] = {argv[0]};
    PGresult *result = NULL;
    if (store_do(ctl, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL)) {
        result = store_run(ctl, SALE_SQL, 1, values);
    }
    int code = CTL_FAILED;
    if (result != NULL && PQntuples(result) == 1) {
        code = print_all(ctl, result, argv[0]) ? CTL_OK : CTL_FAILED;
    } else if (result != NULL) {
        ctl_report_error("there is no sale %s", argv[0]);
    }
    PQclear(result);
    return code;
}
