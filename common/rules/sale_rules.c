/*
 * See sale_rules.h. This file decides by the state of the sale and changes it; sale_line.c has the line, sale_orders.c
 * the orders.
 */
#include "common/rules/sale_rules.h"

#include <assert.h>

#include "common/rules/sale_line.h"
#include "common/rules/sale_orders.h"

static struct sale_decision accepted(void)
{
    return (struct sale_decision){.verdict = SALE_VERDICT_ACCEPTED};
}

static struct sale_decision dropped(void)
{
    return (struct sale_decision){.verdict = SALE_VERDICT_DROPPED};
}

/* --- opening and starting --- */

/* A command that is received in time opens or starts the sale. Returns whether it did, and adds it to the decision. */
static bool open_in_time(struct sale *sale, int64_t received_ms, struct sale_decision *decision)
{
    bool opens = sale->status == SALE_UPCOMING && received_ms >= sale->terms.join_ms;
    bool starts = (opens || sale->status == SALE_OPEN) && received_ms >= sale->terms.start_ms;
    if ((!opens && !starts) || received_ms >= sale->terms.end_ms) {
        return false;
    }
    sale->status = starts ? SALE_ACTIVE : SALE_OPEN;
    decision->opened = decision->opened || opens;
    decision->started = decision->started || starts;
    return true;
}

/* Has happened already, if it is in time; see sale_apply. */
static struct sale_decision decide_open(struct sale_set *set, const struct sale_command *command)
{
    (void)set;
    (void)command;
    return dropped();
}

/* --- the end --- */

static struct sale_decision decide_expire(struct sale_set *set, const struct sale_command *command)
{
    struct sale_decision decision = dropped();
    int64_t due_ms = command->received_ms - command->refused_ms;
    if (!sale_over(&set->sale)) {
        decision.quantity += sale_line_expire(set, due_ms, &decision.unfinished);
    }
    if (set->sale.status != SALE_CANCELLED) {
        decision.quantity += sale_orders_expire(set, due_ms, &decision.unfinished);
    }
    if (decision.quantity > 0) {
        decision.verdict = SALE_VERDICT_ACCEPTED;
    }
    return decision;
}

static void end_sale(struct sale_set *set, enum sale_status status)
{
    set->sale.status = status;
    sale_line_close(set);
}

static struct sale_decision decide_fence(struct sale_set *set, const struct sale_command *command)
{
    struct sale_decision decision = dropped();
    if (!sale_over(&set->sale) && command->received_ms >= set->sale.terms.end_ms) {
        end_sale(set, SALE_ENDED);
        decision = accepted();
        decision.ended = true;
    }
    return decision;
}

/* Sold out, or settled, by what the command has confirmed, returned or ended. */
static void settle(struct sale_set *set, struct sale_decision *decision)
{
    struct sale *sale = &set->sale;
    if (sale->status == SALE_CANCELLED || sale->status == SALE_SOLD_OUT) {
        return;
    }
    if (sale->sold == sale->terms.quantity) {
        end_sale(set, SALE_SOLD_OUT);
        decision->sold_out = true;
    } else if (sale->status == SALE_ENDED && sale->reserved == 0) {
        sale->status = SALE_SETTLED;
        decision->settled = true;
    }
}

/* --- changes by an admin --- */

static enum sale_reason unchangeable(const struct sale *sale, const struct sale_command *command)
{
    if (sale_over(sale)) {
        return sale_over_reason(sale);
    }
    return command->received_ms >= sale->terms.end_ms ? SALE_REASON_SALE_ENDED : SALE_REASON_NONE;
}

static enum sale_reason update_refused(const struct sale *sale, const struct sale_command *command)
{
    enum sale_reason reason = unchangeable(sale, command);
    if (reason != SALE_REASON_NONE) {
        return reason;
    }
    if (sale->status != SALE_UPCOMING) {
        return SALE_REASON_SALE_ALREADY_OPEN;
    }
    if (command->stale) {
        return SALE_REASON_VERSION_CONFLICT;
    }
    return sale_terms_valid(command->terms) ? SALE_REASON_NONE : SALE_REASON_INVALID_TERMS;
}

static struct sale_decision decide_update(struct sale_set *set, const struct sale_command *command)
{
    struct sale_decision decision = accepted();
    enum sale_reason reason = update_refused(&set->sale, command);
    if (reason != SALE_REASON_NONE) {
        return sale_rejected(reason);
    }
    set->sale.terms = *command->terms;
    (void)open_in_time(&set->sale, command->received_ms, &decision); /* the new times may have come */
    return decision;
}

static struct sale_decision decide_extend(struct sale_set *set, const struct sale_command *command)
{
    struct sale_terms *terms = &set->sale.terms;
    struct sale_decision decision = accepted();
    enum sale_reason reason = unchangeable(&set->sale, command);
    if (reason == SALE_REASON_NONE && command->end_ms <= terms->end_ms) {
        reason = SALE_REASON_END_NOT_LATER;
    }
    if (reason == SALE_REASON_NONE && command->end_ms > SALE_TIME_MS_MAX) {
        reason = SALE_REASON_INVALID_TERMS;
    }
    if (reason != SALE_REASON_NONE) {
        return sale_rejected(reason);
    }
    terms->end_ms = command->end_ms;
    decision.extended = true;
    return decision;
}

