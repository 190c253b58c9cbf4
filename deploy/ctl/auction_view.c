/*
 * See scene.h. Called by watch.c. The auction and its bids are two statements: a bid that is decided between them is
 * shown a moment before its price.
 */
#include "deploy/ctl/auction_view.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/schema.h"
#include "deploy/ctl/store.h"

enum { DELETE_BYTE = 0x7f, C1_LEAD = 0xc2, C1_LAST = 0x9f };

static const char AUCTION_SQL[] =
    "SELECT title, currency, status, starting_price, reserve_price IS NOT NULL,"
    " reserve_price IS NULL OR coalesce(current_bid, 0) >= reserve_price, current_bid, minimum_bid, "
    "bid_count, " STORE_MS("start_time") ", " STORE_MS(
        "end_time") ", extensions_used, version,"
                    " settled_at IS NOT NULL OR status = 'cancelled',"
                    " coalesce(winner_id, leader_id), " STORE_MS("clock_timestamp()") " FROM auctions WHERE id = $1";

enum {
    TITLE,
    CURRENCY,
    STATUS,
    STARTING_PRICE,
    HAS_RESERVE,
    RESERVE_MET,
    PRICE,
    MINIMUM_BID,
    BID_COUNT,
    START,
    END,
    EXTENSIONS,
    VERSION,
    SETTLED,
    LEADER,
    NOW
};

static const char BIDS_SQL[] = "SELECT bidder_id, amount, " STORE_MS(
    "decided_at") ", kind = 'auto', status = 'accepted'"
                  " FROM public_bids WHERE auction_id = $1 AND in_history ORDER BY seq DESC LIMIT $2::integer";

enum { BIDDER, AMOUNT, AT, AUTOMATIC, ACCEPTED };

bool auction_view_key(struct ctl *ctl, uint8_t key[static PSEUDONYM_KEY_BYTES])
{
    size_t length = 0;
    PGresult *result = store_run(ctl, "SELECT secret FROM deployment_keys WHERE name = 'pseudonym'", 0, NULL);
    const char *hex = result != NULL && PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "";
    bool ok = sodium_hex2bin(key, PSEUDONYM_KEY_BYTES, hex, strlen(hex), NULL, &length, NULL) == 0 &&
              length == PSEUDONYM_KEY_BYTES;
    if (result != NULL && !ok) {
        ctl_report_error(SCHEMA_MISSING);
    }
    PQclear(result);
    return ok;
}

/* U+0000 to U+001F, U+007F to U+009F become blanks. Cut within a character at worst. */
static void write_plain(const char *text, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", text);
    for (unsigned char *at = (unsigned char *)out; *at != '\0'; at++) {
        if (*at < ' ' || *at == DELETE_BYTE) {
            *at = ' ';
        } else if (at[0] == C1_LEAD && at[1] >= DELETE_BYTE && at[1] <= C1_LAST) {
            at[0] = at[1] = ' ';
        }
    }
}

static void read_auction(const PGresult *result, struct auction_view *view)
{
    write_plain(pg_text(result, 0, TITLE), view->title, sizeof view->title);
    (void)snprintf(view->currency, sizeof view->currency, "%s", pg_text(result, 0, CURRENCY));
    if (!rules_status_parse(pg_text(result, 0, STATUS), &view->status)) {
        view->status = RULES_NO_STATUS;
    }
    view->starting_price = pg_money(result, 0, STARTING_PRICE);
    view->has_reserve = pg_bool(result, 0, HAS_RESERVE);
    view->reserve_met = pg_bool(result, 0, RESERVE_MET);
    view->price = pg_money(result, 0, PRICE);
    view->minimum_bid = pg_money(result, 0, MINIMUM_BID);
    view->bid_count = pg_int(result, 0, BID_COUNT);
    view->start_ms = pg_int(result, 0, START);
    view->end_ms = pg_int(result, 0, END);
    view->extensions = pg_int(result, 0, EXTENSIONS);
    view->version = pg_int(result, 0, VERSION);
    view->settled = pg_bool(result, 0, SETTLED);
    view->ahead_ms = pg_int(result, 0, NOW) - clock_now_ms();
}

static void read_bids(const PGresult *result, const struct uuid *id, const uint8_t key[static PSEUDONYM_KEY_BYTES],
                      struct auction_view *view)
{
    view->bids_known = (size_t)PQntuples(result);
    for (size_t i = 0; i < view->bids_known; i++) {
        struct auction_view_bid *bid = &view->bids[i];
        const struct uuid bidder = pg_uuid(result, (int)i, BIDDER);
        pseudonym_write(key, id, &bidder, bid->bidder);
        bid->amount = pg_money(result, (int)i, AMOUNT);
        bid->at_ms = pg_int(result, (int)i, AT);
        bid->automatic = pg_bool(result, (int)i, AUTOMATIC);
        bid->accepted = pg_bool(result, (int)i, ACCEPTED);
    }
}

/* Not by store_run: here a server that is away is nothing to complain of, but to wait for. */
static PGresult *ask(struct ctl *ctl, const char *sql, int count, const char *const *values)
{
    if (PQstatus(ctl->pg) != CONNECTION_OK) {
        PQreset(ctl->pg);
    }
    PGresult *result = PQexecParams(ctl->pg, sql, count, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        return result;
    }
    PQclear(result);
    return NULL;
}

enum auction_view_outcome auction_view_read(struct ctl *ctl, const struct uuid *id,
                                            const uint8_t key[static PSEUDONYM_KEY_BYTES], struct auction_view *view)
{
    char id_text[UUID_TEXT_SIZE];
    char most[16];
    const char *const values[] = {id_text, most};
    enum auction_view_outcome outcome = AUCTION_VIEW_LOST;
    uuid_format(id, id_text);
    (void)snprintf(most, sizeof most, "%d", AUCTION_VIEW_BIDS_MAX);
    PGresult *auction = ask(ctl, AUCTION_SQL, 1, values);
    PGresult *bids = auction == NULL ? NULL : ask(ctl, BIDS_SQL, (int)ARRAY_LEN(values), values);
    if (bids != NULL && PQntuples(auction) == 0) {
        outcome = AUCTION_VIEW_NONE;
    } else if (bids != NULL) {
        const struct uuid leader = pg_uuid(auction, 0, LEADER);
        view->leader[0] = '\0';
        if (!pg_null(auction, 0, LEADER)) {
            pseudonym_write(key, id, &leader, view->leader);
        }
        read_auction(auction, view);
        read_bids(bids, id, key, view);
        outcome = AUCTION_VIEW_READ;
    }
    PQclear(auction);
    PQclear(bids);
    return outcome;
}

int64_t auction_view_now_ms(const struct auction_view *view)
{
    return clock_now_ms() + view->ahead_ms;
}
