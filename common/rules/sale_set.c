/*
 * See sale_set.h. Rows are loaded in any order. sale_set_ready sorts them once and builds the indices; afterwards the
 * rules only append.
 */
#include "common/rules/sale_set.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/money.h"

enum { ITEMS_MIN = 64 };

bool sale_terms_valid(const struct sale_terms *terms)
{
    bool stock = terms->quantity >= 1 && terms->quantity <= SALE_QUANTITY_MAX && terms->per_user_limit >= 1 &&
                 terms->per_user_limit <= SALE_QUANTITY_MAX;
    bool times = terms->join_ms >= 0 && terms->join_ms <= terms->start_ms && terms->start_ms < terms->end_ms &&
                 terms->end_ms <= SALE_TIME_MS_MAX;
    bool durations = terms->turn_ms >= 1 && terms->turn_ms <= SALE_DURATION_MS_MAX && terms->reservation_ms >= 1 &&
                     terms->reservation_ms <= SALE_DURATION_MS_MAX;
    return stock && times && durations && terms->price >= 1 && terms->price <= MONEY_MAX / terms->per_user_limit;
}

int64_t sale_free(const struct sale *sale)
{
    return sale->terms.quantity - sale->claimed - sale->reserved - sale->sold;
}

enum sale_reason sale_over_reason(const struct sale *sale)
{
    switch (sale->status) {
    case SALE_UPCOMING:
    case SALE_OPEN:
    case SALE_ACTIVE:
        break;
    case SALE_ENDED:
    case SALE_SETTLED:
        return SALE_REASON_SALE_ENDED;
    case SALE_SOLD_OUT:
        return SALE_REASON_SOLD_OUT;
    case SALE_CANCELLED:
        return SALE_REASON_SALE_CANCELLED;
    }
    return SALE_REASON_NONE;
}

bool sale_over(const struct sale *sale)
{
    return sale_over_reason(sale) != SALE_REASON_NONE;
}

static bool entry_holds_place(const struct sale_entry *entry)
{
    return entry->status == SALE_ENTRY_WAITING || entry->status == SALE_ENTRY_TURN;
}

enum sale_entry_status sale_entry_effective(const struct sale *sale, const struct sale_entry *entry)
{
    return entry_holds_place(entry) && sale_over(sale) ? SALE_ENTRY_CLOSED : entry->status;
}

enum sale_order_status sale_order_effective(const struct sale *sale, const struct sale_order *order)
{
    bool aborted = order->status == SALE_ORDER_RESERVED && sale->status == SALE_CANCELLED;
    return aborted ? SALE_ORDER_CANCELLED : order->status;
}

/* --- room --- */

/* Grows an array to at least `needed` items; returns its new place, or NULL without changing it. */
static void *grown(void *array, size_t *size, size_t needed, size_t item_size)
{
    size_t larger = *size < ITEMS_MIN ? ITEMS_MIN : *size;
    while (larger < needed) {
        larger *= 2;
    }
    if (larger == *size) {
        return array;
    }
    void *place = needed <= SALE_SET_ITEMS_MAX ? realloc(array, larger * item_size) : NULL;
    if (place != NULL) {
        *size = larger;
    }
    return place;
}

