/*
 * Creating and showing an auction. A new auction is written straight to PostgreSQL: nobody can bid on it before its id
 * is known, so that its queue need not order this. Every later change goes through its queue.
 */
#include "gateway/auctions.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/increments.h"
#include "common/money.h"
#include "gateway/columns.h"
#include "gateway/fields.h"
#include "gateway/gateway.h"
#include "gateway/reply.h"

enum {
    TITLE_MOST = 255,
    DESCRIPTION_MOST = 20000, /* characters; fits the body limit of 64 KiB also in four-byte UTF-8 escapes mostly */
    CATEGORY_MOST = 100,
    DURATION_LEAST_MS = 1000,
    START_TOLERANCE_MS = 60000,   /* a startTime this much past is a client's clock, and means now */
    SNIPE_MOST_S = 86400,         /* a day */
    SNIPE_EXTENSIONS_MOST = 1000, /* far beyond any hammer's patience */
    SNIPE_DEFAULT_S = 120,
    BID_INCREMENT_DEFAULT = 100, /* minor units: 1.00 */
    ETAG_SIZE = 48,
    LOCATION_SIZE = 64,
};
#define END_MOST_MS (INT64_C(366) * 86400 * 1000) /* a year, leap years included */

enum { AUCTION_ADD, AUCTION_GET };

