/*
 * See sale_line.h.
 */
#include "common/rules/sale_line.h"

#include <assert.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static enum sale_reason join_refused(const struct sale *sale, const struct sale_command *command)
{
    if (sale_over(sale)) {
        return sale_over_reason(sale);
    }
    if (command->received_ms >= sale->terms.end_ms) {
        return SALE_REASON_SALE_ENDED;
    }
    if (command->received_ms < sale->terms.join_ms) {
        return SALE_REASON_SALE_NOT_OPEN;
    }
    if (command->banned) {
        return SALE_REASON_USER_BANNED;
    }
    return command->quantity < 1 ? SALE_REASON_INVALID_QUANTITY : SALE_REASON_NONE;
}

struct sale_decision sale_line_join(struct sale_set *set, const struct sale_command *command)
{
    struct sale *sale = &set->sale;
    enum sale_reason reason = join_refused(sale, command);
    if (reason != SALE_REASON_NONE) {
        return sale_rejected(reason);
    }
    struct sale_user *user = sale_set_user(set, &command->user_id);
    const struct sale_entry *entry = sale_set_live_entry(set, user);
    if (entry != NULL) {
        return (struct sale_decision){
            .verdict = SALE_VERDICT_UNCHANGED, .quantity = entry->wanted, .place = entry->seq};
    }
    if (command->quantity > sale->terms.per_user_limit - user->held) {
        return sale_rejected(SALE_REASON_LIMIT_REACHED);
    }
    struct sale_entry joined = {
        .seq = sale->ledger_seq + 1, /* the row of this command */
        .user_id = command->user_id,
        .wanted = command->quantity,
        .status = SALE_ENTRY_WAITING,
    };
    user->entry = set->entry_count;
    sale_set_new_entry(set, &joined);
    sale->waiting++;
    return (struct sale_decision){.verdict = SALE_VERDICT_ACCEPTED, .quantity = command->quantity, .place = joined.seq};
}

struct sale_decision sale_line_leave(struct sale_set *set, const struct sale_command *command)
{
    if (sale_over(&set->sale)) {
        return sale_rejected(sale_over_reason(&set->sale));
    }
    struct sale_entry *entry = sale_set_live_entry(set, sale_set_user(set, &command->user_id));
    if (entry == NULL) {
        return sale_rejected(SALE_REASON_NOT_IN_QUEUE);
    }
    if (entry->status == SALE_ENTRY_TURN) {
        sale_line_end_turn(set, entry, SALE_ENTRY_LEFT);
    } else {
        entry->status = SALE_ENTRY_LEFT;
        set->sale.waiting--;
        sale_set_mark_entry(set, entry);
    }
    return (struct sale_decision){.verdict = SALE_VERDICT_ACCEPTED, .place = entry->seq};
}

void sale_line_end_turn(struct sale_set *set, struct sale_entry *entry, enum sale_entry_status status)
{
    assert(entry->status == SALE_ENTRY_TURN && entry->claim > 0 && entry->claim <= set->sale.claimed);
    set->sale.claimed -= entry->claim;
    entry->status = status;
    sale_set_mark_entry(set, entry);
}

/*
 * Turns run out in the order of the line: each was granted after those before it, for the same time, and the end of the
 * sale only moves back. So the search ends at the first that is not due.
 */
int64_t sale_line_expire(struct sale_set *set, int64_t due_ms, bool *unfinished)
{
    int64_t before = set->sale.claimed;
    size_t ended = 0;
    for (size_t i = set->first_live; i < set->entry_count; i++) {
        struct sale_entry *entry = &set->entries[i];
        bool due = entry->status == SALE_ENTRY_TURN && entry->expires_ms <= due_ms;
        if (!due && (entry->status == SALE_ENTRY_TURN || entry->status == SALE_ENTRY_WAITING)) {
            assert(set->turns_until == INT64_MAX || entry->seq <= set->turns_until);
            return before - set->sale.claimed;
        }
        if (due && ended == SALE_EXPIRE_MAX) {
            *unfinished = true;
            return before - set->sale.claimed;
        }
        if (due) {
            assert(entry->seq <= set->turns_until);
            sale_line_end_turn(set, entry, SALE_ENTRY_EXPIRED);
            ended++;
        }
        set->first_live = i + 1;
    }
    assert(set->turns_until == INT64_MAX);
    return before - set->sale.claimed;
}

void sale_line_close(struct sale_set *set)
{
    set->sale.claimed = 0;
    set->sale.waiting = 0;
}

bool sale_line_grant_due(const struct sale_set *set)
{
    const struct sale *sale = &set->sale;
    return sale->status == SALE_ACTIVE && sale->waiting > 0 && sale_free(sale) > 0 &&
           set->decided_ms < sale->terms.end_ms;
}

void sale_line_grant(struct sale_set *set)
{
    struct sale *sale = &set->sale;
    assert(sale_line_grant_due(set));
    struct sale_entry *entry = sale_set_head(set);
    assert(entry != NULL);
    entry->claim = least(entry->wanted, sale_free(sale));
    entry->status = SALE_ENTRY_TURN;
    entry->expires_ms = least(set->decided_ms + sale->terms.turn_ms, sale->terms.end_ms);
    sale->claimed += entry->claim;
    sale->waiting--;
    set->grants++;
    sale_set_mark_entry(set, entry);
    sale_set_new_row(set, (struct sale_row){
                              .kind = SALE_COMMAND_NONE,
                              .verdict = SALE_VERDICT_ACCEPTED,
                              .user_id = entry->user_id,
                              .quantity = entry->claim,
                              .place = entry->seq,
                              .received_ms = set->decided_ms,
                          });
}
