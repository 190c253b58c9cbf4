/*
 * See me.h. All lists are newest first and work the same way. The page's parameters are read, one statement fetches one
 * row more than the page holds, and the list's own function writes each row.
 */
#include "gateway/auction/me.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/rules/rules.h"
#include "gateway/auction/view.h"
#include "gateway/auction/you.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/timeline.h"

enum {
    ME_BIDS,
    ME_AUCTIONS,
    ME_NOTIFICATIONS,
    ME_UNREAD_NOTIFICATIONS,
    ME_NOTIFICATION,
    ME_READ_SOME,
    ME_READ_ALL,
    ME_UNREAD,
    ME_COUNT
};
enum { WORDS_SIZE = 128 }; /* of a filter with commas */
enum { READ_MOST = 100 };  /* notifications that one call may mark as read */

/* Columns of a notification in the order of the enum below, and their tables. */
/* clang-format off */
#define NOTICE_COLUMNS                                                                                                 \
    "n.id, n.kind, n.auction_id, a.title, n.amount, " COLUMNS_MS("n.end_time") ", " COLUMNS_MS("n.created_at") ", "    \
    COLUMNS_MS("n.read_at") ", notification_text(n.kind, coalesce(a.title, p.name), n.amount, n.end_time),"            \
    " notification_link(n.auction_id, n.sale_id, n.order_id), n.sale_id, p.name, n.order_id"                           \
    " FROM notifications n LEFT JOIN auctions a ON a.id = n.auction_id"                                                \
    " LEFT JOIN flash_sales s ON s.id = n.sale_id LEFT JOIN products p ON p.id = s.product_id"
/* clang-format on */

/*
 * Lists: $1 user, $2 key of the cursor, $3 id of the cursor, $4 limit. ME_BIDS: $5 states, $6 auction. ME_AUCTIONS: $5
 * statuses. Several states or statuses are separated by commas.
 */
static const struct pg_statement list[] =
    {
        /* clang-format off */
    [ME_BIDS] =
        {"me_bids",
         YOU_AUCTIONS("$1", "$6::uuid")
         " SELECT a.id, a.title, a.status, " COLUMNS_MS("a.end_time") ", a.current_bid, a.minimum_bid, mine.highest, "
         YOU_MAXIMUM("$1") ", " YOU_STATE("$1") ", " COLUMNS_MS("n.latest")
         " FROM (SELECT n.* FROM (SELECT * FROM newest WHERE (latest, auction_id) " TIMELINE_BEFORE("$2", "$3")
         "   ORDER BY latest DESC, auction_id DESC OFFSET 0) n"
         "  CROSS JOIN LATERAL (SELECT * FROM auctions WHERE id = n.auction_id OFFSET 0) a"
         "  WHERE ($5::text IS NULL OR " YOU_STATE("$1") " = ANY (string_to_array($5, ',')))"
         "  ORDER BY n.latest DESC, n.auction_id DESC LIMIT $4) n"
         " CROSS JOIN LATERAL (SELECT * FROM auctions WHERE id = n.auction_id OFFSET 0) a" YOU_JOIN("$1")
         " ORDER BY n.latest DESC, a.id DESC"},
        /* clang-format on */
        [ME_AUCTIONS] = {"me_auctions",
                         "SELECT " VIEW_COLUMNS " FROM auctions a WHERE a.seller_id = $1"
                         " AND (a.created_at, a.id) " TIMELINE_BEFORE(
                             "$2", "$3") " AND ($5::text IS NULL OR a.status = ANY (string_to_array($5, ',')))"
                                         " ORDER BY a.created_at DESC, a.id DESC LIMIT $4"},
        /* clang-format off */
    [ME_NOTIFICATIONS] = {"me_notifications",
        "SELECT " NOTICE_COLUMNS " WHERE n.user_id = $1 AND n.shown"
        " AND n.id < CASE WHEN $2::timestamptz IS NULL THEN " TIMELINE_LAST_ID " ELSE $3::uuid END"
        " ORDER BY n.id DESC LIMIT $4"},
    [ME_UNREAD_NOTIFICATIONS] = {"me_unread_notifications",
        "SELECT " NOTICE_COLUMNS " WHERE n.user_id = $1 AND n.shown AND n.read_at IS NULL"
        " AND n.id < CASE WHEN $2::timestamptz IS NULL THEN " TIMELINE_LAST_ID " ELSE $3::uuid END"
        " ORDER BY n.id DESC LIMIT $4"},
    [ME_NOTIFICATION] = {"me_notification",
        "SELECT " NOTICE_COLUMNS " WHERE n.user_id = $1 AND n.id = $2 AND n.shown"},
        /* clang-format on */
        [ME_READ_SOME] = {"me_read_some",
                          "UPDATE notifications SET read_at = $2 WHERE user_id = $1 AND id = ANY ($3::uuid[])"
                          " AND read_at IS NULL"},
        [ME_READ_ALL] = {"me_read_all",
                         "UPDATE notifications SET read_at = $2 WHERE user_id = $1 AND shown AND read_at IS NULL"},
        [ME_UNREAD] = {"me_unread",
                       "SELECT count(*) FROM notifications WHERE user_id = $1 AND shown AND read_at IS NULL"},
};
static_assert(ARRAY_LEN(list) == ME_COUNT, "each statement has its entry");

