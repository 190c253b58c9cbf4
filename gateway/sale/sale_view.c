/*
 * See sale_view.h. All that a command can change is in a table, which writes it from a row and from a snapshot alike.
 */
#include "gateway/sale/sale_view.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { SECOND_MS = 1000 };

enum member_type { MEMBER_INT, MEMBER_MONEY, MEMBER_SECONDS, MEMBER_TIME, MEMBER_PAYMENT, MEMBER_STATUS, MEMBER_FREE };

#define OF(member) offsetof(struct sale_snapshot, member)

/* In the order of the JSON. */
static const struct member {
    const char *name;
    enum member_type type;
    size_t offset; /* of the int64_t; unused by the last three types */
} members[] = {
    {"flashPrice", MEMBER_MONEY, OF(sale.terms.price)},
    {"quantityAvailable", MEMBER_INT, OF(sale.terms.quantity)},
    {"perUserLimit", MEMBER_INT, OF(sale.terms.per_user_limit)},
    {"joinTime", MEMBER_TIME, OF(sale.terms.join_ms)},
    {"startTime", MEMBER_TIME, OF(sale.terms.start_ms)},
    {"endTime", MEMBER_TIME, OF(sale.terms.end_ms)},
    {"turnSeconds", MEMBER_SECONDS, OF(sale.terms.turn_ms)},
    {"reservationSeconds", MEMBER_SECONDS, OF(sale.terms.reservation_ms)},
    {"payment", MEMBER_PAYMENT, 0},
    {"status", MEMBER_STATUS, 0},
    {"available", MEMBER_FREE, 0},
    {"claimed", MEMBER_INT, OF(sale.claimed)},
    {"reserved", MEMBER_INT, OF(sale.reserved)},
    {"sold", MEMBER_INT, OF(sale.sold)},
    {"waiting", MEMBER_INT, OF(sale.waiting)},
    {"version", MEMBER_INT, OF(version)},
    {"updatedAt", MEMBER_TIME, OF(sale.decided_ms)},
};

static void write_member(struct jsonw *json, const struct member *member, const struct sale_snapshot *snapshot)
{
    int64_t number = 0;
    memcpy(&number, (const char *)snapshot + member->offset, sizeof(number));
    switch (member->type) {
    case MEMBER_INT:
        jsonw_put_int(json, member->name, number);
        break;
    case MEMBER_MONEY:
        jsonw_put_money(json, member->name, number);
        break;
    case MEMBER_SECONDS:
        jsonw_put_int(json, member->name, number / SECOND_MS);
        break;
    case MEMBER_TIME:
        jsonw_put_time(json, member->name, number);
        break;
    case MEMBER_PAYMENT:
        jsonw_put_string(json, member->name, sale_payment_text(snapshot->sale.terms.payment));
        break;
    case MEMBER_STATUS:
        jsonw_put_string(json, member->name, sale_status_text(snapshot->sale.status));
        break;
    case MEMBER_FREE:
        jsonw_put_int(json, member->name, sale_free(&snapshot->sale));
        break;
    }
}

bool sale_view_write_member(struct jsonw *json, const char *name, const struct sale_snapshot *snapshot)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (strcmp(members[i].name, name) == 0) {
            write_member(json, &members[i], snapshot);
            return true;
        }
    }
    return false;
}

/* What the table writes. */
static struct sale_snapshot read_row(const PGresult *result, int row)
{
    struct sale_snapshot found = {
        .version = pg_int(result, row, SALE_VIEW_VERSION),
        .sale =
            {
                .terms =
                    {
                        .price = pg_money(result, row, SALE_VIEW_PRICE),
                        .quantity = pg_int(result, row, SALE_VIEW_QUANTITY),
                        .per_user_limit = pg_int(result, row, SALE_VIEW_PER_USER_LIMIT),
                        .join_ms = pg_int(result, row, SALE_VIEW_JOIN),
                        .start_ms = pg_int(result, row, SALE_VIEW_START),
                        .end_ms = pg_int(result, row, SALE_VIEW_END),
                        .turn_ms = pg_int(result, row, SALE_VIEW_TURN) * SECOND_MS,
                        .reservation_ms = pg_int(result, row, SALE_VIEW_RESERVATION) * SECOND_MS,
                    },
                .claimed = pg_int(result, row, SALE_VIEW_CLAIMED),
                .reserved = pg_int(result, row, SALE_VIEW_RESERVED),
                .sold = pg_int(result, row, SALE_VIEW_SOLD),
                .waiting = pg_int(result, row, SALE_VIEW_WAITING),
                .decided_ms = pg_int(result, row, SALE_VIEW_UPDATED),
            },
    };
    bool known = sale_payment_parse(pg_text(result, row, SALE_VIEW_PAYMENT), &found.sale.terms.payment) &&
                 sale_status_parse(pg_text(result, row, SALE_VIEW_STATUS), &found.sale.status);
    assert(known); /* the table allows no other */
    (void)known;
    return found;
}

void sale_view_write_members(struct jsonw *json, const PGresult *result, int row)
{
    const struct sale_snapshot found = read_row(result, row);
    jsonw_put_string(json, "id", pg_text(result, row, SALE_VIEW_ID));
    jsonw_put_string(json, "productId", pg_text(result, row, SALE_VIEW_PRODUCT));
    jsonw_put_string(json, "productName", pg_text(result, row, SALE_VIEW_PRODUCT_NAME));
    jsonw_put_string(json, "currency", "USD");
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        write_member(json, &members[i], &found);
    }
    jsonw_put_time(json, "createdAt", pg_int(result, row, SALE_VIEW_CREATED));
}
