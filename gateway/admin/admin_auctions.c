/*
 * See admin_auctions.h. Auctions have the usual form (view.h) with the ids and names of leader and bidders. An admin
 * sees the reserve and the winner, but never an active maximum.
 */
#include "gateway/admin/admin_auctions.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/money.h"
#include "common/rules/rules.h"
#include "gateway/auction/terms.h"
#include "gateway/auction/view.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/page.h"

#define PRICE "coalesce(a.current_bid, a.starting_price)"
/* The bidders of the newest 100 public entries, so that an auction with many bids costs no more. */
#define BIDDERS                                                                                                        \
    "(SELECT coalesce(json_agg(json_build_object('id', u.id, 'displayName', u.display_name) ORDER BY u.id), '[]')"     \
    " FROM (SELECT DISTINCT n.bidder_id FROM (SELECT p.bidder_id FROM public_bids p WHERE p.auction_id = a.id"         \
    "  ORDER BY p.seq DESC LIMIT 100) n) d CROSS JOIN LATERAL"                                                         \
    "  (SELECT id, display_name FROM users WHERE id = d.bidder_id OFFSET 0) u)"
/* $1 key, $2 id, $3 limit, then the filters in the order of `filters`. */
#define COLUMNS                                                                                                        \
    "SELECT " VIEW_COLUMNS ", a.leader_id, (SELECT u.display_name FROM users u WHERE u.id = a.leader_id), " BIDDERS
#define FILTERED                                                                                                       \
    " AND ($5::text IS NULL OR a.category = $5)"                                                                       \
    " AND ($6::numeric IS NULL OR " PRICE " >= $6) AND ($7::numeric IS NULL OR " PRICE " <= $7)"                       \
    " AND ($8::uuid IS NULL OR a.seller_id = $8)"                                                                      \
    " AND ($9::text IS NULL OR strpos(lower(a.title), lower($9)) > 0)"
#define ORDERED(column, id, direction) " ORDER BY " column " " direction ", " id " " direction " LIMIT $3"
/* Of a bidder or a seller: begins with their auctions, which an index finds. */
#define LIST_OF(name, from, column, type, than, direction)                                                             \
    {                                                                                                                  \
        name, COLUMNS " FROM " from " AND ($1::" type " IS NULL OR (" column ", a.id) " than " ($1::" type             \
                      ", $2::uuid))"                                                                                   \
                      " AND ($4::text IS NULL OR a.status = ANY (string_to_array($4, ',')))" FILTERED                  \
                      ORDERED(column, "a.id", direction)                                                               \
    }
#define OF_BIDDER                                                                                                      \
    "(SELECT DISTINCT auction_id FROM bids WHERE bidder_id = $10::uuid AND kind IN ('bid', 'proxy', 'auto', 'buy'))"   \
    " mine JOIN auctions a ON a.id = mine.auction_id WHERE true"
#define OF_SELLER "auctions a WHERE a.seller_id = $8::uuid"
/*
 * Of all: the first of each status in the order of an index on `from`, then the first of these. `first` is before all
 * keys, and `first_id` before all ids.
 */
#define LIST(name, from, key, id, column, type, than, direction, first, first_id)                                      \
    {                                                                                                                  \
        name, COLUMNS " FROM (SELECT DISTINCT unnest(coalesce(string_to_array($4, ','), " STATUSES ")) AS status) s"   \
                      " CROSS JOIN LATERAL (SELECT a.* FROM " from ".status = s.status AND (" key ", " id ") " than    \
                      " (coalesce($1::" type ", '" first "'), coalesce($2::uuid, '" first_id "'))" FILTERED            \
                      ORDERED(key, id, direction) ") a" ORDERED(column, "a.id", direction)                             \
    }
#define STATUSES "ARRAY['draft', 'scheduled', 'active', 'ended', 'sold', 'unsold', 'cancelled']"
#define FIRST_ID "00000000-0000-0000-0000-000000000000"
#define LAST_ID  "ffffffff-ffff-ffff-ffff-ffffffffffff"
#define BY_PRICE                                                                                                       \
    "auction_prices p CROSS JOIN LATERAL (SELECT * FROM auctions WHERE id = p.auction_id OFFSET 0) a WHERE p"
enum order { ORDER_NEWEST, ORDER_ENDING, ORDER_PRICE_UP, ORDER_PRICE_DOWN, ORDERS };
/* The first statement of the lists of all auctions, of a bidder and of a seller. */
enum { LISTS_OF_ALL, LISTS_OF_BIDDER = ORDERS, LISTS_OF_SELLER = 2 * ORDERS };