struct statements me_statements = {list, ARRAY_LEN(list), 0};

enum {
    BID_AUCTION,
    BID_TITLE,
    BID_STATUS,
    BID_END,
    BID_CURRENT,
    BID_MINIMUM,
    BID_MINE,
    BID_MAXIMUM,
    BID_STATE,
    BID_LATEST
};

static void write_bid(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    jsonw_object(json);
    jsonw_put_string(json, "auctionId", pg_text(result, row, BID_AUCTION));
    jsonw_put_string(json, "title", pg_text(result, row, BID_TITLE));
    jsonw_put_string(json, "status", pg_text(result, row, BID_STATUS));
    jsonw_put_time(json, "endTime", pg_int(result, row, BID_END));
    columns_put_money(json, "currentBid", result, row, BID_CURRENT);
    jsonw_put_money(json, "minimumBid", pg_money(result, row, BID_MINIMUM));
    columns_put_money(json, "myHighestBid", result, row, BID_MINE);
    columns_put_money(json, "myMaximum", result, row, BID_MAXIMUM);
    jsonw_put_string(json, "state", pg_text(result, row, BID_STATE));
    jsonw_put_time(json, "lastBidAt", pg_int(result, row, BID_LATEST));
    jsonw_end_object(json);
}

enum {
    NOTICE_ID,
    NOTICE_KIND,
    NOTICE_AUCTION,
    NOTICE_TITLE,
    NOTICE_AMOUNT,
    NOTICE_END,
    NOTICE_CREATED,
    NOTICE_READ,
    NOTICE_TEXT,
    NOTICE_LINK,
    NOTICE_SALE,
    NOTICE_PRODUCT,
    NOTICE_ORDER
};

static void put_or_null(struct jsonw *json, const char *name, const PGresult *result, int row, int column)
{
    jsonw_put_string(json, name, pg_null(result, row, column) ? NULL : pg_text(result, row, column));
}

