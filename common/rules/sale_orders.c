/*
 * See sale_orders.h.
 */
#include "common/rules/sale_orders.h"

#include <assert.h>

#include "common/base/money.h"
#include "common/rules/sale_line.h"

/* --- ORDER --- */

static enum sale_reason order_refused(const struct sale *sale, const struct sale_command *command)
{
    if (sale_over(sale)) {
        return sale_over_reason(sale);
    }
    if (command->received_ms >= sale->terms.end_ms) {
        return SALE_REASON_SALE_ENDED;
    }
    if (command->received_ms < sale->terms.start_ms) {
        return SALE_REASON_SALE_NOT_STARTED;
    }
    if (command->banned) {
        return SALE_REASON_USER_BANNED;
    }
    return command->quantity < 1 ? SALE_REASON_INVALID_QUANTITY : SALE_REASON_NONE;
}

/* By the user's place in the line. */
static enum sale_reason order_refused_in_line(const struct sale_command *command, const struct sale_entry *entry)
{
    if (entry->status == SALE_ENTRY_WAITING) {
        return SALE_REASON_NOT_YOUR_TURN;
    }
    if (command->received_ms >= entry->expires_ms + command->refused_ms) {
        return SALE_REASON_TURN_EXPIRED;
    }
    return command->quantity > entry->claim ? SALE_REASON_CLAIM_EXCEEDED : SALE_REASON_NONE;
}

/* Without a place in the line: only what nobody waits for. */
static enum sale_reason order_refused_alone(const struct sale *sale, const struct sale_command *command,
                                            const struct sale_user *user)
{
    if (command->quantity > sale->terms.per_user_limit - user->held) {
        return SALE_REASON_LIMIT_REACHED;
    }
    return sale->waiting > 0 || command->quantity > sale_free(sale) ? SALE_REASON_NOT_IN_QUEUE : SALE_REASON_NONE;
}

static struct sale_order new_order(const struct sale_set *set, const struct sale_command *command)
{
    int64_t price = set->sale.terms.price;
    int64_t total = command->quantity > MONEY_MAX / price ? MONEY_MAX : command->quantity * price;
    return (struct sale_order){
        .id = command->id,
        .seq = set->sale.ledger_seq + 1, /* the row of this command */
        .user_id = command->user_id,
        .quantity = command->quantity,
        .total_price = total > 0 ? total : 0,
    };
}

static void reject_order(struct sale_set *set, const struct sale_command *command, enum sale_reason reason)
{
    struct sale_order order = new_order(set, command);
    order.status = SALE_ORDER_REJECTED;
    order.reason = reason;
    sale_set_new_order(set, &order);
}

static void reserve(struct sale_set *set, const struct sale_command *command, struct sale_user *user)
{
    struct sale_order order = new_order(set, command);
    order.status = SALE_ORDER_RESERVED;
    order.expires_ms = set->decided_ms + set->sale.terms.reservation_ms;
    set->sale.reserved += order.quantity;
    user->held += order.quantity;
    assert(sale_free(&set->sale) >= 0 && user->held <= set->sale.terms.per_user_limit);
    sale_set_new_order(set, &order);
}

struct sale_decision sale_orders_order(struct sale_set *set, const struct sale_command *command)
{
    enum sale_reason reason = order_refused(&set->sale, command);
    struct sale_user *user = sale_set_user(set, &command->user_id);
    struct sale_entry *entry = sale_set_live_entry(set, user);
    if (reason == SALE_REASON_NONE) {
        reason = entry != NULL ? order_refused_in_line(command, entry) : order_refused_alone(&set->sale, command, user);
    }
    struct sale_decision decision = {
        .verdict = reason == SALE_REASON_NONE ? SALE_VERDICT_ACCEPTED : SALE_VERDICT_REJECTED,
        .reason = reason,
        .quantity = command->quantity,
        .place = entry != NULL ? entry->seq : 0,
    };
    if (reason != SALE_REASON_NONE) {
        reject_order(set, command, reason);
        return decision;
    }
    if (entry != NULL) {
        sale_line_end_turn(set, entry, SALE_ENTRY_ORDERED); /* the rest of the claim goes back */
    }
    reserve(set, command, user);
    return decision;
}

/* --- the end of a reservation --- */

static void set_status(struct sale_set *set, struct sale_order *order, enum sale_order_status status)
{
    order->status = status;
    sale_set_mark_order(set, order);
}

/* The reservation no longer counts for its user. */
static void release_user(const struct sale_set *set, const struct sale_order *order)
{
    struct sale_user *user = sale_set_known_user(set, &order->user_id);
    if (user != NULL) { /* otherwise no command of this batch depends on the user */
        user->held -= order->quantity;
    }
}

