/*
 * See user_updates.h.
 */
#include "saleworker/user_updates.h"

#include "saleworker/outcome.h"

static struct sale_message_decision update_for(const struct sale_batch_sale *sale, const struct uuid *user)
{
    return (struct sale_message_decision){
        .sale_id = sale->id,
        .user_id = *user,
        .kind = SALE_COMMAND_EXPIRE,
        .verdict = SALE_VERDICT_ACCEPTED,
        .position = SALE_POSITION_UNKNOWN,
        .received_ms = sale->set->decided_ms,
        .decided_ms = sale->set->decided_ms,
        .version = sale->version,
    };
}

/* False: the change is the user's own, or derived from the sale. */
static bool of_entry(const struct sale_batch_sale *sale, const struct sale_entry *entry,
                     struct sale_message_decision *update)
{
    enum sale_entry_status status = sale_entry_effective(&sale->set->sale, entry);
    if (status != SALE_ENTRY_TURN && status != SALE_ENTRY_EXPIRED) {
        return false;
    }
    *update = update_for(sale, &entry->user_id);
    update->quantity = entry->claim;
    update->place = entry->seq;
    update->entry_id = outcome_entry_id(sale, entry);
    update->entry_status = status;
    update->position = status == SALE_ENTRY_TURN ? 0 : SALE_POSITION_UNKNOWN;
    update->turn_expires_ms = entry->expires_ms;
    return true;
}

static bool of_order(const struct sale_batch_sale *sale, const struct sale_order *order,
                     struct sale_message_decision *update)
{
    if (order->status != SALE_ORDER_EXPIRED) {
        return false;
    }
    *update = update_for(sale, &order->user_id);
    update->quantity = order->quantity;
    update->order_id = order->id;
    update->order_status = order->status;
    update->total_price = order->total_price;
    update->order_expires_ms = order->expires_ms;
    return true;
}

bool user_updates_next(const struct sale_batch_sale *sale, size_t *at, struct sale_message_decision *update)
{
    const struct sale_set *set = sale->set;
    while (*at < set->changed_entry_count + set->changed_order_count) {
        size_t i = (*at)++;
        bool found = i < set->changed_entry_count
                         ? of_entry(sale, &set->entries[set->changed_entries[i]], update)
                         : of_order(sale, &set->orders[set->changed_orders[i - set->changed_entry_count]], update);
        if (found) {
            return true;
        }
    }
    return false;
}
