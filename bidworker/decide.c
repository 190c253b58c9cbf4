/*
 * See decide.h. Called by ledger between loading and writing.
 *
 * A command that is already in the ledger, or repeated in the batch, is not decided again: it gets the existing
 * decision. Every other command gets exactly one row of its own, in the order of the queue. The exceptions are starts
 * and fences without effect, and commands that cannot be written at all.
 */
#include "bidworker/decide.h"

#include <assert.h>
#include <string.h>

static void touch(struct batch_auction *auction)
{
    if (!auction->touched) {
        auction->touched = true;
        auction->version++;
    }
}

static struct batch_row *add_row(struct batch *batch, struct batch_auction *auction, const struct uuid *bid_id,
                                 enum command_kind kind, int64_t received_ms)
{
    struct batch_row *row = batch_add_row(batch);
    touch(auction);
    row->auction_id = auction->id;
    row->seq = ++auction->seq;
    row->bid_id = *bid_id;
    row->kind = kind;
    row->status = BID_ACCEPTED;
    row->received_ms = received_ms;
    return row;
}

/* The decision that is published to a waiting gateway. */
static struct decision decision_of_row(const struct batch *batch, const struct batch_auction *auction,
                                       const struct batch_row *row)
{
    return (struct decision){
        .bid_id = row->bid_id,
        .auction_id = row->auction_id,
        .user_id = row->bidder_id,
        .kind = row->kind,
        .amount = row->amount,
        .max_amount = row->max_amount,
        .received_ms = row->received_ms,
        .decided_ms = batch->decided_ms,
        .version = auction->version,
        .status = row->status,
        .reason = row->reason,
    };
}

/* Sets the command's values that the ledger stores. */
static void record_values(struct batch_row *row, const struct command *command, const struct rules_decision *decided)
{
    switch (command->kind) {
    case COMMAND_BID:
        row->amount = command->amount;
        break;
    case COMMAND_PROXY:
        row->amount = decided->amount; /* 0 if rejected */
        row->max_amount = command->amount;
        break;
    case COMMAND_BUY:
        row->amount = decided->amount;
        break;
    case COMMAND_EXTEND:
    case COMMAND_REOPEN:
        row->end_ms = command->end_ms;
        break;
    case COMMAND_NONE:
    case COMMAND_WITHDRAW:
    case COMMAND_START:
    case COMMAND_FENCE:
    case COMMAND_UPDATE:
    case COMMAND_CANCEL:
    case COMMAND_CLOSE:
    case COMMAND_ABORT:
    case COMMAND_VOID:
    case COMMAND_RETRACT:
        break;
    }
}

/* Adds the command's own row. */
static void record(struct batch *batch, struct batch_auction *auction, struct batch_entry *entry,
                   const struct rules_decision *decided)
{
    const struct command *command = entry->command;
    struct batch_row *row = add_row(batch, auction, &command->id, command->kind, command->received_ms);
    row->bidder_id = command->user_id;
    row->status = bid_status_of_verdict(decided->verdict);
    row->reason = decided->verdict == RULES_REJECTED ? decided->reason : RULES_NONE;
    row->raise = decided->raise;
    row->voids = command->target;
    if (entry->work->quarantine == WORK_BARE) {
        row->received_ms = batch->decided_ms;
    } else {
        record_values(row, command, decided);
    }
    entry->work->outcome = WORK_DECIDED;
    entry->decision = decision_of_row(batch, auction, row);
}

static void add_event(struct batch *batch, const struct batch_auction *auction, enum event_kind kind,
                      const struct uuid *user_id, const struct command *command)
{
    struct auction_event *event = batch_add_event(batch);
    assert(auction->touched);
    event->kind = kind;
    event->auction_id = auction->id;
    event->user_id = user_id == NULL ? (struct uuid){{0}} : *user_id;
    event->amount = auction->state.price;
    event->version = auction->version;
    event->at_ms = batch->decided_ms;
    event->end_ms = kind == EVENT_EXTENDED ? auction->state.end_ms : 0;
    memcpy(event->traceparent, command->traceparent, sizeof event->traceparent);
}

