/*
 * See rows.h.
 */
#include "saleworker/rows.h"

#include "saleworker/statements.h"

bool rows_entry(const PGresult *result, int row, int first, struct sale_entry *entry, struct sale_batch_place *place)
{
    *entry = (struct sale_entry){
        .seq = pg_int(result, row, first + ENTRY_SEQ),
        .user_id = pg_uuid(result, row, first + ENTRY_USER),
        .wanted = pg_int(result, row, first + ENTRY_WANTED),
        .claim = pg_int(result, row, first + ENTRY_CLAIM),
        .expires_ms = pg_int(result, row, first + ENTRY_EXPIRES_MS),
    };
    bool ok = !pg_null(result, row, first + ENTRY_SEQ) &&
              sale_entry_parse(pg_text(result, row, first + ENTRY_STATUS), &entry->status);
    *place = (struct sale_batch_place){
        .seq = entry->seq,
        .id = pg_uuid(result, row, first + ENTRY_ID),
        .waiting = ok && entry->status == SALE_ENTRY_WAITING,
    };
    return ok;
}

bool rows_order(const PGresult *result, int row, int first, struct sale_order *order)
{
    *order = (struct sale_order){
        .id = pg_uuid(result, row, first + ORDER_ID),
        .seq = pg_int(result, row, first + ORDER_SEQ),
        .user_id = pg_uuid(result, row, first + ORDER_USER),
        .quantity = pg_int(result, row, first + ORDER_QUANTITY),
        .total_price = pg_money(result, row, first + ORDER_TOTAL),
        .expires_ms = pg_int(result, row, first + ORDER_EXPIRES_MS),
        .payment_id = pg_uuid(result, row, first + ORDER_PAYMENT),
    };
    bool reasoned = pg_null(result, row, first + ORDER_REASON) ||
                    sale_reason_parse(pg_text(result, row, first + ORDER_REASON), &order->reason);
    return !pg_null(result, row, first + ORDER_ID) && reasoned &&
           sale_order_parse(pg_text(result, row, first + ORDER_STATUS), &order->status);
}

bool rows_terms(const PGresult *result, int row, struct sale_terms *terms)
{
    struct sale_snapshot read = {.version = 0};
    bool known = sale_members_read(&read, SALE_MEMBER_PRICE, SALE_MEMBER_TERMS_COUNT, result, row, TERMS_FIRST);
    *terms = read.sale.terms;
    return known;
}

void rows_known(const PGresult *result, int row, const struct sale_message_command *command, const struct sale *sale,
                struct sale_message_decision *decision)
{
    struct sale_entry entry;
    struct sale_order order;
    struct sale_batch_place place;
    *decision = (struct sale_message_decision){
        .id = command->command.id,
        .sale_id = command->sale_id,
        .user_id = command->command.user_id,
        .kind = command->command.kind,
        .verdict = SALE_VERDICT_REJECTED,
        .reason = SALE_REASON_INTERNAL_ERROR,
        .quantity = pg_int(result, row, KNOWN_QUANTITY),
        .position = SALE_POSITION_UNKNOWN,
        .received_ms = pg_int(result, row, KNOWN_RECEIVED_MS),
        .decided_ms = pg_int(result, row, KNOWN_DECIDED_MS),
    };
    /* A newer version may have written a word that this one does not know: the command is then shown as rejected. */
    if (sale_verdict_parse(pg_text(result, row, KNOWN_STATUS), &decision->verdict) &&
        decision->verdict != SALE_VERDICT_REJECTED) {
        decision->reason = SALE_REASON_NONE;
    } else if (!sale_reason_parse(pg_text(result, row, KNOWN_REASON), &decision->reason)) {
        decision->reason = SALE_REASON_INTERNAL_ERROR;
    }
    if (rows_entry(result, row, KNOWN_ENTRY, &entry, &place)) {
        decision->place = entry.seq;
        decision->entry_id = place.id;
        decision->entry_status = sale_entry_effective(sale, &entry);
        decision->turn_expires_ms = entry.expires_ms;
        decision->position = decision->entry_status == SALE_ENTRY_TURN ? 0 : SALE_POSITION_UNKNOWN;
    }
    if (rows_order(result, row, KNOWN_ORDER, &order)) {
        decision->order_id = order.id;
        decision->order_status = sale_order_effective(sale, &order);
        decision->total_price = order.total_price;
        decision->order_expires_ms = order.expires_ms;
    }
}
