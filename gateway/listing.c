/*
 * The list of auctions: one statement an order, each with the same filters, all of them optional, and a keyset cursor
 * (the sort key and the id of the last item shown), so that pages stay true while prices move.
 */
#include "gateway/listing.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/money.h"
#include "gateway/auctions.h"
#include "gateway/cursor.h"
#include "gateway/gateway.h"
#include "gateway/reply.h"

#define PRICE "coalesce(a.current_bid, a.starting_price)"
/* $1 status, $2 category, $3 least price, $4 greatest price, $5 seller, $6 key, $7 id, $8 limit */
#define LIST(name, column, type, than, direction)                                                                      \
    {                                                                                                                  \
        name, "SELECT " AUCTIONS_COLUMNS " FROM auctions a WHERE a.status = $1"                                        \
              " AND ($2::text IS NULL OR a.category = $2) AND ($3::numeric IS NULL OR " PRICE " >= $3)"                \
              " AND ($4::numeric IS NULL OR " PRICE " <= $4) AND ($5::uuid IS NULL OR a.seller_id = $5)"               \
              " AND ($6::" type " IS NULL OR (" column ", a.id) " than " ($6::" type ", $7::uuid))"                    \
              " ORDER BY " column " " direction ", a.id " direction " LIMIT $8"                                        \
    }

enum order { ORDER_ENDING, ORDER_NEWEST, ORDER_PRICE_UP, ORDER_PRICE_DOWN };

static const struct pg_statement list[] = {
    [ORDER_ENDING] = LIST("auctions_ending", "a.end_time", "timestamptz", ">", "ASC"),
    [ORDER_NEWEST] = LIST("auctions_newest", "a.created_at", "timestamptz", "<", "DESC"),
    [ORDER_PRICE_UP] = LIST("auctions_price_up", PRICE, "numeric", ">", "ASC"),
    [ORDER_PRICE_DOWN] = LIST("auctions_price_down", PRICE, "numeric", "<", "DESC"),
};

struct statements listing_statements = {list, ARRAY_LEN(list), 0};

/* The contract's words for the orders, and the tag of their cursors. */
static const char *const order_names[] = {
    [ORDER_ENDING] = "ending",
    [ORDER_NEWEST] = "newest",
    [ORDER_PRICE_UP] = "price",
    [ORDER_PRICE_DOWN] = "-price",
};

/* Drafts are their seller's alone. */
static const char *const statuses[] = {"scheduled", "active", "ended", "sold", "unsold", "cancelled"};

enum { STATUS_SIZE = 16, CATEGORY_SIZE = 401, ORDER_SIZE = 16 };

struct search {
    enum order order;
    struct page page;
    char status[STATUS_SIZE];
    char category[CATEGORY_SIZE];
    char least[MONEY_TEXT_SIZE];
    char most[MONEY_TEXT_SIZE];
    char seller[UUID_TEXT_SIZE];
    bool has_category;
    bool has_least;
    bool has_most;
    bool has_seller;
};

static int find_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool read_price(struct request *request, const char *name, char out[static MONEY_TEXT_SIZE],
                       struct faults *faults)
{
    int64_t minor = 0;
    if (!request_query(request, name, out, MONEY_TEXT_SIZE)) {
        return false;
    }
    if (!money_parse(out, strlen(out), &minor)) {
        faults_add(faults, name, "must be an amount of money");
    }
    return true;
}

static void read_order(struct request *request, struct search *search, struct faults *faults)
{
    char name[ORDER_SIZE];
    if (!request_query(request, "sort", name, sizeof name)) {
        search->order = ORDER_ENDING;
        return;
    }
    int order = find_word(order_names, ARRAY_LEN(order_names), name);
    if (order < 0) {
        faults_add(faults, "sort", "must be ending, newest, price or -price");
        order = ORDER_ENDING;
    }
    search->order = (enum order)order;
}

/* A cursor comes from outside: its key must be what the statement can read. */
static bool good_key(enum order order, const struct cursor *cursor)
{
    int64_t value = 0;
    if (order == ORDER_ENDING || order == ORDER_NEWEST) {
        return cursor_key_is_time(cursor);
    }
    return money_parse(cursor->key, strlen(cursor->key), &value);
}

