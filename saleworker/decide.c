/*
 * See decide.h.
 *
 * A command that is already in the ledger, or repeated in the batch, is not decided again: it gets the existing
 * decision. Every other command is decided in the order of the queue, and gets a row unless the rules drop it. One that
 * cannot be decided is rejected with INTERNAL_ERROR in its place; a replay applies no rule to such a row.
 */
#include "saleworker/decide.h"

#include <assert.h>
#include <string.h>

#include "common/base/log.h"
#include "common/rules/sale_check.h"
#include "common/rules/sale_rules.h"
#include "saleworker/events.h"
#include "saleworker/outcome.h"

/* --- what is needed --- */

static bool only_adds(enum sale_command_kind kind)
{
    return kind == SALE_COMMAND_JOIN || kind == SALE_COMMAND_OPEN || kind == SALE_COMMAND_START;
}

struct decide_needs decide_needs_of(const struct sale_batch *batch, const struct sale_batch_sale *sale)
{
    struct sale_needs needs = sale_needs_none();
    struct decide_needs result = {0};
    bool expires = false;
    for (size_t i = 0; i < sale->count; i++) {
        const struct sale_command *command = &batch->entries[batch->work.order[sale->first + i]].command->command;
        sale_needs_add(&needs, command);
        expires = expires || command->kind == SALE_COMMAND_EXPIRE;
        result.others += only_adds(command->kind) ? 0 : 1;
        int64_t latest_ms = command->kind == SALE_COMMAND_UPDATE ? SALE_TIME_MS_MAX : command->received_ms;
        result.latest_ms = latest_ms > result.latest_ms ? latest_ms : result.latest_ms;
    }
    result.latest_ms = result.latest_ms > SALE_TIME_MS_MAX ? SALE_TIME_MS_MAX : result.latest_ms;
    if (expires && needs.due_ms > 0) {
        result.due = needs.due;
        result.due_ms = needs.due_ms > SALE_TIME_MS_MAX ? SALE_TIME_MS_MAX : needs.due_ms;
    }
    return result;
}

/* As STATEMENT_HEADS computes it: the number of places that it returns if there are so many. */
static size_t heads_asked(const struct sale_batch *batch, const struct sale_batch_sale *sale)
{
    const struct sale *state = &sale->set->sale;
    struct decide_needs needs = decide_needs_of(batch, sale);
    if (state->status != SALE_ACTIVE && state->terms.start_ms > needs.latest_ms) {
        return 0;
    }
    if (needs.others > 0) {
        return SALE_GRANTS_MAX + needs.others;
    }
    int64_t unclaimed = sale_free(state);
    return unclaimed < SALE_GRANTS_MAX ? (size_t)unclaimed : SALE_GRANTS_MAX;
}

/* Up to which seq a query returned all rows: it was asked for so many. */
static int64_t until(size_t asked, size_t loaded, int64_t last)
{
    return asked == 0 || loaded < asked ? INT64_MAX : last;
}

static void set_loaded(const struct sale_batch *batch, const struct sale_batch_sale *sale)
{
    size_t asked = heads_asked(batch, sale);
    int64_t line = INT64_MAX;
    if (sale->set->sale.waiting > 0) {
        line = asked == 0 ? 0 : until(asked, sale->heads_loaded, sale->heads_last);
    }
    sale_set_loaded_until(sale->set, line, until(sale->due_asked, sale->turns_loaded, sale->turns_last),
                          until(sale->due_asked, sale->orders_loaded, sale->orders_last));
}

/* --- inconsistent rows --- */

void decide_set_aside(struct sale_batch_sale *sale, const char *reason)
{
    sale->broken = true;
    log_line(LOG_ERROR, &(struct log_about){.sale_id = &sale->id, .duration_ms = -1},
             "the sale's rows are inconsistent, its commands wait: %s", reason);
}

/* The rules assert what is checked here, so it is checked first. */
static const char *violated_before(const struct sale_set *set)
{
    int64_t waiting = 0;
    const char *violated = sale_check(set);
    for (size_t i = 0; i < set->entry_count; i++) {
        waiting += sale_entry_effective(&set->sale, &set->entries[i]) == SALE_ENTRY_WAITING;
    }
    if (violated == NULL && set->line_until == INT64_MAX && waiting != set->sale.waiting) {
        violated = "the number of waiting places differs from that of the sale";
    }
    return violated;
}

/* --- one command --- */

static void add_refund(struct sale_batch *batch, size_t index, const struct sale_decision *decided)
{
    if (decided->refund_due || decided->payment_unused) {
        batch->refunds[batch->refund_count++] = (struct sale_batch_refund){.entry = index, .user_id = decided->user_id};
    }
}

