/*
 * See live_updates.h.
 */
#include "saleworker/live_updates.h"

/*
 * A place that was left while it waited. One that the same batch added was never shown. One that got its turn in this
 * batch before it was left is among the granted ones: a reader would count it twice.
 */
static bool is_gone(const struct sale_batch_sale *sale, const struct sale_entry *entry)
{
    const struct sale_batch_place *place = sale_batch_place(sale, entry->seq);
    return !entry->added && entry->status == SALE_ENTRY_LEFT && entry->claim == 0 && place != NULL && place->waiting;
}

void live_updates_of(const struct sale_batch_sale *sale, struct sale_live *update)
{
    const struct sale_set *set = sale->set;
    const struct sale *state = &set->sale;
    *update = (struct sale_live){
        .sale_id = sale->id,
        .version = sale->version,
        .at_ms = set->decided_ms,
        .status = state->status,
        .quantity = state->terms.quantity,
        .claimed = state->claimed,
        .reserved = state->reserved,
        .sold = state->sold,
        .waiting = state->waiting,
        .head_seq = sale->head_seq,
        .join_ms = state->terms.join_ms,
        .start_ms = state->terms.start_ms,
        .end_ms = state->terms.end_ms,
        .granted = sale->granted,
        .look = set->row_count == 0, /* the batch was redelivered */
    };
    for (size_t i = 0; i < set->changed_entry_count; i++) {
        const struct sale_entry *entry = &set->entries[set->changed_entries[i]];
        if (is_gone(sale, entry)) {
            sale_live_add_gone(update, entry->seq);
        }
    }
}
