/*
 * The representation of a flash sale: its columns and their JSON. Callers: sales.c, and every change that answers with
 * the sale.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_VIEW_H
#define ROSTRUM_GATEWAY_SALE_SALE_VIEW_H

#include "common/base/json.h"
#include "common/protocol/sale_snapshot.h"
#include "gateway/query/columns.h"

// clang-format off
/*
 * Columns of a row of flash_sales named `s`: its own ones, then those of enum sale_member from the price to `waiting`,
 * then the last ones.
 */
#define SALE_VIEW_COLUMNS \
    "s.id, s.product_id, (SELECT p.name FROM products p WHERE p.id = s.product_id), s.price, s.quantity," \
    " s.per_user_limit, " COLUMNS_MS("s.join_time") ", " COLUMNS_MS("s.start_time") ", " COLUMNS_MS("s.end_time") "," \
    " s.turn_s, s.reservation_s, s.payment, s.status, s.claimed, s.reserved, s.sold, s.waiting, s.version, " \
    COLUMNS_MS("s.created_at") ", " COLUMNS_MS("s.updated_at")
// clang-format on

enum { SALE_VIEW_MEMBERS = SALE_MEMBER_WAITING - SALE_MEMBER_PRICE + 1 };

enum sale_view_column {
    SALE_VIEW_ID,
    SALE_VIEW_PRODUCT,
    SALE_VIEW_PRODUCT_NAME,
    SALE_VIEW_FIRST_MEMBER,
    SALE_VIEW_START = SALE_VIEW_FIRST_MEMBER + SALE_MEMBER_START - SALE_MEMBER_PRICE,
    SALE_VIEW_STATUS = SALE_VIEW_FIRST_MEMBER + SALE_MEMBER_STATUS - SALE_MEMBER_PRICE,
    SALE_VIEW_VERSION = SALE_VIEW_FIRST_MEMBER + SALE_VIEW_MEMBERS,
    SALE_VIEW_CREATED,
    SALE_VIEW_UPDATED,
    SALE_VIEW_COLUMN_COUNT /* a statement's own columns start here */
};

/*
 * Reads the terms, state, counters, version and time of the last change. False: a newer version of the programs wrote a
 * word that this one does not know.
 */
MUST_CHECK bool sale_view_read(const PGresult *result, int row, struct sale_snapshot *found);
/* Writes the members of FlashSale, with unknown words as they are; the caller begins and ends the object. */
void sale_view_write_members(struct jsonw *json, const PGresult *result, int row);
/* Writes the member of this name as the snapshot has it. False: it is not in a snapshot, and no command changes it. */
MUST_CHECK bool sale_view_write_member(struct jsonw *json, const char *name, const struct sale_snapshot *snapshot);

#endif
