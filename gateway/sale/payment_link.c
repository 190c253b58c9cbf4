/* See payment_link.h. */
#include "gateway/sale/payment_link.h"

#include <assert.h>

#include "common/protocol/payment_url.h"
#include "common/rules/sale_words.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"

enum { LINK_ORDER, LINK_COUNT };

static const struct pg_statement list[] = {
    /* $1 order, $2 user */
    [LINK_ORDER] = {"payment_link_order",
                    "SELECT o.id, o.sale_id, o.quantity, o.total_price, " COLUMNS_MS("o.expires_at") ", " COLUMNS_MS(
                        "o.created_at") " FROM orders o JOIN flash_sales s ON s.id = o.sale_id"
                                        " WHERE o.id = $1 AND o.user_id = $2 AND o.status = 'reserved'"
                                        " AND s.payment = 'callback' AND s.status <> 'cancelled'"},
};
static_assert(ARRAY_LEN(list) == LINK_COUNT, "each statement has its entry");

struct statements payment_link_statements = {list, ARRAY_LEN(list), 0};

enum { ID, SALE, QUANTITY, TOTAL, EXPIRES, CREATED };

bool payment_link_find(struct pg *pg, struct request *request, pg_callback then)
{
    char order[UUID_TEXT_SIZE];
    char user[UUID_TEXT_SIZE];
    const char *values[] = {order, user};
    uuid_format(&request->parameters[0], order);
    uuid_format(&request->user.id, user);
    return statements_query(pg, &payment_link_statements, LINK_ORDER, ARRAY_LEN(values), values, then, request);
}

void payment_link_reply(struct request *request, const char *template, const PGresult *result)
{
    char url[PAYMENT_URL_SIZE];
    const struct payment_url_order order = {
        .order_id = pg_uuid(result, 0, ID),
        .sale_id = pg_uuid(result, 0, SALE),
        .amount = pg_money(result, 0, TOTAL),
        .expires_ms = pg_int(result, 0, EXPIRES),
    };
    payment_url_write(template, &order, url);
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_uuid(json, "orderId", &order.order_id);
    jsonw_put_uuid(json, "flashSaleId", &order.sale_id);
    jsonw_put_int(json, "quantity", pg_int(result, 0, QUANTITY));
    jsonw_put_money(json, "totalPrice", order.amount);
    jsonw_put_string(json, "status", sale_order_text(SALE_ORDER_RESERVED));
    jsonw_put_time(json, "expiresAt", order.expires_ms);
    jsonw_put_time(json, "receivedAt", pg_int(result, 0, CREATED));
    jsonw_put_string(json, "paymentUrl", url);
    jsonw_end_object(json);
    reply_send(request, 200);
}
