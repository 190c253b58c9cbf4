/*
 * See orders.h.
 */
#include "gateway/sale/orders.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "common/rules/sale_set.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/timeline.h"

enum { STATUS_SIZE = 128, NUMBER_SIZE = 16 };

enum { ORDER_GET, ORDER_LIST, ORDER_LIST_OF_SALE, ORDER_COUNT };

// clang-format off
/* A row of orders `o`, its flash sale `s` and product `p`, in the order of the enum below. */
#define ORDER_COLUMNS \
    "o.id, o.sale_id, o.quantity, o.total_price, o.status, o.reason, " COLUMNS_MS("o.expires_at") ", " \
    COLUMNS_MS("o.created_at") ", s.status, s.payment, p.name FROM orders o" \
    " CROSS JOIN LATERAL (SELECT * FROM flash_sales WHERE id = o.sale_id OFFSET 0) s" \
    " CROSS JOIN LATERAL (SELECT name FROM products WHERE id = s.product_id OFFSET 0) p"

/*
 * $1 user, $2 time and $3 id of the cursor, $4 limit, $5 sale or NULL, $6 statuses with commas or NULL. Each of the two
 * lists has its index. The status is that of sale_order_effective.
 */
#define LIST(of_sale) \
    "SELECT " ORDER_COLUMNS " WHERE o.user_id = $1 AND (o.created_at, o.id) " TIMELINE_BEFORE("$2", "$3") \
    " AND " of_sale " AND ($6::text IS NULL OR CASE WHEN o.status = 'reserved' AND s.status = 'cancelled'" \
    "  THEN 'cancelled' ELSE o.status END = ANY (string_to_array($6, ',')))" \
    " ORDER BY o.created_at DESC, o.id DESC LIMIT $4"

static const struct pg_statement list[] = {
    /* $1 order, $2 user */
    [ORDER_GET] = {"order_get", "SELECT " ORDER_COLUMNS " WHERE o.id = $1 AND o.user_id = $2"},
    [ORDER_LIST] = {"order_list", LIST("$5::uuid IS NULL")},
    [ORDER_LIST_OF_SALE] = {"order_list_of_sale", LIST("o.sale_id = $5")},
};
// clang-format on
static_assert(ARRAY_LEN(list) == ORDER_COUNT, "each statement has its entry");

struct statements orders_statements = {list, ARRAY_LEN(list), 0};

enum { ID, SALE, QUANTITY, TOTAL, STATUS, REASON, EXPIRES, CREATED, SALE_STATUS, PAYMENT, PRODUCT };

static const struct orders_context *context_of(const struct request *request)
{
    return request->context;
}

bool orders_find(struct pg *pg, struct request *request, pg_callback then)
{
    char order[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {order, user};
    uuid_format(&request->parameters[0], order);
    uuid_format(&request->user.id, user);
    return statements_query(pg, &orders_statements, ORDER_GET, ARRAY_LEN(values), values, then, request);
}

void orders_write_members(struct jsonw *json, const struct order_view *order)
{
    jsonw_put_uuid(json, "orderId", &order->id);
    jsonw_put_uuid(json, "flashSaleId", &order->sale_id);
    if (order->product_name != NULL) {
        jsonw_put_string(json, "productName", order->product_name);
    }
    jsonw_put_string(json, "currency", "USD");
    jsonw_put_int(json, "quantity", order->quantity);
    if (order->status != SALE_ORDER_PENDING && order->total_price > 0) {
        jsonw_put_money(json, "totalPrice", order->total_price);
    }
    jsonw_put_string(json, "status", sale_order_text(order->status));
    if (order->reason != SALE_REASON_NONE) {
        jsonw_put_string(json, "reason", sale_reason_text(order->reason));
    }
    if (order->expires_ms > 0) {
        jsonw_put_time(json, "expiresAt", order->expires_ms);
    }
    jsonw_put_time(json, "receivedAt", order->received_ms);
}

void orders_write(struct jsonw *json, const struct order_view *order)
{
    jsonw_object(json);
    orders_write_members(json, order);
    jsonw_end_object(json);
}

/* False for a word of a newer version. */
static bool read_order(const PGresult *result, int row, struct order_view *order)
{
    struct sale sale = {.ledger_seq = 0};
    struct sale_order stored = {.expires_ms = 0};
    const char *reason = pg_null(result, row, REASON) ? "" : pg_text(result, row, REASON);
    *order = (struct order_view){
        .id = pg_uuid(result, row, ID),
        .sale_id = pg_uuid(result, row, SALE),
        .quantity = pg_int(result, row, QUANTITY),
        .total_price = pg_money(result, row, TOTAL),
        .expires_ms = pg_null(result, row, EXPIRES) ? 0 : pg_int(result, row, EXPIRES),
        .received_ms = pg_int(result, row, CREATED),
        .product_name = pg_text(result, row, PRODUCT),
        .by_payment = strcmp(pg_text(result, row, PAYMENT), sale_payment_text(SALE_PAYMENT_CALLBACK)) == 0,
    };
    if (!sale_status_parse(pg_text(result, row, SALE_STATUS), &sale.status) ||
        !sale_order_parse(pg_text(result, row, STATUS), &stored.status) || !sale_reason_parse(reason, &order->reason)) {
        return false;
    }
    order->status = sale_order_effective(&sale, &stored);
    return true;
}

bool orders_read_found(const PGresult *result, struct order_view *order)
{
    return read_order(result, 0, order);
}

/* ---- one order ---- */

/* Without an entry the reply is an empty string. */
enum orders_pending orders_read_pending(const redisReply *reply, struct uuid *sale, int64_t *received_ms)
{
    struct uuid id;
    const char *text = NULL;
    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return ORDERS_PENDING_UNKNOWN;
    }
    struct json *tree = reply->len > 0 ? json_parse(reply->str, reply->len, NULL) : NULL;
    bool found = json_get_uuid(tree, "orderId", &id) && json_get_uuid(tree, "flashSaleId", sale) && /* else of a join */
                 json_get_text(tree, "receivedAt", &text) && clock_parse(text, received_ms);
    json_free(tree);
    return found ? ORDERS_PENDING : ORDERS_NOT_PENDING;
}