void me_write_notification(struct jsonw *json, const PGresult *result, int row)
{
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, row, NOTICE_ID));
    jsonw_put_string(json, "kind", pg_text(result, row, NOTICE_KIND));
    put_or_null(json, "auctionId", result, row, NOTICE_AUCTION);
    put_or_null(json, "auctionTitle", result, row, NOTICE_TITLE);
    put_or_null(json, "flashSaleId", result, row, NOTICE_SALE);
    put_or_null(json, "productName", result, row, NOTICE_PRODUCT);
    put_or_null(json, "orderId", result, row, NOTICE_ORDER);
    columns_put_money(json, "amount", result, row, NOTICE_AMOUNT);
    if (!pg_null(result, row, NOTICE_END)) {
        jsonw_put_time(json, "endTime", pg_int(result, row, NOTICE_END));
    }
    jsonw_put_time(json, "createdAt", pg_int(result, row, NOTICE_CREATED));
    columns_put_time(json, "readAt", result, row, NOTICE_READ);
    jsonw_put_string(json, "text", pg_text(result, row, NOTICE_TEXT));
    put_or_null(json, "link", result, row, NOTICE_LINK);
    jsonw_end_object(json);
}

static void write_notification(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    me_write_notification(json, result, row);
}

struct uuid me_notification_auction(const PGresult *result, int row)
{
    return pg_uuid(result, row, NOTICE_AUCTION);
}

bool me_find_notification(struct pg *pg, const struct uuid *user, const struct uuid *id, pg_callback callback,
                          void *arg)
{
    char user_text[UUID_TEXT_SIZE];
    char id_text[UUID_TEXT_SIZE];
    const char *const values[] = {user_text, id_text};
    uuid_format(user, user_text);
    uuid_format(id, id_text);
    return statements_query(pg, &me_statements, ME_NOTIFICATION, ARRAY_LEN(values), values, callback, arg);
}

static const struct timeline bids_list = {
    .statements = &me_statements,
    .statement = ME_BIDS,
    .tag = "my-bids",
    .key_column = BID_LATEST,
    .write = write_bid,
};
static const struct timeline auctions_list = {
    .statements = &me_statements,
    .statement = ME_AUCTIONS,
    .tag = "my-auctions",
    .key_column = VIEW_CREATED,
    .write = view_write,
};
static const struct timeline notifications_list = {
    .statements = &me_statements,
    .statement = ME_NOTIFICATIONS,
    .tag = "my-notices",
    .key_column = NOTICE_CREATED,
    .write = write_notification,
};

static const struct timeline unread_list = {
    .statements = &me_statements,
    .statement = ME_UNREAD_NOTIFICATIONS,
    .tag = "my-notices",
    .key_column = NOTICE_CREATED,
    .write = write_notification,
};