/* The units of a reservation are free again. */
static void end_reservation(struct sale_set *set, struct sale_order *order, enum sale_order_status status)
{
    assert(order->status == SALE_ORDER_RESERVED && order->quantity <= set->sale.reserved);
    set->sale.reserved -= order->quantity;
    release_user(set, order);
    set_status(set, order, status);
}

/* Reservations have equal times, so they run out in the order of seq: the search ends at the first that is not due. */
int64_t sale_orders_expire(struct sale_set *set, int64_t due_ms, bool *unfinished)
{
    int64_t before = set->sale.reserved;
    size_t ended = 0;
    for (size_t i = set->first_reserved; i < set->order_count; i++) {
        struct sale_order *order = &set->orders[i];
        bool due = order->status == SALE_ORDER_RESERVED && order->expires_ms <= due_ms;
        if (!due && order->status == SALE_ORDER_RESERVED) {
            assert(set->orders_until == INT64_MAX || order->seq <= set->orders_until);
            return before - set->sale.reserved;
        }
        if (due && ended == SALE_EXPIRE_MAX) {
            *unfinished = true;
            return before - set->sale.reserved;
        }
        if (due) {
            assert(order->seq <= set->orders_until);
            end_reservation(set, order, SALE_ORDER_EXPIRED);
            ended++;
        }
        set->first_reserved = i + 1;
    }
    assert(set->orders_until == INT64_MAX);
    return before - set->sale.reserved;
}

/* --- CONFIRM, FAIL, CANCEL --- */

/* What a decision about an order says in any case. */
static struct sale_decision about(const struct sale_order *order, enum sale_verdict verdict, enum sale_reason reason)
{
    return (struct sale_decision){
        .verdict = verdict, .reason = reason, .user_id = order->user_id, .quantity = order->quantity};
}

/* Why an order that is not reserved cannot be changed. */
static enum sale_reason closed_reason(enum sale_order_status status)
{
    return status == SALE_ORDER_EXPIRED ? SALE_REASON_RESERVATION_EXPIRED : SALE_REASON_ORDER_CLOSED;
}

static bool in_time(const struct sale_order *order, const struct sale_command *command)
{
    return command->received_ms < order->expires_ms + command->refused_ms;
}

static struct sale_decision confirm_reserved(struct sale_set *set, struct sale_order *order)
{
    set->sale.reserved -= order->quantity;
    set->sale.sold += order->quantity;
    set_status(set, order, SALE_ORDER_CONFIRMED);
    return about(order, SALE_VERDICT_ACCEPTED, SALE_REASON_NONE);
}