static void refuse(struct batch *batch, struct batch_auction *auction, struct batch_entry *entry,
                   enum rules_reason reason)
{
    struct rules_decision refused = {.verdict = RULES_REJECTED, .reason = reason};
    record(batch, auction, entry, &refused);
}

static void record_automatic(struct batch *batch, struct batch_auction *auction, const struct command *command,
                             const struct rules_decision *decided)
{
    struct uuid id = uuid_new();
    struct batch_row *row = add_row(batch, auction, &id, COMMAND_NONE, command->received_ms);
    row->automatic = true;
    row->bidder_id = decided->automatic_bidder;
    row->amount = decided->automatic_amount;
}

static struct rules_command rules_command_of_entry(const struct batch_auction *auction, const struct batch_entry *entry)
{
    const struct command *command = entry->command;
    return (struct rules_command){
        .kind = command->kind,
        .id = command->id,
        .bidder_id = command->user_id,
        .amount = command->amount,
        .price = command->price,
        .received_ms = command->received_ms,
        .terms_version = command->terms_version,
        .banned = entry->work->banned,
        /* No sender has seen a state that this batch has not committed yet. */
        .stale = command->kind == COMMAND_UPDATE && (auction->touched || command->version != auction->version),
        .end_ms = command->end_ms,
        .terms = entry->terms,
        .target = command->target,
        .since_ms = command->since_ms,
    };
}

/* A settled auction is settled again on the remaining bids. */
static void add_void_events(struct batch *batch, const struct batch_auction *auction, const struct uuid *bidder,
                            const struct command *command)
{
    const struct rules_auction *state = &auction->state;
    add_event(batch, auction, EVENT_VOIDED, bidder, command);
    if (state->status == RULES_SOLD || state->status == RULES_UNSOLD) {
        add_event(batch, auction, EVENT_SETTLED, state->status == RULES_SOLD ? &state->leader_id : NULL, command);
    }
}

static void add_events(struct batch *batch, const struct batch_auction *auction, const struct command *command,
                       const struct rules_decision *decided)
{
    if (decided->started) {
        add_event(batch, auction, EVENT_STARTED, NULL, command);
    }
    if (decided->lead_lost) {
        add_event(batch, auction, decided->loser_by_proxy ? EVENT_PROXY_EXHAUSTED : EVENT_OUTBID, &decided->loser,
                  command);
    }
    if (decided->ended) {
        add_event(batch, auction, EVENT_ENDED, NULL, command);
    }
    if (decided->cancelled) {
        add_event(batch, auction, EVENT_CANCELLED, NULL, command);
    }
    if (decided->voided) {
        add_void_events(batch, auction, &decided->loser, command);
    }
}

/* Returns whether the end moved. */
static bool apply(struct batch *batch, struct batch_auction *auction, struct batch_entry *entry)
{
    const struct command *command = entry->command;
    struct rules_command asked = rules_command_of_entry(auction, entry);
    struct rules_decision decided = command_kind_voids(command->kind)
                                        ? voids_decide(&auction->state, &asked, &auction->voids, auction->seq)
                                        : rules_decide(&auction->state, &asked);
    if (decided.verdict == RULES_DROPPED) {
        entry->work->outcome = WORK_DROPPED;
        return false;
    }
    record(batch, auction, entry, &decided);
    if (auction->voiding) {
        (void)voids_add(&auction->voids, &asked, &decided, auction->seq);
    }
    if (decided.automatic) {
        record_automatic(batch, auction, command, &decided);
    }
    add_events(batch, auction, command, &decided);
    return decided.extended;
}

/*
 * A fence may find an auction that is not started, if its start command is late or lost. The ledger then shows both
 * events: the auction started, without a bid, and it ended.
 */
