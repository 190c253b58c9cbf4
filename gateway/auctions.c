/*
 * Creating an auction, and what of one is shown to whom; documents.c answers who asks for it. A new auction is written
 * straight to PostgreSQL: nobody can bid on it before its id is known, so that its queue need not order this. Every
 * later change is made in changes.c.
 */
#include "gateway/auctions.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/money.h"
#include "gateway/columns.h"
#include "gateway/documents.h"
#include "gateway/gateway.h"
#include "gateway/metering.h"
#include "gateway/reply.h"
#include "gateway/terms.h"

enum { LOCATION_SIZE = 64 };

enum { AUCTION_ADD };

static const struct pg_statement list[] = {
    /* No row: the item is none of the seller's. */
    [AUCTION_ADD] = {"auction_add",
                     "INSERT INTO auctions AS a (" TERMS_COLUMNS ", original_end_time, end_time, id, seller_id,"
                     " item_id, status, minimum_bid, created_at, updated_at)"
                     " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16, $17, $4,"
                     " $18, $18 WHERE $16::uuid IS NULL OR EXISTS (SELECT FROM items WHERE id = $16 AND owner_id = $15)"
                     " RETURNING " AUCTIONS_COLUMNS},
};

struct statements auctions_statements = {list, ARRAY_LEN(list), 0};

/* --- showing --- */

static void write_price(struct jsonw *json, const PGresult *result, int row, bool insider)
{
    bool reserved = !pg_null(result, row, AUCTIONS_RESERVE_PRICE);
    bool met =
        !reserved || (!pg_null(result, row, AUCTIONS_CURRENT_BID) &&
                      pg_money(result, row, AUCTIONS_CURRENT_BID) >= pg_money(result, row, AUCTIONS_RESERVE_PRICE));
    jsonw_put_money(json, "startingPrice", pg_money(result, row, AUCTIONS_STARTING_PRICE));
    jsonw_put_bool(json, "hasReserve", reserved);
    jsonw_put_bool(json, "reserveMet", met);
    if (insider) {
        columns_put_money(json, "reservePrice", result, row, AUCTIONS_RESERVE_PRICE);
    }
    /* Gone with the first bid that meets the reserve. */
    if (met && !pg_null(result, row, AUCTIONS_CURRENT_BID)) {
        jsonw_put_null(json, "buyNowPrice");
    } else {
        columns_put_money(json, "buyNowPrice", result, row, AUCTIONS_BUY_NOW_PRICE);
    }
    if (pg_null(result, row, AUCTIONS_BID_INCREMENT)) {
        const char *table = pg_text(result, row, AUCTIONS_INCREMENTS);
        jsonw_name(json, "incrementTable");
        jsonw_raw(json, table, strlen(table));
    } else {
        jsonw_put_money(json, "bidIncrement", pg_money(result, row, AUCTIONS_BID_INCREMENT));
    }
    columns_put_money(json, "currentBid", result, row, AUCTIONS_CURRENT_BID);
    jsonw_put_money(json, "minimumBid", pg_money(result, row, AUCTIONS_MINIMUM_BID));
    jsonw_put_int(json, "bidCount", pg_int(result, row, AUCTIONS_BID_COUNT));
}

static void write_times(struct jsonw *json, const PGresult *result, int row)
{
    jsonw_put_string(json, "status", pg_text(result, row, AUCTIONS_STATUS));
    jsonw_put_time(json, "startTime", pg_int(result, row, AUCTIONS_START));
    jsonw_put_time(json, "endTime", pg_int(result, row, AUCTIONS_END));
    jsonw_put_time(json, "originalEndTime", pg_int(result, row, AUCTIONS_ORIGINAL_END));
    jsonw_name(json, "antiSnipe");
    jsonw_object(json);
    jsonw_put_int(json, "windowSeconds", pg_int(result, row, AUCTIONS_SNIPE_WINDOW));
    jsonw_put_int(json, "extensionSeconds", pg_int(result, row, AUCTIONS_SNIPE_EXTENSION));
    if (pg_null(result, row, AUCTIONS_SNIPE_MAX)) {
        jsonw_put_null(json, "maxExtensions");
    } else {
        jsonw_put_int(json, "maxExtensions", pg_int(result, row, AUCTIONS_SNIPE_MAX));
    }
    jsonw_end_object(json);
}

static void write_outcome(struct jsonw *json, const PGresult *result, int row, bool may_see_winner)
{
    if (strcmp(pg_text(result, row, AUCTIONS_STATUS), "sold") != 0) {
        return;
    }
    struct uuid bid = pg_uuid(result, row, AUCTIONS_WINNING_BID);
    jsonw_put_uuid(json, "winningBidId", &bid);
    if (may_see_winner) {
        struct uuid winner = pg_uuid(result, row, AUCTIONS_WINNER);
        jsonw_put_uuid(json, "winnerId", &winner);
    }
}

/* Of the other party, for seller and winner alone. */
static void write_contact(struct jsonw *json, const struct request_user *user, const PGresult *result, int row)
{
    struct uuid seller = pg_uuid(result, row, AUCTIONS_SELLER);
    struct uuid winner = pg_uuid(result, row, AUCTIONS_WINNER);
    bool sells = uuid_equal(&user->id, &seller);
    if (uuid_is_nil(&user->id) || strcmp(pg_text(result, row, AUCTIONS_STATUS), "sold") != 0 ||
        (!sells && !uuid_equal(&user->id, &winner))) {
        return;
    }
    jsonw_name(json, "contact");
    jsonw_object(json);
    jsonw_put_string(json, "role", sells ? "winner" : "seller");
    jsonw_put_uuid(json, "userId", sells ? &winner : &seller);
    jsonw_put_string(json, "displayName", pg_text(result, row, sells ? AUCTIONS_WINNER_NAME : AUCTIONS_SELLER_NAME));
    jsonw_put_string(json, "email", pg_text(result, row, sells ? AUCTIONS_WINNER_EMAIL : AUCTIONS_SELLER_EMAIL));
    jsonw_end_object(json);
}