static void read_search(struct request *request, struct search *search, struct faults *faults)
{
    struct uuid seller;
    char text[2];
    if (!request_query(request, "status", search->status, sizeof search->status)) {
        (void)snprintf(search->status, sizeof search->status, "active");
    } else if (find_word(statuses, ARRAY_LEN(statuses), search->status) < 0) {
        faults_add(faults, "status", "must be scheduled, active, ended, sold, unsold or cancelled");
    }
    search->has_category = request_query(request, "category", search->category, sizeof search->category);
    if (search->has_category && search->category[0] == '\x01') {
        faults_add(faults, "category", "is too long or badly encoded");
    }
    search->has_least = read_price(request, "minPrice", search->least, faults);
    search->has_most = read_price(request, "maxPrice", search->most, faults);
    search->has_seller = request_query(request, "sellerId", search->seller, sizeof search->seller);
    if (search->has_seller && !uuid_parse(search->seller, strlen(search->seller), &seller)) {
        faults_add(faults, "sellerId", "must be a UUID");
    }
    if (request_query(request, "q", text, sizeof text)) {
        faults_add(faults, "q", "full text search is not offered by this version");
    }
    read_order(request, search, faults);
    page_read(request, order_names[search->order], &search->page, faults);
    if (search->page.has_cursor && !good_key(search->order, &search->page.cursor)) {
        faults_add(faults, "cursor", "is not a cursor of this list");
    }
}

static void fill_cursor(const struct search *search, const PGresult *result, int row, struct cursor *cursor)
{
    *cursor = (struct cursor){.id = pg_uuid(result, row, AUCTIONS_ID)};
    (void)snprintf(cursor->sort, sizeof cursor->sort, "%s", order_names[search->order]);
    switch (search->order) {
    case ORDER_ENDING:
        clock_format(pg_int(result, row, AUCTIONS_END), cursor->key);
        break;
    case ORDER_NEWEST:
        clock_format(pg_int(result, row, AUCTIONS_CREATED), cursor->key);
        break;
    case ORDER_PRICE_UP:
    case ORDER_PRICE_DOWN: {
        bool bid = !pg_null(result, row, AUCTIONS_CURRENT_BID);
        money_format(pg_money(result, row, bid ? AUCTIONS_CURRENT_BID : AUCTIONS_STARTING_PRICE), cursor->key);
        break;
    }
    }
}

static void on_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const struct search *search = request->own;
    int rows = PQntuples(reply->result);
    int shown = rows < search->page.limit ? rows : search->page.limit;
    struct jsonw *json = reply_json(request);
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        auctions_write(json, request, reply->result, row);
    }
    struct cursor last;
    if (rows > shown) {
        fill_cursor(search, reply->result, shown - 1, &last);
    }
    page_end(json, rows > shown ? &last : NULL);
    reply_send(request, 200);
}

static void handle_list(struct request *request)
{
    struct faults faults = {.count = 0};
    struct search *search = request_own(request, sizeof *search);
    if (search == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    read_search(request, search, &faults);
    if (faults.count > 0) {
        reply_faults(request, &faults);
        return;
    }
    char id[UUID_TEXT_SIZE];
    char limit[16];
    uuid_format(&search->page.cursor.id, id);
    (void)snprintf(limit, sizeof limit, "%d", search->page.limit + 1);
    const char *values[] = {
        search->status,
        search->has_category ? search->category : NULL,
        search->has_least ? search->least : NULL,
        search->has_most ? search->most : NULL,
        search->has_seller ? search->seller : NULL,
        search->page.has_cursor ? search->page.cursor.key : NULL,
        search->page.has_cursor ? id : NULL,
        limit,
    };
    if (!statements_query(request->gateway, &listing_statements, (size_t)search->order, ARRAY_LEN(values), values,
                          on_found, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route listing_routes[] = {
    {METHOD_GET, ROUTE_OPTIONAL, "/api/v1/auctions", handle_list, LIMIT_SEARCHES, ROUTE_NO_BODY},
    {0},
};