/* The list of changed entries has as much room as the entries. */
static bool reserve_entries(struct sale_set *set, size_t more)
{
    size_t size = set->entry_size;
    size_t *changed = grown(set->changed_entries, &size, set->entry_count + more, sizeof *changed);
    if (changed == NULL) {
        return false;
    }
    set->changed_entries = changed;
    struct sale_entry *entries = grown(set->entries, &set->entry_size, set->entry_count + more, sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    set->entries = entries;
    return true;
}

static bool reserve_orders(struct sale_set *set, size_t more)
{
    size_t size = set->order_size;
    size_t *changed = grown(set->changed_orders, &size, set->order_count + more, sizeof *changed);
    if (changed == NULL) {
        return false;
    }
    set->changed_orders = changed;
    struct sale_order *orders = grown(set->orders, &set->order_size, set->order_count + more, sizeof *orders);
    if (orders == NULL) {
        return false;
    }
    set->orders = orders;
    return uuid_map_reserve(&set->order_index, (set->ready ? 0 : set->order_count) + more);
}

static bool reserve_users(struct sale_set *set, size_t more)
{
    struct sale_user *users = grown(set->users, &set->user_size, set->user_count + more, sizeof *users);
    if (users == NULL) {
        return false;
    }
    set->users = users;
    return uuid_map_reserve(&set->user_index, more);
}

static bool reserve_rows(struct sale_set *set, size_t more)
{
    struct sale_row *rows = grown(set->rows, &set->row_size, set->row_count + more, sizeof *rows);
    if (rows == NULL) {
        return false;
    }
    set->rows = rows;
    return true;
}

/* --- loading --- */

void sale_set_begin(struct sale_set *set, const struct sale *sale, int64_t decided_ms, bool complete)
{
    assert(sale_free(sale) >= 0);
    set->sale = *sale;
    set->complete = complete;
    set->ready = complete;
    set->line_until = INT64_MAX;
    set->turns_until = INT64_MAX;
    set->orders_until = INT64_MAX;
    set->entry_count = 0;
    set->order_count = 0;
    set->user_count = 0;
    set->head = 0;
    set->first_live = 0;
    set->first_reserved = 0;
    set->changed_entry_count = 0;
    set->changed_order_count = 0;
    uuid_map_clear(&set->user_index);
    uuid_map_clear(&set->order_index);
    sale_set_written(set, decided_ms);
}

void sale_set_written(struct sale_set *set, int64_t decided_ms)
{
    for (size_t i = 0; i < set->changed_entry_count; i++) {
        struct sale_entry *entry = &set->entries[set->changed_entries[i]];
        entry->added = false;
        entry->changed = false;
    }
    for (size_t i = 0; i < set->changed_order_count; i++) {
        struct sale_order *order = &set->orders[set->changed_orders[i]];
        order->added = false;
        order->changed = false;
    }
    set->decided_ms = decided_ms > set->sale.decided_ms ? decided_ms : set->sale.decided_ms;
    set->changed = false;
    set->changed_entry_count = 0;
    set->changed_order_count = 0;
    set->row_count = 0;
    set->grants = 0;
}

void sale_set_free(struct sale_set *set)
{
    free(set->entries);
    free(set->orders);
    free(set->users);
    free(set->rows);
    free(set->changed_entries);
    free(set->changed_orders);
    uuid_map_free(&set->user_index);
    uuid_map_free(&set->order_index);
    *set = (struct sale_set){0};
}

static void put_user(struct sale_set *set, const struct uuid *id, int64_t held)
{
    uuid_map_put(&set->user_index, id, set->user_count);
    set->users[set->user_count] = (struct sale_user){.held = held, .entry = SALE_NO_INDEX};
    set->user_count++;
}

bool sale_set_add_user(struct sale_set *set, const struct uuid *id, int64_t held)
{
    assert(!set->ready);
    if (sale_set_known_user(set, id) != NULL) {
        return true;
    }
    if (!reserve_users(set, 1)) {
        return false;
    }
    put_user(set, id, held);
    return true;
}

bool sale_set_add_entry(struct sale_set *set, const struct sale_entry *entry)
{
    assert(!set->ready);
    if (!reserve_entries(set, 1)) {
        return false;
    }
    set->entries[set->entry_count] = *entry;
    set->entries[set->entry_count].added = false;
    set->entries[set->entry_count].changed = false;
    set->entry_count++;
    return true;
}

bool sale_set_add_order(struct sale_set *set, const struct sale_order *order)
{
    assert(!set->ready);
    if (!reserve_orders(set, 1)) {
        return false;
    }
    set->orders[set->order_count] = *order;
    set->orders[set->order_count].added = false;
    set->orders[set->order_count].changed = false;
    set->order_count++;
    return true;
}

bool sale_set_add_no_order(struct sale_set *set, const struct uuid *id)
{
    assert(!set->ready);
    if (!uuid_map_reserve(&set->order_index, 1)) {
        return false;
    }
    uuid_map_put(&set->order_index, id, SALE_NO_INDEX);
    return true;
}

void sale_set_loaded_until(struct sale_set *set, int64_t line, int64_t turns, int64_t orders)
{
    assert(!set->ready);
    set->line_until = line;
    set->turns_until = turns;
    set->orders_until = orders;
}

static int by_place(const void *a, const void *b)
{
    const struct sale_entry *left = a;
    const struct sale_entry *right = b;
    return (left->seq > right->seq) - (left->seq < right->seq);
}

static int by_seq(const void *a, const void *b)
{
    const struct sale_order *left = a;
    const struct sale_order *right = b;
    return (left->seq > right->seq) - (left->seq < right->seq);
}

/* Sorts the entries, leaves out repeated ones, and gives the live ones to their users. */
static void index_entries(struct sale_set *set)
{
    size_t kept = 0;
    if (set->entry_count > 1) {
        qsort(set->entries, set->entry_count, sizeof *set->entries, by_place);
    }
    for (size_t i = 0; i < set->entry_count; i++) {
        if (kept > 0 && set->entries[kept - 1].seq == set->entries[i].seq) {
            continue;
        }
        set->entries[kept] = set->entries[i];
        struct sale_user *user = sale_set_known_user(set, &set->entries[kept].user_id);
        if (user != NULL && entry_holds_place(&set->entries[kept])) {
            user->entry = kept;
        }
        kept++;
    }
    set->entry_count = kept;
}

static void index_orders(struct sale_set *set)
{
    size_t kept = 0;
    if (set->order_count > 1) {
        qsort(set->orders, set->order_count, sizeof *set->orders, by_seq);
    }
    for (size_t i = 0; i < set->order_count; i++) {
        if (kept > 0 && set->orders[kept - 1].seq == set->orders[i].seq) {
            continue;
        }
        set->orders[kept] = set->orders[i];
        uuid_map_put(&set->order_index, &set->orders[kept].id, kept);
        kept++;
    }
    set->order_count = kept;
}

bool sale_set_ready(struct sale_set *set, size_t commands)
{
    if (commands > SALE_SET_ITEMS_MAX || !reserve_entries(set, commands) || !reserve_orders(set, commands) ||
        !reserve_users(set, commands) || !reserve_rows(set, commands + SALE_GRANTS_MAX)) {
        return false;
    }
    if (!set->ready) {
        index_entries(set);
        index_orders(set);
        set->ready = true;
    }
    return true;
}

/* --- for the rules --- */

struct sale_user *sale_set_known_user(const struct sale_set *set, const struct uuid *id)
{
    size_t index = 0;
    return uuid_map_get(&set->user_index, id, &index) ? &set->users[index] : NULL;
}

struct sale_user *sale_set_user(struct sale_set *set, const struct uuid *id)
{
    struct sale_user *user = sale_set_known_user(set, id);
    if (user != NULL) {
        return user;
    }
    assert(set->complete && set->user_count < set->user_size);
    put_user(set, id, 0);
    return &set->users[set->user_count - 1];
}

struct sale_entry *sale_set_live_entry(const struct sale_set *set, const struct sale_user *user)
{
    if (user->entry == SALE_NO_INDEX || sale_over(&set->sale)) {
        return NULL;
    }
    struct sale_entry *entry = &set->entries[user->entry];
    return entry_holds_place(entry) ? entry : NULL;
}

struct sale_order *sale_set_order(const struct sale_set *set, const struct uuid *id)
{
    size_t index = SALE_NO_INDEX;
    bool loaded = uuid_map_get(&set->order_index, id, &index);
    assert(loaded || set->complete);
    return loaded && index != SALE_NO_INDEX ? &set->orders[index] : NULL;
}

struct sale_entry *sale_set_head(struct sale_set *set)
{
    while (set->head < set->entry_count && set->entries[set->head].status != SALE_ENTRY_WAITING) {
        set->head++;
    }
    if (set->head == set->entry_count) {
        assert(set->sale.waiting == 0);
        return NULL;
    }
    assert(set->entries[set->head].seq <= set->line_until);
    return &set->entries[set->head];
}

void sale_set_new_entry(struct sale_set *set, const struct sale_entry *entry)
{
    assert(set->entry_count < set->entry_size);
    struct sale_entry *place = &set->entries[set->entry_count];
    *place = *entry;
    place->added = true;
    set->entry_count++;
    sale_set_mark_entry(set, place);
}

void sale_set_new_order(struct sale_set *set, const struct sale_order *order)
{
    size_t index = SALE_NO_INDEX;
    bool known = uuid_map_get(&set->order_index, &order->id, &index);
    assert(set->order_count < set->order_size && (!known || index == SALE_NO_INDEX));
    struct sale_order *place = &set->orders[set->order_count];
    *place = *order;
    place->added = true;
    uuid_map_put(&set->order_index, &order->id, set->order_count);
    set->order_count++;
    sale_set_mark_order(set, place);
}

void sale_set_new_row(struct sale_set *set, struct sale_row row)
{
    assert(set->row_count < set->row_size);
    set->sale.ledger_seq++;
    set->sale.decided_ms = set->decided_ms;
    set->changed = true;
    row.seq = set->sale.ledger_seq;
    row.decided_ms = set->decided_ms;
    set->rows[set->row_count] = row;
    set->row_count++;
}

void sale_set_mark_entry(struct sale_set *set, struct sale_entry *entry)
{
    if (!entry->changed) {
        entry->changed = true;
        set->changed_entries[set->changed_entry_count] = (size_t)(entry - set->entries);
        set->changed_entry_count++;
    }
}

void sale_set_mark_order(struct sale_set *set, struct sale_order *order)
{
    if (!order->changed) {
        order->changed = true;
        set->changed_orders[set->changed_order_count] = (size_t)(order - set->orders);
        set->changed_order_count++;
    }
}
