/*
 * See cross_checks.h.
 *
 * A missing notification of a lost lead is no difference: the event may be on its way, and the user may have muted it.
 * More notifications than lost leads are always wrong. An auction with a voided bid is left out there, because a void
 * gives the lead back and settles again.
 */
#include "deploy/ctl/cross_checks.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/base.h"
#include "common/io/pg.h"
#include "deploy/ctl/store.h"

/* From the end of an auction until it must be settled, of a sale until it must have ended. A fence follows the end
 * after fence_grace_ms, up to 600 s. */
#define ENDED_WITHIN                                                                                                   \
    "(interval '60 seconds' + (SELECT coalesce(max(fence_grace_ms), 0) FROM topology) * interval '1 millisecond')"

#define ONE_ALONE(column) "($1::uuid IS NULL OR " column " = $1::uuid)"
#define NOT_VOIDED                                                                                                     \
    "NOT EXISTS (SELECT FROM bids v WHERE v.auction_id = n.auction_id AND v.kind IN ('void', 'retract')"               \
    " AND v.status = 'accepted')"

/* Each selects an auction and a text. $1: one auction, or NULL. $2: CROSS_CHECKS_ROWS_MAX. */
static const char *const CHECKS[] = {
    "SELECT min(auction_id::text), format('bid %s has %s decisions', bid_id, count(*)) FROM bids"
    " WHERE " ONE_ALONE("auction_id") " GROUP BY bid_id HAVING count(*) > 1 LIMIT $2::integer",

    "SELECT id, format('it is %s, its end was due at %s', status,"
    "  to_char(end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')) FROM auctions"
    " WHERE status IN ('scheduled', 'active', 'ended') AND end_time < now() - " ENDED_WITHIN
    " AND " ONE_ALONE("id") " LIMIT $2::integer",

    /* The lead changes with each accepted entry of another bidder. No two of an auction have the same amount. */
    "WITH leads AS (SELECT auction_id, amount, bidder_id,"
    "  lag(bidder_id) OVER (PARTITION BY auction_id ORDER BY seq) AS loser_id FROM bids"
    "  WHERE status = 'accepted' AND kind IN ('bid', 'proxy', 'auto', 'buy') AND " ONE_ALONE(
        "auction_id") "),"
                      " lost AS (SELECT auction_id, loser_id, amount, count(*) AS times FROM leads WHERE loser_id <> "
                      "bidder_id"
                      "  GROUP BY 1, 2, 3)"
                      " SELECT n.auction_id, format('user %s has %s notifications of a lead lost at %s, and lost %s', "
                      "n.user_id, count(*),"
                      "  n.amount, coalesce(max(l.times), 0)) FROM notifications n"
                      " LEFT JOIN lost l ON l.auction_id = n.auction_id AND l.loser_id = n.user_id AND l.amount = "
                      "n.amount"
                      " WHERE n.kind IN ('OUTBID', 'PROXY_EXHAUSTED') AND " ONE_ALONE(
                          "n.auction_id") " AND " NOT_VOIDED " GROUP BY n.auction_id, n.user_id, n.amount HAVING "
                                          "count(*) > coalesce(max(l.times), 0) LIMIT $2::integer",

    /* An auction that was reopened has a further outcome. */
    "SELECT n.auction_id, format('user %s has %s notifications of its outcome', n.user_id, count(*))"
    " FROM notifications n"
    " WHERE n.kind IN ('AUCTION_WON', 'AUCTION_LOST', 'AUCTION_SOLD', 'AUCTION_UNSOLD')"
    " AND " ONE_ALONE("n.auction_id") " AND " NOT_VOIDED " GROUP BY n.auction_id, n.user_id HAVING count(*) > 1 + "
                                      "(SELECT count(*) FROM bids r WHERE r.auction_id = n.auction_id AND r.kind = "
                                      "'reopen' AND r.status = 'accepted') LIMIT $2::integer",
};

/* The same of sales. */
static const char *const SALE_CHECKS[] = {
    "SELECT min(sale_id::text), format('command %s has %s decisions', command_id, count(*)) FROM sale_ledger"
    " WHERE command_id IS NOT NULL AND " ONE_ALONE("sale_id") " GROUP BY command_id HAVING count(*) > 1"
                                                              " LIMIT $2::integer",

    "SELECT id, format('it is %s, its end was due at %s', status,"
    "  to_char(end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')) FROM flash_sales"
    " WHERE status IN ('upcoming', 'open', 'active') AND end_time < now() - " ENDED_WITHIN
    " AND " ONE_ALONE("id") " LIMIT $2::integer",

    /* The replay compares the other way: each payment that bought nothing has its refund. */
    "SELECT r.sale_id, format('a refund is kept for payment %s, which it does not have', r.id) FROM refunds r"
    " WHERE NOT EXISTS (SELECT FROM sale_ledger l WHERE l.sale_id = r.sale_id AND l.command_id = r.id AND l.paid)"
    " AND " ONE_ALONE("r.sale_id") " LIMIT $2::integer",

    "SELECT o.sale_id, format('order %s is refunded, but its refund is still due', o.id) FROM orders o"
    " WHERE o.status = 'refunded' AND EXISTS (SELECT FROM refunds r WHERE r.id = o.payment_id AND r.refunded_at IS "
    "NULL)"
    " AND " ONE_ALONE("o.sale_id") " LIMIT $2::integer",
};

/* Prints the differences of one check. Returns their number, -1 if PostgreSQL failed. */
static int64_t run_check(struct ctl *ctl, const char *sql, const char *of, const char *id)
{
    char rows_max[16];
    const char *const values[] = {id, rows_max};
    (void)snprintf(rows_max, sizeof rows_max, "%d", CROSS_CHECKS_ROWS_MAX);
    PGresult *result = store_run(ctl, sql, ARRAY_LEN(values), values);
    if (result == NULL) {
        return -1;
    }
    int rows = PQntuples(result);
    for (int row = 0; row < rows && row < CROSS_CHECKS_SHOWN_MAX; row++) {
        (void)printf("%s %s: %s\n", of, pg_text(result, row, 0), pg_text(result, row, 1));
    }
    if (rows > CROSS_CHECKS_SHOWN_MAX) {
        (void)printf("and %d more like it\n", rows - CROSS_CHECKS_SHOWN_MAX);
    }
    PQclear(result);
    return rows;
}

/* Runs the checks and adds what they find to `sum`. False if PostgreSQL failed. */
static bool run_checks(struct ctl *ctl, const char *const *checks, size_t count, const char *of, const char *id,
                       int64_t *sum)
{
    for (size_t i = 0; i < count; i++) {
        int64_t found = run_check(ctl, checks[i], of, id);
        if (found < 0) {
            return false;
        }
        *sum += found;
    }
    return true;
}

int64_t cross_checks_run(struct ctl *ctl, const char *id)
{
    int64_t sum = 0;
    bool ok = run_checks(ctl, CHECKS, ARRAY_LEN(CHECKS), "auction", id, &sum) &&
              run_checks(ctl, SALE_CHECKS, ARRAY_LEN(SALE_CHECKS), "sale", id, &sum);
    return ok ? sum : -1;
}
