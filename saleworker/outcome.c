/*
 * See outcome.h.
 *
 * Positions: those who joined in this batch are at the end of the line, and all of them are in the set. So the position
 * of such a place that still waits is the number of all waiting less those of them behind it.
 */
#include "saleworker/outcome.h"

#include <assert.h>
#include <stdlib.h>

void outcome_begin(const struct sale_batch_sale *sale, struct sale_batch_entry *entry,
                   const struct sale_decision *decided)
{
    const struct sale_command *command = &entry->command->command;
    entry->decision = (struct sale_message_decision){
        .id = command->id,
        .sale_id = sale->id,
        .user_id = decided->user_id,
        .kind = command->kind,
        .verdict = decided->verdict,
        .reason = decided->reason,
        .quantity = decided->quantity,
        .place = decided->place,
        .position = SALE_POSITION_UNKNOWN,
        .received_ms = command->received_ms,
        .decided_ms = sale->set->decided_ms,
    };
}

/* False: no memory. */
static bool compute_positions(struct sale_batch *batch, const struct sale_set *set)
{
    int64_t position = set->sale.waiting;
    if (batch->position_size < set->entry_count) {
        int64_t *positions = realloc(batch->positions, set->entry_size * sizeof *positions);
        if (positions == NULL) {
            return false;
        }
        batch->positions = positions;
        batch->position_size = set->entry_size;
    }
    for (size_t i = set->entry_count; i > 0; i--) {
        const struct sale_entry *entry = &set->entries[i - 1];
        enum sale_entry_status status = sale_entry_effective(&set->sale, entry);
        batch->positions[i - 1] = status == SALE_ENTRY_TURN ? 0 : SALE_POSITION_UNKNOWN;
        if (entry->added && status == SALE_ENTRY_WAITING) {
            batch->positions[i - 1] = position--;
        }
    }
    return true;
}

static int compare_place(const void *key, const void *element)
{
    int64_t a = *(const int64_t *)key;
    int64_t b = ((const struct sale_entry *)element)->seq;
    return (a > b) - (a < b);
}

struct uuid outcome_entry_id(const struct sale_batch_sale *sale, const struct sale_entry *entry)
{
    const struct sale_batch_place *place = sale_batch_place(sale, entry->seq);
    if (place != NULL) {
        return place->id;
    }
    assert(entry->added && entry->seq > sale->seq_before);
    return sale->set->rows[entry->seq - sale->seq_before - 1].command_id;
}

static void add_entry(const struct sale_batch *batch, const struct sale_batch_sale *sale,
                      struct sale_message_decision *decision)
{
    const struct sale_set *set = sale->set;
    const struct sale_entry *entry = set->entry_count == 0 ? NULL
                                                           : bsearch(&decision->place, set->entries, set->entry_count,
                                                                     sizeof *set->entries, compare_place);
    if (entry == NULL) {
        return;
    }
    decision->entry_id = outcome_entry_id(sale, entry);
    decision->entry_status = sale_entry_effective(&set->sale, entry);
    decision->turn_expires_ms = entry->expires_ms;
    decision->position = batch->positions[entry - set->entries];
}

static void add_order(const struct sale_batch_sale *sale, const struct sale_command *command,
                      struct sale_message_decision *decision)
{
    const struct uuid *id = command->kind == SALE_COMMAND_ORDER ? &command->id : &command->order_id;
    size_t index = SALE_NO_INDEX;
    if (uuid_is_nil(id) || !uuid_map_get(&sale->set->order_index, id, &index) || index == SALE_NO_INDEX) {
        return;
    }
    const struct sale_order *order = &sale->set->orders[index];
    bool foreign = !command->paid && !uuid_equal(&order->user_id, &command->user_id);
    if (foreign) {
        return; /* the command was rejected: NOT_FOUND */
    }
    decision->order_id = order->id;
    decision->order_status = sale_order_effective(&sale->set->sale, order);
    decision->total_price = order->total_price;
    decision->order_expires_ms = order->expires_ms;
}

/* The lowest place that may wait, as far as the line was loaded. */
static int64_t head_of(const struct sale_batch_sale *sale)
{
    const struct sale_set *set = sale->set;
    int64_t head = set->line_until == INT64_MAX ? set->sale.ledger_seq + 1 : set->line_until + 1;
    for (size_t i = 0; i < set->entry_count; i++) {
        const struct sale_entry *entry = &set->entries[i];
        if (entry->status == SALE_ENTRY_WAITING && entry->seq < head) {
            head = entry->seq;
            break;
        }
    }
    return head > sale->head_seq ? head : sale->head_seq;
}

bool outcome_end(struct sale_batch *batch, struct sale_batch_sale *sale)
{
    if (!compute_positions(batch, sale->set)) {
        return false;
    }
    if (sale->found && sale->set->row_count > 0) {
        sale->version++;
    }
    sale->head_seq = head_of(sale);
    for (size_t i = 0; i < sale->count; i++) {
        size_t index = batch->work.order[sale->first + i];
        struct sale_batch_entry *entry = &batch->entries[index];
        bool repeated = entry->work->first_of_id != index && entry->work->outcome == WORK_KNOWN;
        if (entry->work->outcome == WORK_DECIDED) {
            entry->decision.version = sale->version;
            add_entry(batch, sale, &entry->decision);
            add_order(sale, &entry->command->command, &entry->decision);
        } else if (repeated) {
            entry->decision = batch->entries[entry->work->first_of_id].decision;
        }
    }
    return true;
}