#define LISTS_OF(number, suffix, from)                                                                                 \
    [(number) +                                                                                                        \
        ORDER_NEWEST] = LIST_OF("admin_auctions_newest" suffix, from, "a.created_at", "timestamptz", "<", "DESC"),     \
        [(number) + ORDER_ENDING] =                                                                                    \
            LIST_OF("admin_auctions_ending" suffix, from, "a.end_time", "timestamptz", ">", "ASC"),                    \
        [(number) + ORDER_PRICE_UP] = LIST_OF("admin_auctions_price_up" suffix, from, PRICE, "numeric", ">", "ASC"),   \
        [(number) + ORDER_PRICE_DOWN] =                                                                                \
            LIST_OF("admin_auctions_price_down" suffix, from, PRICE, "numeric", "<", "DESC")

static const struct pg_statement list[3 * ORDERS] = {
    [ORDER_NEWEST] = LIST("admin_auctions_newest", "auctions a WHERE a", "a.created_at", "a.id", "a.created_at",
                          "timestamptz", "<", "DESC", "infinity", LAST_ID),
    [ORDER_ENDING] = LIST("admin_auctions_ending", "auctions a WHERE a", "a.end_time", "a.id", "a.end_time",
                          "timestamptz", ">", "ASC", "-infinity", FIRST_ID),
    [ORDER_PRICE_UP] = LIST("admin_auctions_price_up", BY_PRICE, "p.price", "p.auction_id", PRICE, "numeric", ">",
                            "ASC", "-infinity", FIRST_ID),
    [ORDER_PRICE_DOWN] = LIST("admin_auctions_price_down", BY_PRICE, "p.price", "p.auction_id", PRICE, "numeric", "<",
                              "DESC", "infinity", LAST_ID),
    LISTS_OF(LISTS_OF_BIDDER, "_of_bidder", OF_BIDDER),
    LISTS_OF(LISTS_OF_SELLER, "_of_seller", OF_SELLER),
};

struct statements admin_auctions_statements = {list, ARRAY_LEN(list), 0};

/* The names of the orders in the API, also used as tags of their cursors. */
static const char *const order_names[ORDERS] = {
    [ORDER_NEWEST] = "newest", [ORDER_ENDING] = "ending", [ORDER_PRICE_UP] = "price", [ORDER_PRICE_DOWN] = "-price"};

enum { FILTER_SIZE = 401, NUMBER_SIZE = 16 };
enum filter {
    FILTER_STATUS,
    FILTER_CATEGORY,
    FILTER_LEAST,
    FILTER_MOST,
    FILTER_SELLER,
    FILTER_Q,
    FILTER_BIDDER,
    FILTERS
};
enum { LEADER = VIEW_COLUMN_COUNT, LEADER_NAME, BIDDERS_ITEMS };

struct search {
    enum order order;
    struct page page;
    bool given[FILTERS];
    char text[FILTERS][FILTER_SIZE];
};

static bool is_status(const char *word)
{
    enum rules_status status = RULES_NO_STATUS;
    return rules_status_parse(word, &status);
}

/* One status, or several with commas. */
static bool valid_status(const char *text)
{
    return fields_words(text, is_status);
}

static bool valid_text(const char *text)
{
    return text[0] != '\x01';
}

static bool valid_category(const char *text)
{
    return fields_line(text, TERMS_CATEGORY_MOST);
}

static bool valid_price(const char *text)
{
    int64_t minor = 0;
    return money_parse(text, strlen(text), &minor);
}

static bool valid_id(const char *text)
{
    struct uuid id;
    return uuid_parse(text, strlen(text), &id);
}

static const struct {
    const char *name;
    bool (*ok)(const char *text);
    enum field_code code;
    struct parameter parameter; /* of the code; without a name: none */
} filters[FILTERS] = {
    [FILTER_STATUS] = {"status",
                       valid_status,
                       FIELD_UNKNOWN_WORDS,
                       {"allowed", PARAMETER_WORDS, 0, "draft scheduled active ended sold unsold cancelled"}},
    [FILTER_CATEGORY] = {"category",
                         valid_category,
                         FIELD_INVALID_TEXT,
                         {"max", PARAMETER_NUMBER, TERMS_CATEGORY_MOST, NULL}},
    [FILTER_LEAST] = {"minPrice", valid_price, FIELD_NOT_AN_AMOUNT, {"max", PARAMETER_MONEY, MONEY_MAX, NULL}},
    [FILTER_MOST] = {"maxPrice", valid_price, FIELD_NOT_AN_AMOUNT, {"max", PARAMETER_MONEY, MONEY_MAX, NULL}},
    [FILTER_SELLER] = {"sellerId", valid_id, FIELD_NOT_A_UUID, {NULL, PARAMETER_NULL, 0, NULL}},
    [FILTER_Q] = {"q", valid_text, FIELD_INVALID_TEXT, {"max", PARAMETER_NUMBER, FILTER_SIZE - 1, NULL}},
    [FILTER_BIDDER] = {"bidderId", valid_id, FIELD_NOT_A_UUID, {NULL, PARAMETER_NULL, 0, NULL}},
};

