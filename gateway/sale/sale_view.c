/*
 * See sale_view.h.
 */
#include "gateway/sale/sale_view.h"

void sale_view_write_members(struct jsonw *json, const PGresult *result, int row)
{
    const struct sale sale = {
        .terms.quantity = pg_int(result, row, SALE_VIEW_QUANTITY),
        .claimed = pg_int(result, row, SALE_VIEW_CLAIMED),
        .reserved = pg_int(result, row, SALE_VIEW_RESERVED),
        .sold = pg_int(result, row, SALE_VIEW_SOLD),
    };
    jsonw_put_string(json, "id", pg_text(result, row, SALE_VIEW_ID));
    jsonw_put_string(json, "productId", pg_text(result, row, SALE_VIEW_PRODUCT));
    jsonw_put_string(json, "productName", pg_text(result, row, SALE_VIEW_PRODUCT_NAME));
    jsonw_put_string(json, "currency", "USD");
    jsonw_put_money(json, "flashPrice", pg_money(result, row, SALE_VIEW_PRICE));
    jsonw_put_int(json, "quantityAvailable", sale.terms.quantity);
    jsonw_put_int(json, "perUserLimit", pg_int(result, row, SALE_VIEW_PER_USER_LIMIT));
    jsonw_put_time(json, "joinTime", pg_int(result, row, SALE_VIEW_JOIN));
    jsonw_put_time(json, "startTime", pg_int(result, row, SALE_VIEW_START));
    jsonw_put_time(json, "endTime", pg_int(result, row, SALE_VIEW_END));
    jsonw_put_int(json, "turnSeconds", pg_int(result, row, SALE_VIEW_TURN));
    jsonw_put_int(json, "reservationSeconds", pg_int(result, row, SALE_VIEW_RESERVATION));
    jsonw_put_string(json, "payment", pg_text(result, row, SALE_VIEW_PAYMENT));
    jsonw_put_string(json, "status", pg_text(result, row, SALE_VIEW_STATUS));
    jsonw_put_int(json, "available", sale_free(&sale));
    jsonw_put_int(json, "claimed", sale.claimed);
    jsonw_put_int(json, "reserved", sale.reserved);
    jsonw_put_int(json, "sold", sale.sold);
    jsonw_put_int(json, "waiting", pg_int(result, row, SALE_VIEW_WAITING));
    jsonw_put_int(json, "version", pg_int(result, row, SALE_VIEW_VERSION));
    jsonw_put_time(json, "createdAt", pg_int(result, row, SALE_VIEW_CREATED));
    jsonw_put_time(json, "updatedAt", pg_int(result, row, SALE_VIEW_UPDATED));
}