static void start_before_fence(struct batch *batch, struct batch_auction *auction, const struct command *fence)
{
    struct rules_auction *state = &auction->state;
    if (fence->kind != COMMAND_FENCE || state->status != RULES_SCHEDULED || fence->received_ms < state->end_ms) {
        return;
    }
    struct rules_command start = {.kind = COMMAND_START, .id = uuid_new(), .received_ms = fence->received_ms};
    struct rules_decision decided = rules_decide(state, &start);
    if (decided.started) {
        add_row(batch, auction, &start.id, COMMAND_START, start.received_ms);
        add_event(batch, auction, EVENT_STARTED, NULL, fence);
    }
}

static void repeat(const struct batch *batch, struct batch_entry *entry)
{
    const struct batch_entry *first = &batch->entries[entry->work->first_of_id];
    assert(first->work->outcome != WORK_UNDECIDED);
    entry->decision = first->decision;
    entry->work->outcome = first->work->outcome == WORK_DECIDED ? WORK_KNOWN : first->work->outcome;
}

/* Returns whether the end moved. */
static bool decide_entry(struct batch *batch, struct batch_auction *auction, size_t index)
{
    struct batch_entry *entry = &batch->entries[index];
    if (entry->work->outcome == WORK_KNOWN) {
        return false;
    }
    if (entry->work->first_of_id != index) {
        repeat(batch, entry);
        return false;
    }
    bool undecidable = !auction->found || auction->broken || entry->work->quarantine != WORK_TRUSTED;
    if (undecidable && command_kind_is_scheduled(entry->command->kind)) {
        entry->work->outcome = entry->work->quarantine == WORK_TRUSTED ? WORK_DROPPED : WORK_ASIDE;
        return false;
    }
    if (entry->work->quarantine == WORK_UNWRITABLE) {
        entry->work->outcome = WORK_ASIDE;
        return false;
    }
    if (undecidable) {
        bool unknown = !auction->found && entry->work->quarantine == WORK_TRUSTED;
        refuse(batch, auction, entry, unknown ? RULES_NOT_FOUND : RULES_INTERNAL_ERROR);
        return false;
    }
    if (entry->command->kind == COMMAND_UPDATE && entry->terms == NULL) {
        refuse(batch, auction, entry, RULES_INTERNAL_ERROR); /* the sender stored no terms */
        return false;
    }
    start_before_fence(batch, auction, entry->command);
    return apply(batch, auction, entry);
}

static void decide_auction(struct batch *batch, struct batch_auction *auction)
{
    const struct command *extended_by = NULL;
    for (size_t i = 0; i < auction->count; i++) {
        size_t index = batch->work.order[auction->first + i];
        struct batch_entry *entry = &batch->entries[index];
        if (auction->broken && entry->work->quarantine == WORK_TRUSTED &&
            !command_kind_is_scheduled(entry->command->kind)) {
            entry->work->reason = "the auction's row is invalid";
            entry->work->quarantine = WORK_POISON;
        }
        if (decide_entry(batch, auction, index)) {
            extended_by = entry->command;
        }
    }
    if (extended_by != NULL) {
        /* Only the last extension of a batch is reported. */
        add_event(batch, auction, EVENT_EXTENDED, NULL, extended_by);
    }
}

void decide_batch(struct batch *batch, int64_t now_ms)
{
    batch->decided_ms = now_ms;
    for (size_t i = 0; i < batch->auction_count; i++) {
        struct batch_auction *auction = &batch->auctions[i];
        if (auction->locked) {
            work_leave(&batch->work, auction->first, auction->count);
        } else {
            decide_auction(batch, auction);
        }
    }
    for (size_t i = 0; i < batch->work.count; i++) {
        struct batch_entry *entry = &batch->entries[i];
        if (entry->work->outcome == WORK_UNDECIDED) { /* names no auction */
            assert(uuid_is_nil(&entry->command->auction_id) && entry->work->quarantine != WORK_TRUSTED);
            entry->work->outcome = WORK_ASIDE;
        }
    }
}
