/*
 * See write.h. Each statement writes the rows of all sales of the batch. A failure is handled at the COMMIT, which then
 * fails too.
 */
#include "saleworker/write.h"

#include <assert.h>

#include "common/protocol/sale_hash.h"
#include "saleworker/statements.h"

enum { MS_PER_S = 1000, BLOCK_SHIFT = 8 /* sale_line_blocks */ };

/* Nothing if there are no rows. */
static bool send_rows(struct pg_tx *tx, struct row_arrays *arrays, size_t statement, size_t columns, size_t rows)
{
    return rows == 0 || row_arrays_send(arrays, tx, statement, columns, NULL);
}

static void add_reason(struct pg_column *array, enum sale_reason reason)
{
    pg_column_text(array, reason == SALE_REASON_NONE ? NULL : sale_reason_text(reason));
}

/* --- the ledger --- */

static void add_row(struct pg_column *columns, const struct uuid *sale_id, const struct sale_row *row,
                    const char hash[static HASH_CHAIN_TEXT_SIZE])
{
    pg_column_uuid(&columns[0], sale_id);
    pg_column_int(&columns[1], row->seq);
    row_arrays_uuid(&columns[2], &row->command_id);
    pg_column_text(&columns[3], sale_ledger_text(row->kind));
    pg_column_text(&columns[4], sale_verdict_text(row->verdict));
    add_reason(&columns[5], row->reason);
    pg_column_bool(&columns[6], row->paid);
    row_arrays_uuid(&columns[7], &row->user_id);
    pg_column_int(&columns[8], row->quantity);
    row_arrays_int(&columns[9], row->place);
    row_arrays_uuid(&columns[10], &row->order_id);
    row_arrays_money(&columns[11], row->amount);
    row_arrays_time(&columns[12], row->end_ms);
    pg_column_int(&columns[13], row->refused_ms);
    pg_column_time(&columns[14], row->received_ms);
    pg_column_time(&columns[15], row->decided_ms);
    row_arrays_hash(&columns[16], hash);
}

static bool insert_ledger(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch)
{
    enum { COLUMNS = 17 };
    size_t rows = 0;
    row_arrays_start(arrays, 0, COLUMNS);
    for (size_t i = 0; i < batch->sale_count; i++) {
        const struct sale_batch_sale *sale = &batch->sales[i];
        for (size_t k = 0; sale_batch_touched(sale) && k < sale->set->row_count; k++) {
            add_row(arrays->columns, &sale->id, &sale->set->rows[k], batch->hashes[rows]);
            rows++;
        }
    }
    return rows == 0 || row_arrays_send(arrays, tx, STATEMENT_INSERT_LEDGER, COLUMNS,
                                        (const char *const[]){SALE_HASH_VERSION_TEXT, NULL});
}

/* The ledger row with that number, which this batch adds. */
static const struct sale_row *row_of(const struct sale_batch_sale *sale, int64_t seq)
{
    assert(seq > sale->seq_before && seq - sale->seq_before <= (int64_t)sale->set->row_count);
    return &sale->set->rows[seq - sale->seq_before - 1];
}

/* --- the line --- */

enum { ADDED_ENTRY_COLUMNS = 9, CHANGED_ENTRY_COLUMNS = 5 };

static void add_entry(struct pg_column *columns, const struct sale_batch_sale *sale, const struct sale_entry *entry)
{
    const struct sale_row *row = row_of(sale, entry->seq);
    pg_column_uuid(&columns[0], &sale->id);
    pg_column_int(&columns[1], entry->seq);
    pg_column_uuid(&columns[2], &row->command_id);
    pg_column_uuid(&columns[3], &entry->user_id);
    pg_column_int(&columns[4], entry->wanted);
    pg_column_int(&columns[5], entry->claim);
    pg_column_text(&columns[6], sale_entry_text(entry->status));
    row_arrays_time(&columns[7], entry->expires_ms);
    pg_column_time(&columns[8], row->received_ms);
}

static void change_entry(struct pg_column *columns, const struct sale_batch_sale *sale, const struct sale_entry *entry)
{
    pg_column_uuid(&columns[0], &sale->id);
    pg_column_int(&columns[1], entry->seq);
    pg_column_int(&columns[2], entry->claim);
    pg_column_text(&columns[3], sale_entry_text(entry->status));
    row_arrays_time(&columns[4], entry->expires_ms);
}

/* The entries that the batch added, or those that it changed. */
static bool write_entries(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch, bool added)
{
    size_t rows = 0;
    row_arrays_start(arrays, 0, ADDED_ENTRY_COLUMNS);
    for (size_t i = 0; i < batch->sale_count; i++) {
        const struct sale_batch_sale *sale = &batch->sales[i];
        for (size_t k = 0; sale_batch_touched(sale) && k < sale->set->changed_entry_count; k++) {
            const struct sale_entry *entry = &sale->set->entries[sale->set->changed_entries[k]];
            if (entry->added == added) {
                (added ? add_entry : change_entry)(arrays->columns, sale, entry);
                rows++;
            }
        }
    }
    return send_rows(tx, arrays, added ? STATEMENT_INSERT_ENTRIES : STATEMENT_UPDATE_ENTRIES,
                     added ? ADDED_ENTRY_COLUMNS : CHANGED_ENTRY_COLUMNS, rows);
}