static void write_members(struct jsonw *json, const struct request_user *user, const PGresult *result, int row)
{
    struct uuid id = pg_uuid(result, row, AUCTIONS_ID);
    struct uuid seller = pg_uuid(result, row, AUCTIONS_SELLER);
    struct uuid winner = pg_uuid(result, row, AUCTIONS_WINNER);
    bool known = !uuid_is_nil(&user->id);
    bool insider = user->admin || (known && uuid_equal(&user->id, &seller));
    jsonw_put_uuid(json, "id", &id);
    jsonw_put_uuid(json, "sellerId", &seller);
    jsonw_put_string(json, "sellerName", pg_text(result, row, AUCTIONS_SELLER_NAME));
    if (!pg_null(result, row, AUCTIONS_ITEM)) {
        jsonw_put_string(json, "itemId", pg_text(result, row, AUCTIONS_ITEM));
    }
    jsonw_put_string(json, "title", pg_text(result, row, AUCTIONS_TITLE));
    jsonw_put_string(json, "description", pg_text(result, row, AUCTIONS_DESCRIPTION));
    jsonw_put_string(json, "category", pg_text(result, row, AUCTIONS_CATEGORY));
    jsonw_put_string(json, "currency", pg_text(result, row, AUCTIONS_CURRENCY));
    write_price(json, result, row, insider);
    write_times(json, result, row);
    jsonw_put_int(json, "watchers", pg_int(result, row, AUCTIONS_WATCHERS));
    const char *images = pg_text(result, row, AUCTIONS_IMAGES);
    jsonw_name(json, "images");
    jsonw_raw(json, images, strlen(images));
    write_outcome(json, result, row, insider || (known && uuid_equal(&user->id, &winner)));
    write_contact(json, user, result, row);
    jsonw_put_int(json, "version", pg_int(result, row, AUCTIONS_VERSION));
    jsonw_put_time(json, "createdAt", pg_int(result, row, AUCTIONS_CREATED));
    jsonw_put_time(json, "updatedAt", pg_int(result, row, AUCTIONS_UPDATED));
}

void auctions_write_view(struct jsonw *json, const struct request_user *user, const PGresult *result, int row)
{
    jsonw_object(json);
    write_members(json, user, result, row);
    jsonw_end_object(json);
}

void auctions_write(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    jsonw_object(json);
    write_members(json, &request->user, result, row);
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
}

bool auctions_hidden(const struct request *request, const PGresult *result)
{
    struct uuid seller = {{0}};
    if (PQntuples(result) == 0) {
        return true;
    }
    seller = pg_uuid(result, 0, AUCTIONS_SELLER);
    return strcmp(pg_text(result, 0, AUCTIONS_STATUS), "draft") == 0 && !uuid_equal(&request->user.id, &seller);
}

/* --- creating --- */

static void on_created(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    /* 23505 is unique_violation, and the only unique thing but the new id is the item that is on sale. */
    if (reply->outcome == PG_FAILED && strcmp(reply->sqlstate, "23505") == 0 && !request_answered(request)) {
        reply_error(request, ERROR_ITEM_ALREADY_LISTED);
        return;
    }
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        struct faults faults = {.count = 0};
        faults_add(&faults, "itemId", "names no item of yours");
        reply_faults(request, &faults);
        return;
    }
    char location[LOCATION_SIZE];
    (void)snprintf(location, sizeof location, "/api/v1/auctions/%s", pg_text(reply->result, 0, AUCTIONS_ID));
    reply_header(request, "Location", location);
    metering_auction_created();
    documents_reply(request, 201, reply->result);
}

static void add_auction(struct request *request, const struct terms *terms, int64_t now_ms)
{
    struct terms_text text;
    char id[UUID_TEXT_SIZE];
    char seller[UUID_TEXT_SIZE];
    char item[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    struct uuid made = uuid_new();
    const char *values[TERMS_VALUES + 5];
    terms_values(request, terms, &text, values);
    uuid_format(&made, id);
    uuid_format(&request->user.id, seller);
    uuid_format(&terms->item, item);
    clock_format(now_ms, now);
    values[TERMS_VALUES] = id;
    values[TERMS_VALUES + 1] = seller;
    values[TERMS_VALUES + 2] = terms->has_item ? item : NULL;
    values[TERMS_VALUES + 3] = terms->draft ? "draft" : terms->start_ms > now_ms ? "scheduled" : "active";
    values[TERMS_VALUES + 4] = now;
    if (!statements_query(request->gateway, &auctions_statements, AUCTION_ADD, ARRAY_LEN(values), values, on_created,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_create(struct request *request)
{
    int64_t now_ms = clock_now_ms();
    struct terms terms = terms_default(now_ms);
    const struct terms_reading reading = {.now_ms = now_ms};
    if (terms_read(request, &reading, &terms)) {
        add_auction(request, &terms, now_ms);
    }
}

const struct route auctions_routes[] = {
    {METHOD_POST, ROUTE_USER, "/api/v1/auctions", handle_create, LIMIT_AUCTIONS, ROUTE_JSON_BODY},
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions/:id", documents_get, LIMIT_NONE, ROUTE_NO_BODY},
    {0},
};
