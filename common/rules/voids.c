/*
 * See voids.h.
 */
#include "common/rules/voids.h"

#include <assert.h>
#include <stdlib.h>

enum { ENTRIES_FIRST = 64 };

bool voids_reserve(struct voids_list *list, size_t more)
{
    size_t size = list->size == 0 ? ENTRIES_FIRST : list->size;
    if (list->size - list->count >= more) {
        return true;
    }
    while (size - list->count < more) {
        size *= 2;
    }
    struct voids_entry *entries = realloc(list->entries, size * sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    list->entries = entries;
    list->size = size;
    return true;
}

void voids_free(struct voids_list *list)
{
    free(list->entries);
    *list = (struct voids_list){0};
}

/* Whether a command of this kind is decided again when an earlier bid is voided. */
static bool is_replayed(enum command_kind kind)
{
    switch (command_kind_group(kind)) {
    case COMMAND_GROUP_BID:
    case COMMAND_GROUP_WITHDRAW:
        return true;
    case COMMAND_GROUP_NONE:
    case COMMAND_GROUP_SCHEDULE:
    case COMMAND_GROUP_CHANGE:
    case COMMAND_GROUP_VOID:
        break;
    }
    return false;
}

static struct voids_standing standing_of(const struct rules_decision *decision)
{
    struct voids_standing standing = {.effective = decision->verdict != RULES_REJECTED};
    if (standing.effective) {
        standing.verdict = decision->verdict;
        standing.raise = decision->raise;
        standing.amount = decision->amount;
        standing.answered = decision->automatic;
        standing.answer_bidder = decision->automatic_bidder;
        standing.answer_amount = decision->automatic_amount;
    }
    return standing;
}

static struct voids_entry entry_of_command(const struct rules_command *command, const struct rules_decision *decision,
                                           int64_t seq)
{
    return (struct voids_entry){
        .kind = command->kind,
        .seq = seq,
        .id = command->id,
        .bidder_id = command->bidder_id,
        .amount = command->amount,
        .received_ms = command->received_ms,
        .answered = decision->automatic,
        .standing = standing_of(decision),
    };
}

struct voids_entry *voids_add(struct voids_list *list, const struct rules_command *command,
                              const struct rules_decision *decision, int64_t seq)
{
    if (!is_replayed(command->kind) || decision->verdict == RULES_REJECTED) {
        return NULL;
    }
    assert(list->count < list->size);
    struct voids_entry *entry = &list->entries[list->count++];
    *entry = entry_of_command(command, decision, seq);
    return entry;
}

static struct voids_entry *find(const struct voids_list *list, const struct uuid *id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (command_kind_is_bid(list->entries[i].kind) && uuid_equal(&list->entries[i].id, id)) {
            return &list->entries[i];
        }
    }
    return NULL;
}

/* An admin may void at any time. A bidder may retract their own bid while the auction is open, and not too late. */
static enum rules_reason refusal(const struct rules_auction *auction, const struct rules_command *command,
                                 const struct voids_entry *entry)
{
    bool retracts = command->kind == COMMAND_RETRACT;
    if (auction->status == RULES_CANCELLED) {
        return RULES_AUCTION_CANCELLED;
    }
    if (entry == NULL || (retracts && !uuid_equal(&entry->bidder_id, &command->bidder_id))) {
        return RULES_NOT_FOUND;
    }
    if (!entry->standing.effective) {
        return RULES_BID_VOIDED;
    }
    if (retracts && (auction->status != RULES_ACTIVE || command->received_ms >= auction->end_ms)) {
        return RULES_AUCTION_ENDED;
    }
    return retracts && entry->received_ms < command->since_ms ? RULES_RETRACT_TOO_LATE : RULES_NONE;
}

static bool same_standing(const struct voids_standing *one, const struct voids_standing *other)
{
    return one->effective == other->effective && one->verdict == other->verdict && one->raise == other->raise &&
           one->amount == other->amount && one->answered == other->answered &&
           uuid_equal(&one->answer_bidder, &other->answer_bidder) && one->answer_amount == other->answer_amount;
}

static struct rules_command command_of_entry(const struct voids_entry *entry)
{
    return (struct rules_command){
        .kind = entry->kind,
        .id = entry->id,
        .bidder_id = entry->bidder_id,
        .amount = entry->amount,
        .received_ms = entry->received_ms,
        .again = true,
    };
}

/* Decides one entry again. A voided entry stays voided. A withdrawal without a maximum to withdraw has no effect. */
static void replay(struct rules_auction *auction, struct voids_entry *entry, const struct voids_entry *voided)
{
    struct voids_standing now = {.effective = false};
    if (entry != voided && entry->standing.effective) {
        struct rules_command command = command_of_entry(entry);
        struct rules_decision decision = rules_decide(auction, &command);
        now = standing_of(&decision);
    }
    if (command_kind_is_bid(entry->kind) && !same_standing(&now, &entry->standing)) {
        entry->standing = now;
        entry->changed = true;
    }
}

/* The auction as it was before its first bid. */
static struct rules_auction without_bids(const struct rules_auction *auction)
{
    struct rules_auction fresh = *auction;
    fresh.price = 0;
    fresh.bid_count = 0;
    fresh.has_leader = false;
    fresh.leader_id = (struct uuid){{0}};
    fresh.leader_bid_id = (struct uuid){{0}};
    fresh.leader_by_proxy = false;
    fresh.leader_max = 0;
    fresh.runner_up_max = 0;
    return fresh;
}

static void replay_all(struct rules_auction *auction, struct voids_list *list, const struct voids_entry *voided)
{
    struct rules_auction fresh = without_bids(auction);
    for (size_t i = 0; i < list->count; i++) {
        replay(&fresh, &list->entries[i], voided);
    }
    auction->price = fresh.price;
    auction->bid_count = fresh.bid_count;
    auction->has_leader = fresh.has_leader;
    auction->leader_id = fresh.leader_id;
    auction->leader_bid_id = fresh.leader_bid_id;
    auction->leader_by_proxy = fresh.leader_by_proxy;
    auction->leader_max = fresh.leader_max;
    auction->runner_up_max = fresh.runner_up_max;
    if (auction->status == RULES_SOLD || auction->status == RULES_UNSOLD) {
        auction->status = rules_outcome(auction);
    }
}

struct rules_decision voids_decide(struct rules_auction *auction, const struct rules_command *command,
                                   struct voids_list *list, int64_t seq)
{
    const struct voids_entry *entry = NULL;
    enum rules_reason reason = RULES_TOO_MANY_BIDS;
    assert(command_kind_voids(command->kind));
    if (seq <= VOIDS_LEDGER_MAX) {
        entry = find(list, &command->target);
        reason = refusal(auction, command, entry);
    }
    if (reason != RULES_NONE) {
        return (struct rules_decision){.verdict = RULES_REJECTED, .reason = reason};
    }
    struct rules_decision decision = {.verdict = RULES_ACCEPTED, .voided = true, .loser = entry->bidder_id};
    replay_all(auction, list, entry);
    return decision;
}