/* The money of a payment to which no rule is applied has to go back, if the ledger keeps its values. */
static bool is_returned(const struct sale_row *row)
{
    return row->kind == SALE_COMMAND_CONFIRM && row->paid && row->amount > 0 && !uuid_is_nil(&row->order_id);
}

/* Of a payment: the user of its order, if that is known. */
static struct uuid user_of(const struct sale_set *set, const struct sale_command *command)
{
    size_t index = SALE_NO_INDEX;
    bool found = command->paid && uuid_map_get(&set->order_index, &command->order_id, &index);
    return found && index != SALE_NO_INDEX ? set->orders[index].user_id : command->user_id;
}

static void reject_order(struct sale_set *set, const struct sale_row *row)
{
    const struct sale_order order = {
        .id = row->command_id,
        .seq = set->sale.ledger_seq + 1,
        .user_id = row->user_id,
        .quantity = row->quantity,
        .status = SALE_ORDER_REJECTED,
        .reason = row->reason,
    };
    sale_set_new_order(set, &order);
}

/*
 * Rejects a command to which no rule is applied. An ORDER is rejected as a row of its own too. False: no memory.
 */
static bool refuse(struct sale_batch *batch, struct sale_batch_sale *sale, size_t index, enum sale_reason reason)
{
    struct sale_batch_entry *entry = &batch->entries[index];
    struct sale_set *set = sale->set;
    const struct sale_command *command = &entry->command->command;
    size_t first_row = set->row_count;
    struct sale_row row = {
        .command_id = command->id,
        .kind = command->kind,
        .verdict = SALE_VERDICT_REJECTED,
        .reason = reason,
        .user_id = user_of(set, command),
        .order_id = command->kind == SALE_COMMAND_ORDER ? command->id : command->order_id,
        .received_ms = set->decided_ms,
    };
    if (entry->work->quarantine != WORK_BARE) {
        row.quantity = command->quantity;
        row.paid = command->paid;
        row.amount = command->amount;
        row.end_ms = command->end_ms;
        row.refused_ms = command->refused_ms;
        row.received_ms = command->received_ms;
    }
    if (row.kind == SALE_COMMAND_ORDER) {
        reject_order(set, &row);
    }
    sale_set_new_row(set, row);
    entry->work->outcome = WORK_DECIDED;
    const struct sale_decision decided = {.verdict = row.verdict,
                                          .reason = reason,
                                          .user_id = row.user_id,
                                          .quantity = row.quantity,
                                          .payment_unused = is_returned(&row)};
    outcome_begin(sale, entry, &decided);
    add_refund(batch, index, &decided);
    return events_of_command(batch, sale, entry, &decided, first_row);
}

static void repeat(const struct sale_batch *batch, struct sale_batch_entry *entry)
{
    const struct sale_batch_entry *first = &batch->entries[entry->work->first_of_id];
    assert(first->work->outcome != WORK_UNDECIDED);
    entry->work->outcome = first->work->outcome == WORK_DECIDED ? WORK_KNOWN : first->work->outcome;
}

static bool is_scheduled(enum sale_command_kind kind)
{
    return kind == SALE_COMMAND_OPEN || kind == SALE_COMMAND_START || kind == SALE_COMMAND_EXPIRE ||
           kind == SALE_COMMAND_FENCE;
}

/* True if the command gets no ledger row, whatever the rules say. */
static bool leaves_no_row(const struct sale_batch_sale *sale, struct sale_batch_entry *entry)
{
    struct work_entry *work = entry->work;
    bool trusted = work->quarantine == WORK_TRUSTED;
    bool scheduled = (!sale->found || !trusted) && is_scheduled(entry->command->command.kind);
    if (scheduled || work->quarantine == WORK_UNWRITABLE) {
        work->outcome = trusted ? WORK_DROPPED : WORK_ASIDE;
        return true;
    }
    return false;
}

/* Why no rule may be applied to the command; SALE_REASON_NONE: the rules decide it. */
static enum sale_reason undecidable(const struct sale_batch_sale *sale, const struct sale_batch_entry *entry)
{
    if (entry->work->quarantine != WORK_TRUSTED) {
        return SALE_REASON_INTERNAL_ERROR;
    }
    if (!sale->found) {
        return SALE_REASON_NOT_FOUND;
    }
    bool lacks_terms = entry->command->command.kind == SALE_COMMAND_UPDATE && !entry->has_terms;
    return lacks_terms ? SALE_REASON_INTERNAL_ERROR : SALE_REASON_NONE; /* the sender stored no terms */
}

static bool changes_terms(enum sale_command_kind kind)
{
    return kind == SALE_COMMAND_UPDATE || kind == SALE_COMMAND_EXTEND || kind == SALE_COMMAND_CLOSE;
}