static bool is_state(const char *word)
{
    static const char *const states[] = {"leading", "outbid", "won", "lost"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (strcmp(states[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_status(const char *word)
{
    enum rules_status status = RULES_NO_STATUS;
    return rules_status_parse(word, &status);
}

static void handle_bids(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char states[WORDS_SIZE];
    char auction[UUID_TEXT_SIZE];
    struct uuid id;
    const char *filters[] = {NULL, NULL};
    if (request_query(request, "state", states, sizeof(states))) {
        filters[0] = states;
        if (!fields_words(states, is_state)) {
            field_errors_add_one(&field_errors, "state", FIELD_UNKNOWN_WORDS,
                                 parameter_words("allowed", "leading outbid won lost"));
        }
    }
    if (request_query(request, "auctionId", auction, sizeof(auction))) {
        filters[1] = auction;
        if (!uuid_parse(auction, strlen(auction), &id)) {
            field_errors_add(&field_errors, "auctionId", FIELD_NOT_A_UUID);
        }
    }
    timeline_reply(request->context, request, &bids_list, &field_errors, ARRAY_LEN(filters), filters);
}

static void handle_auctions(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char statuses[WORDS_SIZE];
    const char *filter = NULL;
    if (request_query(request, "status", statuses, sizeof(statuses))) {
        filter = statuses;
        if (!fields_words(statuses, is_status)) {
            field_errors_add_one(&field_errors, "status", FIELD_UNKNOWN_WORDS,
                                 parameter_words("allowed", "draft scheduled active ended sold unsold cancelled"));
        }
    }
    timeline_reply(request->context, request, &auctions_list, &field_errors, 1, &filter);
}

static void handle_notifications(struct request *request)
{
    char text[8];
    const char *unread = "false";
    struct field_errors field_errors = {.count = 0};
    if (request_query(request, "unread", text, sizeof text)) {
        unread = text;
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
            field_errors_add(&field_errors, "unread", FIELD_NOT_A_BOOLEAN);
        }
    }
    timeline_reply(request->context, request, strcmp(unread, "true") == 0 ? &unread_list : &notifications_list,
                   &field_errors, 0, NULL);
}

static void on_unread(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_int(json, "unread", pg_int(reply->result, 0, 0));
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void handle_unread(struct request *request)
{
    char user[UUID_TEXT_SIZE];
    const char *values[] = {user};
    uuid_format(&request->user.id, user);
    if (!statements_query(request->context, &me_statements, ME_UNREAD, ARRAY_LEN(values), values, on_unread, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_read(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_usable(request, reply)) {
        reply_empty(request, 204);
    }
}

/* Converts the ids of the body into an SQL array; adds a field error for an invalid one. */
static void read_ids(const struct json *ids, struct pg_array *array, struct field_errors *field_errors)
{
    size_t count = 0;
    pg_array_reset(array);
    if (ids->type != JSON_ARRAY) {
        field_errors_add(field_errors, "ids", FIELD_NOT_A_LIST);
        return;
    }
    for (const struct json *value = ids->child; value != NULL; value = value->next) {
        struct uuid id;
        if (value->type != JSON_STRING || !uuid_parse(value->text, value->length, &id)) {
            field_errors_add(field_errors, "ids", FIELD_NOT_A_UUID);
            return;
        }
        pg_array_uuid(array, &id);
        count++;
    }
    if (count < 1 || count > READ_MOST) {
        field_errors_add_two(field_errors, "ids", FIELD_INVALID_COUNT, parameter_number("min", 1),
                             parameter_number("max", READ_MOST));
    }
}

static void mark_read(struct request *request, size_t statement, const char *ids)
{
    char user[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    uuid_format(&request->user.id, user);
    clock_format(clock_now_ms(), now);
    const char *values[] = {user, now, ids};
    int count = statement == ME_READ_SOME ? 3 : 2;
    if (!statements_query(request->context, &me_statements, statement, count, values, on_read, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_read(struct request *request)
{
    static const char *const known[] = {"ids", "all", NULL};
    struct field_errors field_errors = {.count = 0};
    struct pg_array array = {.text = NULL};
    const struct json *ids = json_member(request->body, "ids");
    bool all = false;
    fields_known(request->body, known, &field_errors);
    (void)fields_bool(request->body, "all", FIELDS_OPTIONAL, &all, &field_errors);
    if (ids != NULL) {
        read_ids(ids, &array, &field_errors);
    }
    if (ids != NULL && all) {
        field_errors_add_one(&field_errors, "ids", FIELD_EXCLUDED, parameter_word("other", "all"));
    } else if (ids == NULL && !all) {
        field_errors_add_one(&field_errors, "ids", FIELD_REQUIRED_WITHOUT, parameter_word("other", "all"));
    }
    const char *text = ids != NULL ? pg_array_done(&array) : NULL;
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (ids != NULL && text == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        mark_read(request, all ? ME_READ_ALL : ME_READ_SOME, text);
    }
    pg_array_free(&array);
}

const struct route me_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/bids", handle_bids, LIMIT_NONE, ROUTE_NO_BODY,
     "state auctionId limit cursor"},
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/auctions", handle_auctions, LIMIT_NONE, ROUTE_NO_BODY,
     "status limit cursor"},
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/notifications", handle_notifications, LIMIT_NONE, ROUTE_NO_BODY,
     "unread limit cursor"},
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/notifications/count", handle_unread, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_POST, ROUTE_USER, "/api/v1/users/me/notifications/read", handle_read, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
