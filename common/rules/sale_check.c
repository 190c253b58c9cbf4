/*
 * See sale_check.h. The sums are made from the rows alone.
 */
#include "common/rules/sale_check.h"

struct sums {
    int64_t claimed;
    int64_t waiting;
    int64_t reserved;
    int64_t sold;
    int64_t held; /* as struct sale_user counts it: reserved orders of a cancelled sale are among them */
};

static const char *check_sale(const struct sale *sale)
{
    bool over = sale_over(sale);
    if (sale->claimed < 0 || sale->reserved < 0 || sale->sold < 0 || sale->waiting < 0) {
        return "a counter of the sale is below 0";
    }
    if (sale_free(sale) < 0) {
        return "more units are claimed, reserved and sold than there are";
    }
    if (over && (sale->claimed > 0 || sale->waiting > 0)) {
        return "the sale is over, but units are claimed or users wait";
    }
    if (sale->reserved > 0 && sale->status != SALE_ACTIVE && sale->status != SALE_ENDED) {
        return "units are reserved in a sale that is not active and has not just ended";
    }
    if (sale->status == SALE_ENDED && sale->reserved == 0) {
        return "the sale has ended and nothing is reserved, but it is not settled";
    }
    if (sale->status != SALE_CANCELLED && (sale->status == SALE_SOLD_OUT) != (sale->sold == sale->terms.quantity)) {
        return "the sale is sold out, but units are left, or the reverse";
    }
    return NULL;
}

/* Entries are sorted by seq, so none may be granted behind one that waits. */
static const char *check_entries(const struct sale_set *set, struct sums *sums)
{
    bool waits = false;
    for (size_t i = 0; i < set->entry_count; i++) {
        const struct sale_entry *entry = &set->entries[i];
        if (i > 0 && entry->seq <= entry[-1].seq) {
            return "two entries have the same place, or the places are not in order";
        }
        if (entry->claim < 0 || entry->claim > entry->wanted ||
            (entry->status == SALE_ENTRY_TURN && entry->claim == 0)) {
            return "a claim is not within 1 and what was wanted";
        }
        if (waits && entry->claim > 0) {
            return "a place was served before an earlier one";
        }
        enum sale_entry_status status = sale_entry_effective(&set->sale, entry);
        waits = waits || status == SALE_ENTRY_WAITING;
        sums->waiting += status == SALE_ENTRY_WAITING;
        sums->claimed += status == SALE_ENTRY_TURN ? entry->claim : 0;
    }
    return NULL;
}

static const char *check_orders(const struct sale_set *set, struct sums *sums)
{
    for (size_t i = 0; i < set->order_count; i++) {
        const struct sale_order *order = &set->orders[i];
        enum sale_order_status status = sale_order_effective(&set->sale, order);
        bool held = order->status == SALE_ORDER_RESERVED || order->status == SALE_ORDER_CONFIRMED;
        if (order->quantity < 1 && order->status != SALE_ORDER_REJECTED) {
            return "an order has no units";
        }
        sums->reserved += status == SALE_ORDER_RESERVED ? order->quantity : 0;
        sums->sold += status == SALE_ORDER_CONFIRMED ? order->quantity : 0;
        sums->held += held ? order->quantity : 0;
    }
    return NULL;
}

static const char *check_users(const struct sale_set *set, struct sums *sums)
{
    int64_t held = 0;
    for (size_t i = 0; i < set->user_count; i++) {
        const struct sale_user *user = &set->users[i];
        const struct sale_entry *entry = sale_set_live_entry(set, user);
        int64_t live = entry == NULL ? 0 : entry->status == SALE_ENTRY_TURN ? entry->claim : entry->wanted;
        if (user->held < 0 || user->held + live > set->sale.terms.per_user_limit) {
            return "a user holds more units than the limit, or less than none";
        }
        held += user->held;
        sums->claimed -= entry != NULL && entry->status == SALE_ENTRY_TURN ? entry->claim : 0;
        sums->waiting -= entry != NULL && entry->status == SALE_ENTRY_WAITING;
    }
    if (set->complete && (held != sums->held || sums->claimed != 0 || sums->waiting != 0)) {
        return "a user has two live entries, or holds other units than those of the user's orders";
    }
    return NULL;
}

const char *sale_check(const struct sale_set *set)
{
    const struct sale *sale = &set->sale;
    struct sums sums = {0};
    const char *violated = check_sale(sale);
    if (violated == NULL) {
        violated = check_entries(set, &sums);
    }
    if (violated == NULL) {
        violated = check_orders(set, &sums);
    }
    if (violated == NULL && (sums.claimed > sale->claimed || sums.waiting > sale->waiting ||
                             sums.reserved > sale->reserved || sums.sold > sale->sold)) {
        violated = "entries or orders hold more units than the sale's counters say";
    }
    if (violated == NULL && set->complete &&
        (sums.claimed != sale->claimed || sums.waiting != sale->waiting || sums.reserved != sale->reserved ||
         sums.sold != sale->sold)) {
        violated = "a counter of the sale differs from its entries or orders";
    }
    return violated != NULL ? violated : check_users(set, &sums);
}
