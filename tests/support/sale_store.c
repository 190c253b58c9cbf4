/*
 * See sale_store.h.
 */
#include "tests/support/sale_store.h"

#include "tests/support/suite.h"

void store_begin(struct sale_store *store, const struct sale_terms *terms)
{
    store->sale = (struct sale){.terms = *terms};
    store->entry_count = 0;
    store->order_count = 0;
    store->row_count = 0;
}

static int64_t held_by(const struct sale_store *store, const struct uuid *user)
{
    int64_t held = 0;
    for (size_t i = 0; i < store->order_count; i++) {
        const struct sale_order *order = &store->orders[i];
        bool holds = order->status == SALE_ORDER_RESERVED || order->status == SALE_ORDER_CONFIRMED;
        held += holds && uuid_equal(&order->user_id, user) ? order->quantity : 0;
    }
    return held;
}

static void add_entry(struct sale_set *set, const struct sale_entry *entry)
{
    bool added = sale_set_add_entry(set, entry);
    ck_assert(added);
}

static void load_user(const struct sale_store *store, struct sale_set *set, const struct uuid *user)
{
    bool added = sale_set_add_user(set, user, held_by(store, user));
    ck_assert(added);
    for (size_t i = 0; i < store->entry_count; i++) {
        const struct sale_entry *entry = &store->entries[i];
        bool live = entry->status == SALE_ENTRY_WAITING || entry->status == SALE_ENTRY_TURN;
        if (live && uuid_equal(&entry->user_id, user)) {
            add_entry(set, entry);
        }
    }
}

static void load_order(const struct sale_store *store, struct sale_set *set, const struct sale_command *command)
{
    for (size_t i = 0; i < store->order_count; i++) {
        if (uuid_equal(&store->orders[i].id, &command->order_id)) {
            bool added = sale_set_add_order(set, &store->orders[i]);
            ck_assert(added);
            if (command->paid) {
                load_user(store, set, &store->orders[i].user_id);
            }
            return;
        }
    }
    bool added = sale_set_add_no_order(set, &command->order_id);
    ck_assert(added);
}

/* The first waiting entries; returns the seq up to which they are complete. */
static int64_t load_heads(const struct sale_store *store, struct sale_set *set, size_t limit)
{
    size_t found = 0;
    for (size_t i = 0; i < store->entry_count; i++) {
        if (store->entries[i].status == SALE_ENTRY_WAITING) {
            add_entry(set, &store->entries[i]);
            found++;
            if (found == limit) {
                return store->entries[i].seq;
            }
        }
    }
    return INT64_MAX;
}

static int64_t load_due_turns(const struct sale_store *store, struct sale_set *set, const struct sale_needs *needs)
{
    size_t found = 0;
    for (size_t i = 0; i < store->entry_count; i++) {
        const struct sale_entry *entry = &store->entries[i];
        if (entry->status == SALE_ENTRY_TURN && entry->expires_ms <= needs->due_ms) {
            add_entry(set, entry);
            found++;
            if (found == needs->due) {
                return entry->seq;
            }
        }
    }
    return INT64_MAX;
}

static int64_t load_due_orders(const struct sale_store *store, struct sale_set *set, const struct sale_needs *needs)
{
    size_t found = 0;
    for (size_t i = 0; i < store->order_count; i++) {
        const struct sale_order *order = &store->orders[i];
        if (order->status == SALE_ORDER_RESERVED && order->expires_ms <= needs->due_ms) {
            bool added = sale_set_add_order(set, order);
            ck_assert(added);
            found++;
            if (found == needs->due) {
                return order->seq;
            }
        }
    }
    return INT64_MAX;
}

void store_load(const struct sale_store *store, struct sale_set *set, const struct sale_command *commands, size_t count,
                int64_t decided_ms)
{
    struct sale_needs needs = sale_needs_none();
    sale_set_begin(set, &store->sale, decided_ms, false);
    for (size_t i = 0; i < count; i++) {
        sale_needs_add(&needs, &commands[i]);
        if (sale_needs_of(&commands[i]) == SALE_NEEDS_USER) {
            load_user(store, set, &commands[i].user_id);
        } else if (sale_needs_of(&commands[i]) == SALE_NEEDS_ORDER) {
            load_order(store, set, &commands[i]);
        }
    }
    int64_t line = load_heads(store, set, needs.heads);
    int64_t turns = load_due_turns(store, set, &needs);
    int64_t orders = load_due_orders(store, set, &needs);
    sale_set_loaded_until(set, line, turns, orders);
    bool ready = sale_set_ready(set, count);
    ck_assert(ready);
}

static void write_entry(struct sale_store *store, const struct sale_entry *entry)
{
    size_t i = 0;
    while (i < store->entry_count && store->entries[i].seq != entry->seq) {
        i++;
    }
    if (entry->added != (i == store->entry_count) || i == STORE_ROWS_MAX) {
        ck_abort_msg("entry %lld is inserted twice, updated without being there, or one too many",
                     (long long)entry->seq);
    }
    store->entries[i] = *entry;
    store->entry_count += entry->added;
}

static void write_order(struct sale_store *store, const struct sale_order *order)
{
    size_t i = 0;
    while (i < store->order_count && store->orders[i].seq != order->seq) {
        i++;
    }
    if (order->added != (i == store->order_count) || i == STORE_ROWS_MAX) {
        ck_abort_msg("order %lld is inserted twice, updated without being there, or one too many",
                     (long long)order->seq);
    }
    store->orders[i] = *order;
    store->order_count += order->added;
}

void store_write(struct sale_store *store, const struct sale_set *set)
{
    if (!set->changed) {
        ck_assert_uint_eq(set->changed_entry_count + set->changed_order_count + set->row_count, 0);
        return;
    }
    store->sale = set->sale;
    for (size_t i = 0; i < set->changed_entry_count; i++) {
        write_entry(store, &set->entries[set->changed_entries[i]]);
    }
    for (size_t i = 0; i < set->changed_order_count; i++) {
        write_order(store, &set->orders[set->changed_orders[i]]);
    }
    ck_assert_uint_le(store->row_count + set->row_count, STORE_ROWS_MAX);
    for (size_t i = 0; i < set->row_count; i++) {
        store->rows[store->row_count + i] = set->rows[i];
    }
    store->row_count += set->row_count;
}