static const struct pg_statement list[] = {
    [AUCTION_ADD] = {"auction_add",
                     "INSERT INTO auctions AS a (id, seller_id, item_id, title, description, category, starting_price,"
                     " reserve_price, buy_now_price, increments, bid_increment, snipe_window_s, snipe_extension_s,"
                     " snipe_max, start_time, original_end_time, end_time, status, minimum_bid, created_at, updated_at)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $7,"
                     " $18, $18) RETURNING " AUCTIONS_COLUMNS},
    [AUCTION_GET] = {"auction_get", "SELECT " AUCTIONS_COLUMNS " FROM auctions a WHERE a.id = $1"},
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
    columns_put_money(json, "buyNowPrice", result, row, AUCTIONS_BUY_NOW_PRICE);
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

void auctions_write(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    const struct request_user *user = &request->user;
    struct uuid id = pg_uuid(result, row, AUCTIONS_ID);
    struct uuid seller = pg_uuid(result, row, AUCTIONS_SELLER);
    struct uuid winner = pg_uuid(result, row, AUCTIONS_WINNER);
    bool known = !uuid_is_nil(&user->id);
    bool insider = user->admin || (known && uuid_equal(&user->id, &seller));
    jsonw_object(json);
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
    /* Nobody can watch yet; the member is the contract's. */
    jsonw_put_int(json, "watchers", 0);
    const char *images = pg_text(result, row, AUCTIONS_IMAGES);
    jsonw_name(json, "images");
    jsonw_raw(json, images, strlen(images));
    write_outcome(json, result, row, insider || (known && uuid_equal(&user->id, &winner)));
    jsonw_put_int(json, "version", pg_int(result, row, AUCTIONS_VERSION));
    jsonw_put_time(json, "createdAt", pg_int(result, row, AUCTIONS_CREATED));
    jsonw_put_time(json, "updatedAt", pg_int(result, row, AUCTIONS_UPDATED));
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
}

/* Weak: serverTime differs in each answer, the auction does not. Its version does not count images: their hash does. */
static void put_etag(struct request *request, const PGresult *result)
{
    char etag[ETAG_SIZE];
    uint8_t hash[crypto_shorthash_BYTES];
    static const uint8_t key[crypto_shorthash_KEYBYTES];
    char hex[sizeof(hash) * 2 + 1];
    const char *images = pg_text(result, 0, AUCTIONS_IMAGES);
    (void)crypto_shorthash(hash, (const unsigned char *)images, strlen(images), key);
    (void)snprintf(etag, sizeof etag, "W/\"%lld-%s\"", (long long)pg_int(result, 0, AUCTIONS_VERSION),
                   sodium_bin2hex(hex, sizeof hex, hash, sizeof hash));
    reply_header(request, "ETag", etag);
    reply_header(request, "Vary", "Authorization, Cookie");
}

static void on_auction(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    put_etag(request, reply->result);
    auctions_write(reply_json(request), request, reply->result, 0);
    reply_send(request, 200);
}

static void handle_get(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&request->parameters[0], id);
    const char *values[] = {id};
    if (!statements_query(request->gateway, &auctions_statements, AUCTION_GET, ARRAY_LEN(values), values, on_auction,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* --- creating --- */

/* What a seller asks for, checked. 0 for money: absent. */
struct listing {
    const char *title;
    const char *description;
    const char *category;
    int64_t starting_price;
    int64_t reserve_price;
    int64_t buy_now_price;
    int64_t bid_increment; /* 0: a table */
    const struct json *table;
    bool has_item;
    struct uuid item;
    int64_t start_ms;
    int64_t end_ms;
    int64_t snipe_window_s;
    int64_t snipe_extension_s;
    int64_t snipe_max; /* -1: no cap */
};

/* False with the offending field's name if an amount is none (400 INVALID_AMOUNT). */
static bool read_money(const struct json *body, struct listing *listing, struct faults *faults, const char **field)
{
    const struct {
        const char *name;
        int64_t *minor;
    } amounts[] = {
        {"startingPrice", &listing->starting_price},
        {"reservePrice", &listing->reserve_price},
        {"buyNowPrice", &listing->buy_now_price},
        {"bidIncrement", &listing->bid_increment},
    };
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
        const struct json *member = json_member(body, amounts[i].name);
        if (i > 0 && member != NULL && member->type == JSON_NULL) {
            continue; /* an optional amount said to be absent */
        }
        if (member != NULL && member->type != JSON_NUMBER && member->type != JSON_STRING) {
            faults_add(faults, amounts[i].name, "must be an amount of money");
        } else if (fields_money(body, amounts[i].name, amounts[i].minor) == FIELDS_MONEY_INVALID) {
            *field = amounts[i].name;
            return false;
        }
    }
    if (json_member(body, "startingPrice") == NULL) {
        faults_add(faults, "startingPrice", "is required");
    }
    return true;
}

static void check_prices(const struct listing *listing, struct faults *faults)
{
    if (listing->reserve_price > 0 && listing->reserve_price < listing->starting_price) {
        faults_add(faults, "reservePrice", "must not be below startingPrice");
    }
    int64_t least = listing->reserve_price > 0 ? listing->reserve_price : listing->starting_price;
    if (listing->buy_now_price > 0 && listing->buy_now_price < least) {
        faults_add(faults, "buyNowPrice", "must not be below startingPrice and reservePrice");
    }
}

static void read_increments(const struct json *body, struct listing *listing, struct faults *faults)
{
    const struct json *table = json_member(body, "incrementTable");
    if (table == NULL || table->type == JSON_NULL) {
        if (listing->bid_increment == 0) {
            listing->bid_increment = BID_INCREMENT_DEFAULT;
        }
        return;
    }
    struct increments increments;
    const char *why = NULL;
    if (listing->bid_increment > 0) {
        faults_add(faults, "incrementTable", "goes without bidIncrement");
    } else if (!increments_parse(table, &increments, &why)) {
        faults_add(faults, "incrementTable", why);
    }
    listing->table = table;
}

static void read_times(const struct json *body, int64_t now_ms, struct listing *listing, struct faults *faults)
{
    listing->start_ms = now_ms;
    if (fields_time(body, "startTime", FIELDS_OPTIONAL, &listing->start_ms, faults)) {
        if (listing->start_ms < now_ms - START_TOLERANCE_MS) {
            faults_add(faults, "startTime", "is in the past");
        }
        if (listing->start_ms < now_ms) {
            listing->start_ms = now_ms;
        }
    }
    if (!fields_time(body, "endTime", FIELDS_REQUIRED, &listing->end_ms, faults)) {
        return;
    }
    if (listing->end_ms < listing->start_ms + DURATION_LEAST_MS) {
        faults_add(faults, "endTime", "must be at least a second after startTime, and after now");
    } else if (listing->end_ms > now_ms + END_MOST_MS) {
        faults_add(faults, "endTime", "must be within a year");
    }
}

static void read_anti_snipe(const struct json *body, struct listing *listing, struct faults *faults)
{
    static const char *const known[] = {"windowSeconds", "extensionSeconds", "maxExtensions", NULL};
    const struct json *snipe = json_member(body, "antiSnipe");
    listing->snipe_window_s = SNIPE_DEFAULT_S;
    listing->snipe_extension_s = SNIPE_DEFAULT_S;
    listing->snipe_max = -1;
    if (snipe == NULL || snipe->type == JSON_NULL) {
        return;
    }
    if (snipe->type != JSON_OBJECT) {
        faults_add(faults, "antiSnipe", "must be an object");
        return;
    }
    fields_known(snipe, known, faults);
    (void)fields_int(snipe, "windowSeconds", FIELDS_OPTIONAL, 0, SNIPE_MOST_S, &listing->snipe_window_s, faults);
    (void)fields_int(snipe, "extensionSeconds", FIELDS_OPTIONAL, 1, SNIPE_MOST_S, &listing->snipe_extension_s, faults);
    const struct json *most = json_member(snipe, "maxExtensions");
    if (most != NULL && most->type != JSON_NULL) {
        (void)fields_int(snipe, "maxExtensions", FIELDS_OPTIONAL, 0, SNIPE_EXTENSIONS_MOST, &listing->snipe_max,
                         faults);
    }
}

static void read_texts(const struct json *body, struct listing *listing, struct faults *faults)
{
    static const char *const known[] = {"title",        "description",    "category",  "currency",  "startingPrice",
                                        "reservePrice", "buyNowPrice",    "itemId",    "startTime", "endTime",
                                        "bidIncrement", "incrementTable", "antiSnipe", NULL};
    const char *currency = "USD";
    listing->description = "";
    listing->category = "";
    fields_known(body, known, faults);
    (void)fields_text(body, "title", FIELDS_REQUIRED, 1, TITLE_MOST, &listing->title, faults);
    (void)fields_text(body, "description", FIELDS_OPTIONAL, 0, DESCRIPTION_MOST, &listing->description, faults);
    (void)fields_text(body, "category", FIELDS_OPTIONAL, 0, CATEGORY_MOST, &listing->category, faults);
    if (fields_text(body, "currency", FIELDS_OPTIONAL, 1, TITLE_MOST, &currency, faults) &&
        strcmp(currency, "USD") != 0) {
        faults_add(faults, "currency", "must be USD");
    }
    listing->has_item = fields_uuid(body, "itemId", FIELDS_OPTIONAL, &listing->item, faults);
}

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
    char location[LOCATION_SIZE];
    (void)snprintf(location, sizeof location, "/api/v1/auctions/%s", pg_text(reply->result, 0, AUCTIONS_ID));
    reply_header(request, "Location", location);
    put_etag(request, reply->result);
    auctions_write(reply_json(request), request, reply->result, 0);
    reply_send(request, 201);
}

/* A money value for SQL: NULL when it is absent. */
static const char *money_value(int64_t minor, char out[static MONEY_TEXT_SIZE])
{
    if (minor == 0) {
        return NULL;
    }
    money_format(minor, out);
    return out;
}

/* The increments as the bid worker reads them; in the worker's writer, so use it before answering. */
static const char *increments_value(struct request *request, const struct listing *listing)
{
    struct jsonw *json = reply_json(request);
    if (listing->table != NULL) {
        jsonw_value(json, listing->table);
    } else {
        jsonw_array(json);
        jsonw_object(json);
        jsonw_put_int(json, "from", 0);
        jsonw_put_money(json, "increment", listing->bid_increment);
        jsonw_end_object(json);
        jsonw_end_array(json);
    }
    return jsonw_text(json, NULL);
}

/* Text forms of what a statement takes. */
struct listing_text {
    char id[UUID_TEXT_SIZE];
    char seller[UUID_TEXT_SIZE];
    char item[UUID_TEXT_SIZE];
    char starting[MONEY_TEXT_SIZE];
    char reserve[MONEY_TEXT_SIZE];
    char buy_now[MONEY_TEXT_SIZE];
    char increment[MONEY_TEXT_SIZE];
    char window[24];
    char extension[24];
    char most[24];
    char start[CLOCK_TEXT_SIZE];
    char end[CLOCK_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
};

static void add_auction(struct request *request, const struct listing *listing, int64_t now_ms)
{
    struct listing_text text;
    struct uuid id = uuid_new();
    uuid_format(&id, text.id);
    uuid_format(&request->user.id, text.seller);
    uuid_format(&listing->item, text.item);
    clock_format(listing->start_ms, text.start);
    clock_format(listing->end_ms, text.end);
    clock_format(now_ms, text.now);
    (void)snprintf(text.window, sizeof text.window, "%lld", (long long)listing->snipe_window_s);
    (void)snprintf(text.extension, sizeof text.extension, "%lld", (long long)listing->snipe_extension_s);
    (void)snprintf(text.most, sizeof text.most, "%lld", (long long)listing->snipe_max);
    const char *values[] = {
        text.id,
        text.seller,
        listing->has_item ? text.item : NULL,
        listing->title,
        listing->description,
        listing->category,
        money_value(listing->starting_price, text.starting),
        money_value(listing->reserve_price, text.reserve),
        money_value(listing->buy_now_price, text.buy_now),
        increments_value(request, listing),
        money_value(listing->bid_increment, text.increment),
        text.window,
        text.extension,
        listing->snipe_max < 0 ? NULL : text.most,
        text.start,
        text.end,
        listing->start_ms > now_ms ? "scheduled" : "active",
        text.now,
    };
    if (!statements_query(request->gateway, &auctions_statements, AUCTION_ADD, ARRAY_LEN(values), values, on_created,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_create(struct request *request)
{
    struct listing listing = {.title = NULL};
    struct faults faults = {.count = 0};
    const char *field = NULL;
    int64_t now_ms = clock_now_ms();
    if (!read_money(request->body, &listing, &faults, &field)) {
        struct jsonw *json = reply_error_begin(request, ERROR_INVALID_AMOUNT);
        jsonw_put_string(json, "field", field);
        reply_error_send(request, ERROR_INVALID_AMOUNT);
        return;
    }
    read_texts(request->body, &listing, &faults);
    check_prices(&listing, &faults);
    read_increments(request->body, &listing, &faults);
    read_times(request->body, now_ms, &listing, &faults);
    read_anti_snipe(request->body, &listing, &faults);
    if (faults.count > 0) {
        reply_faults(request, &faults);
        return;
    }
    add_auction(request, &listing, now_ms);
}

const struct route auctions_routes[] = {
    {METHOD_POST, ROUTE_USER, "/api/v1/auctions", handle_create, LIMIT_AUCTIONS, ROUTE_JSON_BODY},
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY},
    {0},
};