static void read_order(const struct request *request, struct search *search, struct field_errors *field_errors)
{
    char name[NUMBER_SIZE];
    search->order = ORDER_NEWEST;
    if (!request_query(request, "sort", name, sizeof(name))) {
        return;
    }
    for (size_t i = 0; i < ORDERS; i++) {
        if (strcmp(order_names[i], name) == 0) {
            search->order = (enum order)i;
            return;
        }
    }
    field_errors_add_one(field_errors, "sort", FIELD_UNKNOWN_VALUE,
                         parameter_words("allowed", "newest ending price -price"));
}

/* A cursor comes from the client: its key must be valid for the statement. */
static bool valid_key(const struct search *search)
{
    int64_t ms = 0;
    const char *key = search->page.cursor.key;
    return search->order == ORDER_NEWEST || search->order == ORDER_ENDING ? clock_parse(key, &ms) : valid_price(key);
}

static void add_filter_error(size_t filter, struct field_errors *field_errors)
{
    if (filters[filter].parameter.name == NULL) {
        field_errors_add(field_errors, filters[filter].name, filters[filter].code);
    } else {
        field_errors_add_one(field_errors, filters[filter].name, filters[filter].code, filters[filter].parameter);
    }
}

static void read_search(const struct request *request, struct search *search, struct field_errors *field_errors)
{
    for (size_t i = 0; i < FILTERS; i++) {
        search->given[i] = request_query(request, filters[i].name, search->text[i], FILTER_SIZE);
        if (search->given[i] && !filters[i].ok(search->text[i])) {
            add_filter_error(i, field_errors);
        }
    }
    read_order(request, search, field_errors);
    page_read(request, order_names[search->order], &search->page, field_errors);
    if (search->page.has_cursor && !valid_key(search)) {
        field_errors_add(field_errors, "cursor", FIELD_NOT_A_CURSOR);
    }
}

static void fill_cursor(const struct search *search, const PGresult *result, int row, struct cursor *cursor)
{
    *cursor = (struct cursor){.id = pg_uuid(result, row, VIEW_ID)};
    (void)snprintf(cursor->sort, sizeof(cursor->sort), "%s", order_names[search->order]);
    if (search->order == ORDER_NEWEST || search->order == ORDER_ENDING) {
        clock_format(pg_int(result, row, search->order == ORDER_NEWEST ? VIEW_CREATED : VIEW_END), cursor->key);
    } else {
        bool bid = !pg_null(result, row, VIEW_CURRENT_BID);
        money_format(pg_money(result, row, bid ? VIEW_CURRENT_BID : VIEW_STARTING_PRICE), cursor->key);
    }
}

static void write_auction(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    bool led = !pg_null(result, row, LEADER);
    const char *bidders = pg_text(result, row, BIDDERS_ITEMS);
    jsonw_object(json);
    view_write_members(json, &request->user, result, row);
    jsonw_put_string(json, "leaderId", led ? pg_text(result, row, LEADER) : NULL);
    jsonw_put_string(json, "leaderName", led ? pg_text(result, row, LEADER_NAME) : NULL);
    jsonw_name(json, "bidders");
    jsonw_raw(json, bidders, strlen(bidders));
    jsonw_put_time(json, "serverTime", clock_now_ms());
    jsonw_end_object(json);
}

static void on_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    const struct search *search = request->handler_state;
    int rows = PQntuples(reply->result);
    int shown = rows < search->page.limit ? rows : search->page.limit;
    struct jsonw *json = reply_json(request);
    page_begin(json);
    for (int row = 0; row < shown; row++) {
        write_auction(json, request, reply->result, row);
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
    struct field_errors field_errors = {.count = 0};
    const char *values[3 + FILTERS];
    char id[UUID_TEXT_SIZE];
    char limit[NUMBER_SIZE];
    struct search *search = request_handler_state(request, sizeof(*search));
    if (search == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    read_search(request, search, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    uuid_format(&search->page.cursor.id, id);
    (void)snprintf(limit, sizeof(limit), "%d", search->page.limit + 1);
    values[0] = search->page.has_cursor ? search->page.cursor.key : NULL;
    values[1] = search->page.has_cursor ? id : NULL;
    values[2] = limit;
    for (size_t i = 0; i < FILTERS; i++) {
        values[3 + i] = search->given[i] ? search->text[i] : NULL;
    }
    bool of_bidder = search->given[FILTER_BIDDER];
    size_t lists = of_bidder ? LISTS_OF_BIDDER : search->given[FILTER_SELLER] ? LISTS_OF_SELLER : LISTS_OF_ALL;
    size_t statement = lists + (size_t)search->order;
    int count = (int)ARRAY_LEN(values) - (of_bidder ? 0 : 1);
    if (!statements_query(request->context, &admin_auctions_statements, statement, count, values, on_found, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route admin_auctions_routes[] = {
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/auctions", handle_list, LIMIT_NONE, ROUTE_NO_BODY,
     "status q category minPrice maxPrice sellerId bidderId sort limit cursor"},
    {0},
};