/* False: no memory. */
static bool apply(struct sale_batch *batch, struct sale_batch_sale *sale, size_t index)
{
    struct sale_batch_entry *entry = &batch->entries[index];
    struct sale_set *set = sale->set;
    struct sale_command command = entry->command->command;
    command.banned = entry->work->banned;
    command.terms = &entry->terms;
    /* No sender has seen a state that this batch has not committed yet. */
    command.stale = command.kind == SALE_COMMAND_UPDATE && (set->changed || entry->command->version != sale->version);
    size_t first_row = set->row_count;
    if (command.kind == SALE_COMMAND_EXPIRE && !events_before_expire(batch, set)) {
        return false;
    }
    struct sale_decision decided = sale_decide(set, &command);
    if (decided.verdict == SALE_VERDICT_DROPPED) {
        entry->work->outcome = WORK_DROPPED;
        return true;
    }
    entry->work->outcome = WORK_DECIDED;
    sale->updated = sale->updated || (changes_terms(command.kind) && decided.verdict == SALE_VERDICT_ACCEPTED);
    outcome_begin(sale, entry, &decided);
    add_refund(batch, index, &decided);
    return events_of_command(batch, sale, entry, &decided, first_row);
}

/* False: no memory. */
static bool decide_one(struct sale_batch *batch, struct sale_batch_sale *sale, size_t index)
{
    struct sale_batch_entry *entry = &batch->entries[index];
    if (leaves_no_row(sale, entry)) {
        return true;
    }
    enum sale_reason reason = undecidable(sale, entry);
    return reason == SALE_REASON_NONE ? apply(batch, sale, index) : refuse(batch, sale, index, reason);
}

/* --- a sale --- */

/* False: no memory. */
static bool decide_commands(struct sale_batch *batch, struct sale_batch_sale *sale)
{
    for (size_t i = 0; i < sale->count; i++) {
        size_t index = batch->work.order[sale->first + i];
        struct sale_batch_entry *entry = &batch->entries[index];
        if (entry->work->outcome == WORK_KNOWN) {
            continue;
        }
        if (sale_grant_due(sale->set)) {
            return true; /* the others follow in the next transaction */
        }
        if (entry->work->first_of_id != index) {
            repeat(batch, entry);
        } else if (!decide_one(batch, sale, index)) {
            return false;
        }
    }
    return true;
}

/* Drops what was decided for a sale whose rows turn out to be inconsistent. */
static void undo(struct sale_batch *batch, struct sale_batch_sale *sale, size_t events, size_t refunds,
                 const char *violated)
{
    decide_set_aside(sale, violated);
    batch->event_count = events;
    batch->refund_count = refunds;
    work_leave(&batch->work, sale->first, sale->count);
}

/* False: no memory. */
static bool decide_sale(struct sale_batch *batch, struct sale_batch_sale *sale)
{
    struct sale_set *set = sale->set;
    size_t events = batch->event_count;
    size_t refunds = batch->refund_count;
    if (sale->locked || sale->broken) {
        work_leave(&batch->work, sale->first, sale->count);
        return true;
    }
    if (sale->found) {
        set_loaded(batch, sale);
    }
    if (!sale_set_ready(set, sale->count)) {
        return false;
    }
    sale_batch_sort_places(sale);
    const char *violated = sale->found ? violated_before(set) : NULL;
    if (violated != NULL) {
        undo(batch, sale, events, refunds, violated);
        return true;
    }
    sale_advance(set);
    if (!events_of_turns(batch, sale, 0) || !decide_commands(batch, sale)) {
        return false;
    }
    violated = sale->found ? sale_check(set) : NULL;
    if (violated != NULL) {
        undo(batch, sale, events, refunds, violated);
        return true;
    }
    return outcome_end(batch, sale);
}

bool decide_batch(struct sale_batch *batch)
{
    for (size_t i = 0; i < batch->sale_count; i++) {
        if (!decide_sale(batch, &batch->sales[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < batch->work.count; i++) {
        struct sale_batch_entry *entry = &batch->entries[i];
        if (uuid_is_nil(&entry->command->sale_id)) {
            assert(entry->work->quarantine != WORK_TRUSTED);
            entry->work->outcome = WORK_ASIDE;
        }
    }
    return true;
}

bool decide_unfinished(const struct sale_batch *batch)
{
    for (size_t i = 0; i < batch->sale_count; i++) {
        const struct sale_batch_sale *sale = &batch->sales[i];
        if (sale->found && !sale->locked && !sale->broken && sale_grant_due(sale->set)) {
            return true;
        }
    }
    return false;
}