bool orders_ask_pending(struct redis *redis, struct request *request, redis_callback then)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"GETRANGE", key, "1", "-1"}; /* after the state */
    keys_bid(&request->user.id, &request->parameters[0], key);
    return redis_command(redis, then, request, ARRAY_LEN(arguments), arguments, NULL);
}

bool orders_note(struct redis *redis, const struct uuid *order, const struct uuid *sale, redis_callback noted,
                 struct request *request)
{
    char key[KEYS_SIZE];
    char id[UUID_TEXT_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[] = {"SET", key, id, "EX", life};
    keys_order(order, key);
    uuid_format(sale, id);
    (void)snprintf(life, sizeof(life), "%d", ORDERS_NOTE_LIFE_S);
    return redis_command(redis, noted, request, ARRAY_LEN(arguments), arguments, NULL);
}

bool orders_ask_noted(struct redis *redis, const struct uuid *order, redis_callback then, struct request *request)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"GET", key};
    keys_order(order, key);
    return redis_command(redis, then, request, ARRAY_LEN(arguments), arguments, NULL);
}

static void show_order(struct request *request, const PGresult *result)
{
    struct order_view order;
    if (!read_order(result, 0, &order)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    orders_write(reply_json(request), &order);
    reply_send(request, 200);
}

/* The order may have been decided between the first look at PostgreSQL and that at Redis. */
static void order_found_late(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (statements_found(request, reply, ERROR_NOT_FOUND)) {
        show_order(request, reply->result);
    }
}

static void pending_answered(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct uuid sale;
    int64_t received_ms = 0;
    enum orders_pending pending = orders_read_pending(reply, &sale, &received_ms);
    if (pending == ORDERS_PENDING) {
        reply_bytes(request, 200, "application/json", reply->str, reply->len);
    } else if (pending == ORDERS_PENDING_UNKNOWN || !orders_find(context_of(request)->pg, request, order_found_late)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void order_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome == PG_OK && PQntuples(reply->result) == 1) {
        show_order(request, reply->result);
    } else if (!orders_ask_pending(context_of(request)->redis, request, pending_answered)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_get(struct request *request)
{
    if (!orders_find(context_of(request)->pg, request, order_found)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- the list ---- */

/* An order with a word of a newer version is left out. */
static void write_item(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    struct order_view order;
    (void)request;
    if (read_order(result, row, &order)) {
        orders_write(json, &order);
    }
}

static const struct timeline newest = {
    .statements = &orders_statements,
    .statement = ORDER_LIST,
    .tag = "orders",
    .key_column = CREATED,
    .write = write_item,
};
static const struct timeline newest_of_sale = {
    .statements = &orders_statements,
    .statement = ORDER_LIST_OF_SALE,
    .tag = "orders",
    .key_column = CREATED,
    .write = write_item,
};

static bool is_status(const char *word)
{
    enum sale_order_status status = SALE_ORDER_PENDING;
    return sale_order_parse(word, &status) && status != SALE_ORDER_PENDING;
}

static void handle_list(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    struct uuid id;
    char sale[UUID_TEXT_SIZE];
    char status[STATUS_SIZE];
    bool of_sale = request_query(request, "flashSaleId", sale, sizeof(sale));
    bool of_status = request_query(request, "status", status, sizeof(status));
    if (of_sale && !uuid_parse(sale, strlen(sale), &id)) {
        field_errors_add(&field_errors, "flashSaleId", FIELD_NOT_A_UUID);
    }
    if (of_status && !fields_words(status, is_status)) {
        field_errors_add_one(
            &field_errors, "status", FIELD_UNKNOWN_WORDS,
            parameter_words("allowed", "reserved confirmed cancelled failed expired rejected refund_due refunded"));
    }
    const char *more[] = {of_sale ? sale : NULL, of_status ? status : NULL};
    timeline_reply(context_of(request)->pg, request, of_sale ? &newest_of_sale : &newest, &field_errors,
                   ARRAY_LEN(more), more);
}

const struct route orders_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/orders", handle_list, LIMIT_NONE, ROUTE_NO_BODY,
     "flashSaleId status limit cursor"},
    {METHOD_GET, ROUTE_USER, "/api/v1/orders/:id", handle_get, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
