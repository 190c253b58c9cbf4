/*
 * See view.h.
 */
#include "gateway/auction/view.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/rules/rules.h"

static void write_price(struct jsonw *json, const PGresult *result, int row, bool insider)
{
    bool reserved = !pg_null(result, row, VIEW_RESERVE_PRICE);
    bool met = !reserved || (!pg_null(result, row, VIEW_CURRENT_BID) &&
                             pg_money(result, row, VIEW_CURRENT_BID) >= pg_money(result, row, VIEW_RESERVE_PRICE));
    jsonw_put_money(json, "startingPrice", pg_money(result, row, VIEW_STARTING_PRICE));
    jsonw_put_bool(json, "hasReserve", reserved);
    jsonw_put_bool(json, "reserveMet", met);
    if (insider) {
        columns_put_money(json, "reservePrice", result, row, VIEW_RESERVE_PRICE);
    }
    /* The first bid that meets the reserve ends the option to buy now. */
    if (met && !pg_null(result, row, VIEW_CURRENT_BID)) {
        jsonw_put_null(json, "buyNowPrice");
    } else {
        columns_put_money(json, "buyNowPrice", result, row, VIEW_BUY_NOW_PRICE);
    }
    if (pg_null(result, row, VIEW_BID_INCREMENT)) {
        const char *table = pg_text(result, row, VIEW_INCREMENTS);
        jsonw_name(json, "incrementTable");
        jsonw_raw(json, table, strlen(table));
    } else {
        jsonw_put_money(json, "bidIncrement", pg_money(result, row, VIEW_BID_INCREMENT));
    }
    columns_put_money(json, "currentBid", result, row, VIEW_CURRENT_BID);
    jsonw_put_money(json, "minimumBid", pg_money(result, row, VIEW_MINIMUM_BID));
    jsonw_put_int(json, "bidCount", pg_int(result, row, VIEW_BID_COUNT));
}

static void write_times(struct jsonw *json, const PGresult *result, int row)
{
    jsonw_put_string(json, "status", pg_text(result, row, VIEW_STATUS));
    jsonw_put_time(json, "startTime", pg_int(result, row, VIEW_START));
    jsonw_put_time(json, "endTime", pg_int(result, row, VIEW_END));
    jsonw_put_time(json, "originalEndTime", pg_int(result, row, VIEW_ORIGINAL_END));
    jsonw_name(json, "antiSnipe");
    jsonw_object(json);
    jsonw_put_int(json, "windowSeconds", pg_int(result, row, VIEW_SNIPE_WINDOW));
    jsonw_put_int(json, "extensionSeconds", pg_int(result, row, VIEW_SNIPE_EXTENSION));
    if (pg_null(result, row, VIEW_SNIPE_MAX)) {
        jsonw_put_null(json, "maxExtensions");
    } else {
        jsonw_put_int(json, "maxExtensions", pg_int(result, row, VIEW_SNIPE_MAX));
    }
    jsonw_end_object(json);
}

static void write_outcome(struct jsonw *json, const PGresult *result, int row, bool may_see_winner)
{
    if (strcmp(pg_text(result, row, VIEW_STATUS), "sold") != 0) {
        return;
    }
    struct uuid bid = pg_uuid(result, row, VIEW_WINNING_BID);
    jsonw_put_uuid(json, "winningBidId", &bid);
    if (may_see_winner) {
        struct uuid winner = pg_uuid(result, row, VIEW_WINNER);
        jsonw_put_uuid(json, "winnerId", &winner);
    }
}

/* The newest hash of the ledger, once no more bids come. A later void appends an entry, and so makes a new one. */
static void write_ledger(struct jsonw *json, const PGresult *result, int row)
{
    enum rules_status status = RULES_DRAFT;
    bool final = rules_status_parse(pg_text(result, row, VIEW_STATUS), &status) &&
                 (status == RULES_SOLD || status == RULES_UNSOLD || status == RULES_CANCELLED);
    if (!final || pg_null(result, row, VIEW_LEDGER_HASH)) {
        return;
    }
    jsonw_name(json, "ledger");
    jsonw_object(json);
    jsonw_put_int(json, "entry", pg_int(result, row, VIEW_LEDGER_HASH_SEQ));
    jsonw_put_string(json, "hash", pg_text(result, row, VIEW_LEDGER_HASH));
    jsonw_end_object(json);
}