/* By how many waiting places the entry changes its block: -1, 0 or 1. */
static int waiting_change(const struct sale_batch_sale *sale, const struct sale_entry *entry)
{
    const struct sale_batch_place *before = entry->added ? NULL : sale_batch_place(sale, entry->seq);
    assert(entry->added || before != NULL);
    return (entry->status == SALE_ENTRY_WAITING ? 1 : 0) - (before != NULL && before->waiting ? 1 : 0);
}

/* The blocks whose number changed up (`sign` 1) or down (-1). The entries of a set are in the order of their seqs. */
static bool write_blocks(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch, int sign)
{
    enum { COLUMNS = 3 };
    struct pg_column *columns = arrays->columns;
    size_t rows = 0;
    row_arrays_start(arrays, 0, COLUMNS);
    for (size_t i = 0; i < batch->sale_count; i++) {
        const struct sale_batch_sale *sale = &batch->sales[i];
        const struct sale_set *set = sale->set;
        for (size_t k = 0; sale_batch_touched(sale) && k < set->entry_count;) {
            int64_t block = set->entries[k].seq >> BLOCK_SHIFT;
            int64_t change = 0;
            for (; k < set->entry_count && set->entries[k].seq >> BLOCK_SHIFT == block; k++) {
                change += set->entries[k].changed ? waiting_change(sale, &set->entries[k]) : 0;
            }
            if (change * sign > 0) {
                pg_column_uuid(&columns[0], &sale->id);
                pg_column_int(&columns[1], block);
                pg_column_int(&columns[2], change * sign);
                rows++;
            }
        }
    }
    return send_rows(tx, arrays, sign > 0 ? STATEMENT_ADD_BLOCKS : STATEMENT_TAKE_BLOCKS, COLUMNS, rows);
}

/* --- orders --- */

enum { ADDED_ORDER_COLUMNS = 13, CHANGED_ORDER_COLUMNS = 5 };

static void add_order(struct pg_column *columns, const struct sale_batch_sale *sale, const struct sale_order *order)
{
    pg_column_uuid(&columns[0], &order->id);
    pg_column_uuid(&columns[1], &sale->id);
    pg_column_int(&columns[2], order->seq);
    pg_column_uuid(&columns[3], &order->user_id);
    pg_column_int(&columns[4], order->quantity);
    pg_column_money(&columns[5], order->total_price);
    pg_column_text(&columns[6], sale_order_text(order->status));
    add_reason(&columns[7], order->reason);
    row_arrays_time(&columns[8], order->expires_ms);
    row_arrays_uuid(&columns[9], &order->payment_id);
    pg_column_text(&columns[10], NULL);
    pg_column_time(&columns[11], row_of(sale, order->seq)->received_ms);
    pg_column_time(&columns[12], sale->set->decided_ms);
}

/* `reference`: of the payment; NULL: unchanged. */
static void change_order(struct pg_column *columns, const struct sale_batch_sale *sale, const struct sale_order *order,
                         const char *reference)
{
    pg_column_uuid(&columns[0], &order->id);
    pg_column_text(&columns[1], sale_order_text(order->status));
    row_arrays_uuid(&columns[2], &order->payment_id);
    pg_column_text(&columns[3], reference);
    pg_column_time(&columns[4], sale->set->decided_ms);
}

/* The orders that the batch added, or those that it changed. */
static bool write_orders(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch, bool added)
{
    size_t rows = 0;
    row_arrays_start(arrays, 0, ADDED_ORDER_COLUMNS);
    for (size_t i = 0; i < batch->sale_count; i++) {
        const struct sale_batch_sale *sale = &batch->sales[i];
        for (size_t k = 0; sale_batch_touched(sale) && k < sale->set->changed_order_count; k++) {
            const struct sale_order *order = &sale->set->orders[sale->set->changed_orders[k]];
            if (order->added != added) {
                continue;
            }
            if (added) {
                add_order(arrays->columns, sale, order);
            } else {
                change_order(arrays->columns, sale, order, NULL);
            }
            rows++;
        }
    }
    return send_rows(tx, arrays, added ? STATEMENT_INSERT_ORDERS : STATEMENT_UPDATE_ORDERS,
                     added ? ADDED_ORDER_COLUMNS : CHANGED_ORDER_COLUMNS, rows);
}