/* The end moves to the time of receipt. It stays after the start. */
static struct sale_decision decide_close(struct sale_set *set, const struct sale_command *command)
{
    struct sale_decision decision = accepted();
    enum sale_reason reason = unchangeable(&set->sale, command);
    if (reason != SALE_REASON_NONE) {
        return sale_rejected(reason);
    }
    if (set->sale.status != SALE_ACTIVE || command->received_ms <= set->sale.terms.start_ms) {
        return sale_rejected(SALE_REASON_SALE_NOT_STARTED);
    }
    set->sale.terms.end_ms = command->received_ms;
    end_sale(set, SALE_ENDED);
    decision.ended = true;
    return decision;
}

/* The orders that are reserved become cancelled by sale_order_effective; they are not written one by one. */
static struct sale_decision decide_abort(struct sale_set *set, const struct sale_command *command)
{
    struct sale_decision decision = accepted();
    (void)command;
    if (sale_over(&set->sale)) {
        return sale_rejected(sale_over_reason(&set->sale));
    }
    end_sale(set, SALE_CANCELLED);
    set->sale.reserved = 0;
    decision.cancelled = true;
    return decision;
}

/* --- all commands --- */

/* X(name, decided by, whether it opens or starts the sale first if received in time) */
#define KINDS(X)                                                                                                       \
    X(OPEN, decide_open, true)                                                                                         \
    X(START, decide_open, true)                                                                                        \
    X(JOIN, sale_line_join, true)                                                                                      \
    X(LEAVE, sale_line_leave, true)                                                                                    \
    X(ORDER, sale_orders_order, true)                                                                                  \
    X(CONFIRM, sale_orders_confirm, false)                                                                             \
    X(FAIL, sale_orders_fail, false)                                                                                   \
    X(CANCEL, sale_orders_cancel, false)                                                                               \
    X(EXPIRE, decide_expire, false)                                                                                    \
    X(FENCE, decide_fence, false)                                                                                      \
    X(UPDATE, decide_update, true)                                                                                     \
    X(EXTEND, decide_extend, true)                                                                                     \
    X(CLOSE, decide_close, true)                                                                                       \
    X(ABORT, decide_abort, false)

struct kind {
    struct sale_decision (*decide)(struct sale_set *set, const struct sale_command *command);
    bool opens;
};

#define KIND_ROW(name, decided_by, opens_first) [SALE_COMMAND_##name] = {(decided_by), (opens_first)},
static const struct kind kinds[SALE_COMMAND_KIND_COUNT] = {KINDS(KIND_ROW)};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the list is added up. */
#define KIND_PLUS_ONE(name, decided_by, opens_first) +1
static_assert(1 KINDS(KIND_PLUS_ONE) == SALE_COMMAND_KIND_COUNT, "each command has its row");

/* Adds the command's ledger row. */
static void record(struct sale_set *set, const struct sale_command *command, const struct sale_decision *decision)
{
    bool asks = command->kind == SALE_COMMAND_JOIN || command->kind == SALE_COMMAND_ORDER;
    sale_set_new_row(set, (struct sale_row){
                              .command_id = command->id,
                              .kind = command->kind,
                              .verdict = decision->verdict,
                              .reason = decision->reason,
                              .user_id = decision->user_id,
                              .quantity = asks ? command->quantity : decision->quantity,
                              .place = decision->place,
                              .order_id = command->kind == SALE_COMMAND_ORDER ? command->id : command->order_id,
                              .paid = command->paid,
                              .amount = command->amount,
                              .end_ms = command->end_ms,
                              .refused_ms = command->refused_ms,
                              .received_ms = command->received_ms,
                          });
}

struct sale_decision sale_apply(struct sale_set *set, const struct sale_command *command)
{
    struct sale_decision opening = {.verdict = SALE_VERDICT_DROPPED};
    assert(set->ready && !sale_grant_due(set) && (size_t)command->kind < SALE_COMMAND_KIND_COUNT);
    assert(command->refused_ms >= 0 && command->refused_ms <= SALE_TIME_MS_MAX && kinds[command->kind].decide != NULL);
    bool opens = kinds[command->kind].opens && open_in_time(&set->sale, command->received_ms, &opening);
    struct sale_decision decision = kinds[command->kind].decide(set, command);
    if (opens && decision.verdict == SALE_VERDICT_DROPPED) {
        decision.verdict = SALE_VERDICT_ACCEPTED;
    }
    decision.opened = decision.opened || opening.opened;
    decision.started = decision.started || opening.started;
    if (!uuid_is_nil(&command->user_id)) {
        decision.user_id = command->user_id;
    }
    settle(set, &decision);
    if (decision.verdict != SALE_VERDICT_DROPPED) {
        record(set, command, &decision);
    }
    return decision;
}

bool sale_grant_due(const struct sale_set *set)
{
    return sale_line_grant_due(set);
}

void sale_grant(struct sale_set *set)
{
    sale_line_grant(set);
}

void sale_advance(struct sale_set *set)
{
    while (set->grants < SALE_GRANTS_MAX && sale_line_grant_due(set)) {
        sale_line_grant(set);
    }
}

struct sale_decision sale_decide(struct sale_set *set, const struct sale_command *command)
{
    struct sale_decision decision = sale_apply(set, command);
    sale_advance(set);
    return decision;
}
