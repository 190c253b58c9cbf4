/*
 * See sale_view.h. All that a command can change is in the table of sale_members.h. A row and a snapshot are written
 * alike, but for words of a newer version, which only a row can have.
 */
#include "gateway/sale/sale_view.h"

#include <string.h>

enum { SECOND_MS = 1000 };

static void write_free(struct jsonw *json, const struct sale_snapshot *snapshot)
{
    jsonw_put_int(json, "available", sale_free(&snapshot->sale));
}

static void write_member(struct jsonw *json, enum sale_member member, const struct sale_snapshot *snapshot)
{
    const char *name = sale_members[member].name;
    switch (sale_members[member].type) {
    case SALE_MEMBER_NUMBER:
        jsonw_put_int(json, name, sale_member_value(snapshot, member));
        break;
    case SALE_MEMBER_MONEY:
        jsonw_put_money(json, name, sale_member_value(snapshot, member));
        break;
    case SALE_MEMBER_SECONDS:
        jsonw_put_int(json, name, sale_member_value(snapshot, member) / SECOND_MS);
        break;
    case SALE_MEMBER_TIME:
        jsonw_put_time(json, name, sale_member_value(snapshot, member));
        break;
    case SALE_MEMBER_WORD:
        jsonw_put_string(json, name, sale_member_text(snapshot, member));
        break;
    }
}

bool sale_view_write_member(struct jsonw *json, const char *name, const struct sale_snapshot *snapshot)
{
    for (enum sale_member member = 0; member < SALE_MEMBER_COUNT; member++) {
        if (sale_members[member].name != NULL && strcmp(sale_members[member].name, name) == 0) {
            write_member(json, member, snapshot);
            return true;
        }
    }
    bool free = strcmp(name, "available") == 0;
    if (free) {
        write_free(json, snapshot);
    }
    return free;
}

bool sale_view_read(const PGresult *result, int row, struct sale_snapshot *found)
{
    *found = (struct sale_snapshot){
        .version = pg_int(result, row, SALE_VIEW_VERSION),
        .sale.decided_ms = pg_int(result, row, SALE_VIEW_UPDATED),
    };
    return sale_members_read(found, SALE_MEMBER_PRICE, SALE_VIEW_MEMBERS, result, row, SALE_VIEW_FIRST_MEMBER);
}

/* A word is shown as the row has it: clients ignore the words that they do not know, and so need not this version. */
static void write_column(struct jsonw *json, enum sale_member member, const struct sale_snapshot *found,
                         const PGresult *result, int row)
{
    if (sale_members[member].type == SALE_MEMBER_WORD) {
        int column = SALE_VIEW_FIRST_MEMBER + (int)member - SALE_MEMBER_PRICE;
        jsonw_put_string(json, sale_members[member].name, pg_text(result, row, column));
    } else {
        write_member(json, member, found);
    }
}

void sale_view_write_members(struct jsonw *json, const PGresult *result, int row)
{
    struct sale_snapshot found;
    bool known = sale_view_read(result, row, &found);
    (void)known; /* write_column does not need it */
    jsonw_put_string(json, "id", pg_text(result, row, SALE_VIEW_ID));
    jsonw_put_string(json, "productId", pg_text(result, row, SALE_VIEW_PRODUCT));
    jsonw_put_string(json, "productName", pg_text(result, row, SALE_VIEW_PRODUCT_NAME));
    jsonw_put_string(json, "currency", "USD");
    for (enum sale_member member = SALE_MEMBER_PRICE; member <= SALE_MEMBER_WAITING; member++) {
        if (member == SALE_MEMBER_CLAIMED) {
            write_free(json, &found);
        }
        write_column(json, member, &found, result, row);
    }
    write_member(json, SALE_MEMBER_VERSION, &found);
    write_member(json, SALE_MEMBER_DECIDED, &found);
    jsonw_put_time(json, "createdAt", pg_int(result, row, SALE_VIEW_CREATED));
}