/* Contact data of the other party, only for seller and winner. */
static void write_contact(struct jsonw *json, const struct request_user *user, const PGresult *result, int row)
{
    struct uuid seller = pg_uuid(result, row, VIEW_SELLER);
    struct uuid winner = pg_uuid(result, row, VIEW_WINNER);
    bool sells = uuid_equal(&user->id, &seller);
    if (uuid_is_nil(&user->id) || strcmp(pg_text(result, row, VIEW_STATUS), "sold") != 0 ||
        (!sells && !uuid_equal(&user->id, &winner))) {
        return;
    }
    jsonw_name(json, "contact");
    jsonw_object(json);
    jsonw_put_string(json, "role", sells ? "winner" : "seller");
    jsonw_put_uuid(json, "userId", sells ? &winner : &seller);
    jsonw_put_string(json, "displayName", pg_text(result, row, sells ? VIEW_WINNER_NAME : VIEW_SELLER_NAME));
    jsonw_put_string(json, "email", pg_text(result, row, sells ? VIEW_WINNER_EMAIL : VIEW_SELLER_EMAIL));
    jsonw_end_object(json);
}

void view_write_members(struct jsonw *json, const struct request_user *user, const PGresult *result, int row)
{
    struct uuid id = pg_uuid(result, row, VIEW_ID);
    struct uuid seller = pg_uuid(result, row, VIEW_SELLER);
    struct uuid winner = pg_uuid(result, row, VIEW_WINNER);
    bool known = !uuid_is_nil(&user->id);
    bool insider = user->admin || (known && uuid_equal(&user->id, &seller));
    jsonw_put_uuid(json, "id", &id);
    jsonw_put_uuid(json, "sellerId", &seller);
    jsonw_put_string(json, "sellerName", pg_text(result, row, VIEW_SELLER_NAME));
    if (!pg_null(result, row, VIEW_ITEM)) {
        jsonw_put_string(json, "itemId", pg_text(result, row, VIEW_ITEM));
    }
    jsonw_put_string(json, "title", pg_text(result, row, VIEW_TITLE));
    jsonw_put_string(json, "description", pg_text(result, row, VIEW_DESCRIPTION));
    jsonw_put_string(json, "category", pg_text(result, row, VIEW_CATEGORY));
    jsonw_put_string(json, "currency", pg_text(result, row, VIEW_CURRENCY));
    write_price(json, result, row, insider);
    write_times(json, result, row);
    jsonw_put_int(json, "watchers", pg_int(result, row, VIEW_WATCHERS));
    const char *images = pg_text(result, row, VIEW_IMAGES);
    jsonw_name(json, "images");
    jsonw_raw(json, images, strlen(images));
    write_outcome(json, result, row, insider || (known && uuid_equal(&user->id, &winner)));
    write_contact(json, user, result, row);
    write_ledger(json, result, row);
    jsonw_put_int(json, "version", pg_int(result, row, VIEW_VERSION));
    jsonw_put_time(json, "createdAt", pg_int(result, row, VIEW_CREATED));
    jsonw_put_time(json, "updatedAt", pg_int(result, row, VIEW_UPDATED));
}

void view_write_for(struct jsonw *json, const struct request_user *user, const PGresult *result, int row)
{
    jsonw_object(json);
    view_write_members(json, user, result, row);
    jsonw_end_object(json);
}

void view_write(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    jsonw_object(json);
    view_write_members(json, &request->user, result, row);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
}

bool view_hidden(const struct request *request, const PGresult *result)
{
    struct uuid seller = {{0}};
    if (PQntuples(result) == 0) {
        return true;
    }
    seller = pg_uuid(result, 0, VIEW_SELLER);
    return strcmp(pg_text(result, 0, VIEW_STATUS), "draft") == 0 && !uuid_equal(&request->user.id, &seller);
}
