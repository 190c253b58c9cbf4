/*
 * rostrumctl auction: prints one auction. Rule 9: until settlement only its owner sees a maximum that was not beaten,
 * operators do not either. So leader_max is never read here. A proxy bid's maximum is read only if it was beaten or the
 * auction is settled.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/store.h"

enum { ROWS_PER_FETCH = 1000 };

#define UTC(column)    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS \"UTC\"')"
#define YES_NO(column) "CASE WHEN " column " THEN 'yes' ELSE 'no' END"

static const char AUCTION_SQL[] =
    "SELECT title, status, seller_id, currency || ' ' || starting_price, reserve_price,"
    " CASE WHEN reserve_price IS NOT NULL THEN " YES_NO(
        "coalesce(current_bid, 0) >= reserve_price") " END,"
                                                     " increments, " UTC("start_time") ", " UTC(
                                                         "original_end_"
                                                         "time") ", " UTC("end_time") ", extensions_used,"
                                                                                      " coalesce(snipe_max::text, 'any "
                                                                                      "number'), "
                                                                                      "snipe_window_s, "
                                                                                      "snipe_extension_s, "
                                                                                      "current_bid, minimum_bid, "
                                                                                      "bid_count,"
                                                                                      " leader_id, CASE WHEN leader_id "
                                                                                      "IS NOT NULL "
                                                                                      "THEN " YES_NO(
                                                                                          "leader_by_proxy") " END, "
                                                                                                             "winner_"
                                                                                                             "id, "
                                                                                                             "winning_"
                                                                                                             "bid_id,"
                                                                                                             " " UTC(
                                                                                                                 "settl"
                                                                                                                 "ed_"
                                                                                                                 "at") ", "
                                                                                                                       "led"
                                                                                                                       "ger"
                                                                                                                       "_se"
                                                                                                                       "q, "
                                                                                                                       "ver"
                                                                                                                       "sio"
                                                                                                                       "n, "
                                                                                                                       "ter"
                                                                                                                       "ms_"
                                                                                                                       "ver"
                                                                                                                       "sio"
                                                                                                                       "n "
                                                                                                                       "FRO"
                                                                                                                       "M "
                                                                                                                       "auc"
                                                                                                                       "tio"
                                                                                                                       "ns "
                                                                                                                       "WHE"
                                                                                                                       "RE "
                                                                                                                       "id "
                                                                                                                       "= "
                                                                                                                       "$1";

/* In the order of the columns. */
static const char *const LABELS[] = {
    "title",   "status",         "seller",  "starting price", "reserve",      "reserve met",  "increments",
    "starts",  "original end",   "ends",    "extensions",     "  at most",    "  window (s)", "  each by (s)",
    "price",   "minimum bid",    "bids",    "leader",         "  by a proxy", "winner",       "winning bid",
    "settled", "ledger entries", "version", "terms version",
};

/* A maximum is shown only if it was beaten at once, or the auction is settled. */
static const char LEDGER_SQL[] =
    "DECLARE entries CURSOR FOR SELECT b.seq, to_char(b.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'),"
    " b.kind || CASE WHEN b.raise THEN ' (raise)' ELSE '' END, b.status, coalesce(b.amount::text, '-'),"
    " CASE WHEN b.kind <> 'proxy' THEN '' WHEN a.settled_at IS NOT NULL OR b.status = 'outbid'"
    " THEN b.max_amount::text ELSE 'hidden' END, coalesce(b.reason, ''), coalesce(b.bidder_id::text, '')"
    " FROM bids b JOIN auctions a ON a.id = b.auction_id WHERE b.auction_id = $1 ORDER BY b.seq";

static void print_auction(const PGresult *result)
{
    for (int column = 0; column < PQnfields(result); column++) {
        (void)printf("%-16s %s\n", LABELS[column], pg_null(result, 0, column) ? "-" : PQgetvalue(result, 0, column));
    }
}

static void print_entries(const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        (void)printf("%6s  %-23s  %-13s  %-8s  %13s  %13s  %-36s  %s\n", pg_text(result, row, 0),
                     pg_text(result, row, 1), pg_text(result, row, 2), pg_text(result, row, 3), pg_text(result, row, 4),
                     pg_text(result, row, 5), pg_text(result, row, 7), pg_text(result, row, 6));
    }
}

static int print_ledger(struct ctl *ctl, const char *id)
{
    const char *const values[] = {id};
    char fetch[64];
    int rows = 0;
    if (!store_do(ctl, LEDGER_SQL, 1, values)) {
        return CTL_FAILED;
    }
    (void)snprintf(fetch, sizeof fetch, "FETCH %d FROM entries", ROWS_PER_FETCH);
    (void)printf("\n%6s  %-23s  %-13s  %-8s  %13s  %13s  %-36s  %s\n", "SEQ", "RECEIVED (UTC)", "KIND", "STATUS",
                 "AMOUNT", "MAXIMUM", "BIDDER", "REASON");
    do {
        PGresult *result = store_run(ctl, fetch, 0, NULL);
        if (result == NULL) {
            return CTL_FAILED;
        }
        rows = PQntuples(result);
        print_entries(result);
        PQclear(result);
    } while (rows == ROWS_PER_FETCH);
    return CTL_OK;
}

int auction_command(struct ctl *ctl, int argc, char **argv)
{
    struct uuid id;
    if (argc != 1 || !uuid_parse(argv[0], strlen(argv[0]), &id)) {
        ctl_report_error("auction takes the ID of one auction");
        return CTL_USAGE;
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    const char *const values[] = {argv[0]};
    PGresult *result = NULL;
    if (store_do(ctl, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL)) {
        result = store_run(ctl, AUCTION_SQL, 1, values);
    }
    int code = CTL_FAILED;
    if (result != NULL && PQntuples(result) == 1) {
        print_auction(result);
        code = print_ledger(ctl, argv[0]);
    } else if (result != NULL) {
        ctl_report_error("there is no auction %s", argv[0]);
    }
    PQclear(result);
    return code;
}
