/* See payment_link.h. */
#include "gateway/sale/payment_link.h"

#include "common/protocol/payment_url.h"
#include "gateway/http/reply.h"

void payment_link_reply(struct request *request, const char *template, const struct order_view *order)
{
    char url[PAYMENT_URL_SIZE];
    const struct payment_url_order of = {.order_id = order->id,
                                         .sale_id = order->sale_id,
                                         .amount = order->total_price,
                                         .expires_ms = order->expires_ms};
    payment_url_write(template, &of, url);
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    orders_write_members(json, order);
    jsonw_put_string(json, "paymentUrl", url);
    jsonw_end_object(json);
    reply_send(request, 200);
}