/* The payments that orders of this batch got: their references. Also of orders that the batch added. */
static bool write_references(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch)
{
    size_t rows = 0;
    row_arrays_start(arrays, 0, CHANGED_ORDER_COLUMNS);
    for (size_t i = 0; i < batch->work.count; i++) {
        const struct sale_batch_entry *entry = &batch->entries[i];
        const struct sale_command *command = &entry->command->command;
        const struct sale_batch_sale *sale = NULL;
        size_t index = SALE_NO_INDEX;
        if (entry->work->outcome != WORK_DECIDED || entry->command->reference[0] == '\0') {
            continue;
        }
        sale = sale_batch_find(batch, &entry->command->sale_id);
        assert(sale != NULL);
        if (!uuid_map_get(&sale->set->order_index, &command->order_id, &index) || index == SALE_NO_INDEX ||
            !uuid_equal(&sale->set->orders[index].payment_id, &command->id)) {
            continue;
        }
        change_order(arrays->columns, sale, &sale->set->orders[index], entry->command->reference);
        rows++;
    }
    return send_rows(tx, arrays, STATEMENT_UPDATE_ORDERS, CHANGED_ORDER_COLUMNS, rows);
}

static bool insert_refunds(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch)
{
    enum { COLUMNS = 7 };
    struct pg_column *columns = arrays->columns;
    row_arrays_start(arrays, 0, COLUMNS);
    for (size_t i = 0; i < batch->refund_count; i++) {
        const struct sale_batch_entry *entry = &batch->entries[batch->refunds[i].entry];
        const struct sale_message_command *message = entry->command;
        pg_column_uuid(&columns[0], &message->command.id);
        pg_column_uuid(&columns[1], &message->sale_id);
        pg_column_uuid(&columns[2], &message->command.order_id);
        row_arrays_uuid(&columns[3], &batch->refunds[i].user_id);
        pg_column_money(&columns[4], message->command.amount);
        pg_column_text(&columns[5], message->reference);
        pg_column_time(&columns[6], entry->decision.decided_ms);
    }
    return send_rows(tx, arrays, STATEMENT_INSERT_REFUNDS, COLUMNS, batch->refund_count);
}

/* --- the sales --- */

static bool keep_terms(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch)
{
    size_t rows = 0;
    row_arrays_start(arrays, 0, 1);
    for (size_t i = 0; i < batch->sale_count; i++) {
        if (sale_batch_touched(&batch->sales[i]) && batch->sales[i].updated) {
            pg_column_uuid(&arrays->columns[0], &batch->sales[i].id);
            rows++;
        }
    }
    return send_rows(tx, arrays, STATEMENT_KEEP_TERMS, 1, rows);
}

static void add_sale(struct pg_column *columns, const struct sale_batch_sale *sale)
{
    const struct sale *state = &sale->set->sale;
    const struct sale_terms *terms = &state->terms;
    pg_column_uuid(&columns[0], &sale->id);
    pg_column_money(&columns[1], terms->price);
    pg_column_int(&columns[2], terms->quantity);
    pg_column_int(&columns[3], terms->per_user_limit);
    pg_column_time(&columns[4], terms->join_ms);
    pg_column_time(&columns[5], terms->start_ms);
    pg_column_time(&columns[6], terms->end_ms);
    pg_column_int(&columns[7], terms->turn_ms / MS_PER_S);
    pg_column_int(&columns[8], terms->reservation_ms / MS_PER_S);
    pg_column_text(&columns[9], sale_payment_text(terms->payment));
    pg_column_text(&columns[10], sale_status_text(state->status));
    pg_column_int(&columns[11], state->claimed);
    pg_column_int(&columns[12], state->reserved);
    pg_column_int(&columns[13], state->sold);
    pg_column_int(&columns[14], state->waiting);
    pg_column_int(&columns[15], sale->head_seq);
    pg_column_int(&columns[16], state->ledger_seq);
    row_arrays_hash(&columns[17], sale->hash);
    pg_column_time(&columns[18], state->decided_ms);
    pg_column_int(&columns[19], sale->version);
}

static bool update_sales(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch)
{
    enum { COLUMNS = 20 };
    size_t rows = 0;
    static_assert((int)COLUMNS <= (int)ROW_ARRAYS_MAX, "there is an array for each column");
    row_arrays_start(arrays, 0, COLUMNS);
    for (size_t i = 0; i < batch->sale_count; i++) {
        const struct sale_batch_sale *sale = &batch->sales[i];
        if (sale->found && sale_batch_touched(sale)) {
            add_sale(arrays->columns, sale);
            rows++;
        }
    }
    return send_rows(tx, arrays, STATEMENT_UPDATE_SALES, COLUMNS, rows);
}

bool write_batch(struct pg_tx *tx, struct row_arrays *arrays, const struct sale_batch *batch)
{
    return insert_ledger(tx, arrays, batch) && write_entries(tx, arrays, batch, true) &&
           write_entries(tx, arrays, batch, false) && write_blocks(tx, arrays, batch, 1) &&
           write_blocks(tx, arrays, batch, -1) && write_orders(tx, arrays, batch, true) &&
           write_orders(tx, arrays, batch, false) && write_references(tx, arrays, batch) &&
           insert_refunds(tx, arrays, batch) && keep_terms(tx, arrays, batch) && update_sales(tx, arrays, batch);
}