static struct sale_decision confirm_by_user(struct sale_set *set, const struct sale_command *command,
                                            struct sale_order *order)
{
    enum sale_order_status status = sale_order_effective(&set->sale, order);
    if (status == SALE_ORDER_CONFIRMED) {
        return about(order, SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    }
    if (status != SALE_ORDER_RESERVED) {
        return about(order, SALE_VERDICT_REJECTED, closed_reason(status));
    }
    return in_time(order, command) ? confirm_reserved(set, order)
                                   : about(order, SALE_VERDICT_REJECTED, SALE_REASON_RESERVATION_EXPIRED);
}

static struct sale_decision owe_refund(struct sale_set *set, const struct sale_command *command,
                                       struct sale_order *order)
{
    struct sale_decision decision = about(order, SALE_VERDICT_ACCEPTED, SALE_REASON_NONE);
    if (order->status == SALE_ORDER_RESERVED) { /* as it is stored: ABORT cancelled it */
        release_user(set, order);
    }
    order->payment_id = command->id;
    set_status(set, order, SALE_ORDER_REFUND_DUE);
    decision.refund_due = true;
    return decision;
}

/* The limit also counts the units of the user's place in the line: they may become a reservation. */
static bool within_limit(const struct sale_set *set, const struct sale_user *user, int64_t quantity)
{
    const struct sale_entry *entry = sale_set_live_entry(set, user);
    int64_t held = user->held;
    if (entry != NULL) {
        held += entry->status == SALE_ENTRY_TURN ? entry->claim : entry->wanted;
    }
    return held + quantity <= set->sale.terms.per_user_limit;
}

/* The money came after the reservation: the order gets units that nobody else has a right to, or the money back. */
static struct sale_decision pay_late(struct sale_set *set, const struct sale_command *command, struct sale_order *order)
{
    struct sale *sale = &set->sale;
    struct sale_user *user = sale_set_user(set, &order->user_id);
    bool spare = sale->status != SALE_CANCELLED && sale->waiting == 0 && order->quantity <= sale_free(sale);
    if (!spare || !within_limit(set, user, order->quantity)) {
        return owe_refund(set, command, order);
    }
    sale->sold += order->quantity;
    user->held += order->quantity;
    order->payment_id = command->id;
    set_status(set, order, SALE_ORDER_CONFIRMED);
    return about(order, SALE_VERDICT_ACCEPTED, SALE_REASON_NONE);
}

static struct sale_decision pay(struct sale_set *set, const struct sale_command *command, struct sale_order *order)
{
    switch (sale_order_effective(&set->sale, order)) {
    case SALE_ORDER_RESERVED:
        if (in_time(order, command)) {
            order->payment_id = command->id;
            return confirm_reserved(set, order);
        }
        end_reservation(set, order, SALE_ORDER_EXPIRED);
        return pay_late(set, command, order);
    case SALE_ORDER_EXPIRED:
    case SALE_ORDER_FAILED:
        return pay_late(set, command, order);
    case SALE_ORDER_CANCELLED:
        return owe_refund(set, command, order);
    case SALE_ORDER_CONFIRMED:
    case SALE_ORDER_REFUND_DUE:
    case SALE_ORDER_REFUNDED:
        if (uuid_equal(&order->payment_id, &command->id)) {
            return about(order, SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
        }
        break;
    case SALE_ORDER_REJECTED:
    case SALE_ORDER_PENDING:
        break;
    }
    return about(order, SALE_VERDICT_REJECTED, SALE_REASON_ORDER_CLOSED);
}

static struct sale_decision confirm_by_payment(struct sale_set *set, const struct sale_command *command,
                                               struct sale_order *order)
{
    struct sale_decision decision;
    if (order == NULL) {
        decision = sale_rejected(SALE_REASON_NOT_FOUND);
    } else if (set->sale.terms.payment != SALE_PAYMENT_CALLBACK) {
        decision = about(order, SALE_VERDICT_REJECTED, SALE_REASON_NO_PAYMENT_DUE);
    } else if (command->amount != order->total_price) {
        decision = about(order, SALE_VERDICT_REJECTED, SALE_REASON_WRONG_AMOUNT);
    } else {
        decision = pay(set, command, order);
    }
    decision.payment_unused = decision.verdict == SALE_VERDICT_REJECTED;
    return decision;
}

/* The order if it is the user's own, else NULL. */
static struct sale_order *own_order(const struct sale_set *set, const struct sale_command *command)
{
    struct sale_order *order = sale_set_order(set, &command->order_id);
    return order != NULL && uuid_equal(&order->user_id, &command->user_id) ? order : NULL;
}

struct sale_decision sale_orders_confirm(struct sale_set *set, const struct sale_command *command)
{
    if (command->paid) {
        return confirm_by_payment(set, command, sale_set_order(set, &command->order_id));
    }
    struct sale_order *order = own_order(set, command);
    if (order == NULL) {
        return sale_rejected(SALE_REASON_NOT_FOUND);
    }
    return set->sale.terms.payment == SALE_PAYMENT_NONE
               ? confirm_by_user(set, command, order)
               : about(order, SALE_VERDICT_REJECTED, SALE_REASON_PAYMENT_REQUIRED);
}

/* Ends a reservation in `status`, whatever the time: until EXPIRE it holds its units. */
static struct sale_decision give_back(struct sale_set *set, struct sale_order *order, enum sale_order_status status)
{
    enum sale_order_status now = sale_order_effective(&set->sale, order);
    if (now == status) {
        return about(order, SALE_VERDICT_UNCHANGED, SALE_REASON_NONE);
    }
    if (now != SALE_ORDER_RESERVED) {
        return about(order, SALE_VERDICT_REJECTED, closed_reason(now));
    }
    end_reservation(set, order, status);
    return about(order, SALE_VERDICT_ACCEPTED, SALE_REASON_NONE);
}

struct sale_decision sale_orders_fail(struct sale_set *set, const struct sale_command *command)
{
    struct sale_order *order = sale_set_order(set, &command->order_id);
    if (order == NULL) {
        return sale_rejected(SALE_REASON_NOT_FOUND);
    }
    return set->sale.terms.payment == SALE_PAYMENT_CALLBACK
               ? give_back(set, order, SALE_ORDER_FAILED)
               : about(order, SALE_VERDICT_REJECTED, SALE_REASON_NO_PAYMENT_DUE);
}

struct sale_decision sale_orders_cancel(struct sale_set *set, const struct sale_command *command)
{
    struct sale_order *order = own_order(set, command);
    return order != NULL ? give_back(set, order, SALE_ORDER_CANCELLED) : sale_rejected(SALE_REASON_NOT_FOUND);
}
