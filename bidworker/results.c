/*
 * See results.h.
 */
#include "bidworker/results.h"

#include <assert.h>

#include "bidworker/live_updates.h"
#include "bidworker/statements.h"
#include "common/protocol/keys.h"

/* For a batch of up to 1,024 bids, each with at most one automatic answer. */
enum { LEADERS_SIZE = 2048 * SNAPSHOT_LEADER_SIZE };

static void write_update(struct jsonw *writer, const void *item)
{
    live_write(writer, item);
}

static void write_decision(struct jsonw *writer, const void *item)
{
    message_write_decision(writer, item);
}

static const struct fanout_kind of_update = {.size = sizeof(struct live_update), .write = write_update};
static const struct fanout_kind of_decision = {.size = sizeof(struct decision), .write = write_decision};
static_assert(sizeof(struct live_update) <= FANOUT_ITEM_SIZE && sizeof(struct decision) <= FANOUT_ITEM_SIZE,
              "they fit into an item");

/* Writes the batch's bids of one auction as text. False: they do not fit, and the leaderboard must be rebuilt. */
static bool write_leaders(char leaders[static LEADERS_SIZE], const struct batch *batch,
                          const struct live_updates_cursor *cursor)
{
    size_t length = 0;
    leaders[0] = '\0';
    for (size_t i = cursor->first_row; i < cursor->row; i++) {
        const struct batch_row *bid = &batch->rows[i];
        struct ledger_entry entry;
        if (!live_updates_entry(bid, &entry)) {
            continue;
        }
        size_t added = snapshot_leader_add(leaders + length, LEADERS_SIZE - length, ledger_entry_amount(&entry),
                                           entry.verdict == RULES_ACCEPTED, &bid->bidder_id);
        if (added == 0) {
            return false;
        }
        length += added;
    }
    return true;
}

static struct snapshot snapshot_of_auction(const struct batch_auction *auction)
{
    const struct rules_auction *state = &auction->state;
    int64_t minimum = rules_minimum_bid(state);
    return (struct snapshot){
        .auction_id = auction->id,
        .seller_id = state->seller_id,
        .leader_id = state->has_leader ? state->leader_id : (struct uuid){{0}},
        .version = auction->version,
        .terms_version = state->terms_version,
        .status = state->status,
        .start_ms = state->start_ms,
        .end_ms = state->end_ms,
        .minimum_bid = minimum > MONEY_MAX ? MONEY_MAX : minimum,
        .current_bid = state->price,
    };
}

static bool publish_auction(const struct redis_results *results, const struct batch *batch,
                            const struct batch_auction *auction, struct live_updates_cursor *cursor)
{
    static char leaders[LEADERS_SIZE]; /* the bids of this auction, for its leaderboard */
    const struct snapshot snapshot = snapshot_of_auction(auction);
    struct live_update update;
    char channel[KEYS_SIZE];
    live_updates_next(batch, auction, cursor, &update);
    bool with_leaders = write_leaders(leaders, batch, cursor) && auction->touched && !auction->voiding;
    keys_live_channel(&update.auction_id, channel);
    return snapshot_write_leaders(&results->snapshots, &snapshot, with_leaders ? leaders : NULL, NULL, NULL) &&
           fanout_add(results->fanout, channel, &of_update, &update);
}

static bool publish_bid(struct redis_results *results, const struct batch_entry *entry)
{
    const struct command *command = entry->command;
    if (uuid_is_nil(&command->user_id)) {
        return true;
    }
    return decided_marks_add(&results->marks, &command->user_id, &command->id, command->keyed) &&
           redis_results_reply(results, &command->reply_to, &of_decision, &entry->decision) &&
           (!command_kind_is_bid(command->kind) ||
            redis_results_tell(results, &entry->decision.user_id, &of_decision, &entry->decision));
}

void results_publish(struct redis_results *results, const struct batch *batch)
{
    bool ok = redis_up(results->redis);
    struct live_updates_cursor cursor = {0};
    for (size_t i = 0; ok && i < batch->auction_count; i++) {
        const struct batch_auction *auction = &batch->auctions[i];
        /*
         * Unchanged auctions too: the batch was redelivered, and the committing worker may have crashed before
         * publishing.
         */
        ok = !auction->found || auction->broken || publish_auction(results, batch, auction, &cursor);
    }
    for (size_t i = 0; ok && i < batch->work.count; i++) {
        const struct batch_entry *entry = &batch->entries[i];
        bool decided = entry->work->outcome == WORK_DECIDED || entry->work->outcome == WORK_KNOWN;
        ok = !decided || publish_bid(results, entry);
    }
    redis_results_end(results, ok);
}

/* The open auctions, and those that ended recently, by status. A draft has no snapshot. */
static const enum rules_status statuses[] = {RULES_ACTIVE, RULES_SCHEDULED, RULES_ENDED,
                                             RULES_SOLD,   RULES_UNSOLD,    RULES_CANCELLED};

static const char *status_text(size_t part)
{
    return rules_status_text(statuses[part]);
}

static bool publish_again(const struct snapshot_writer *snapshots, const PGresult *result, int row)
{
    struct snapshot snapshot;
    return !snapshot_read_row(result, row, &snapshot) || snapshot_write(snapshots, &snapshot, NULL, NULL);
}

const struct republish_pages results_pages = {
    .statement = STATEMENT_CHANGED,
    .parameters = 5,
    .part = status_text,
    .parts = ARRAY_LEN(statuses),
    .changed_column = SNAPSHOT_COLUMN_COUNT,
    .past_s = SNAPSHOT_LIFE_S,
    .end_column = SNAPSHOT_COLUMN_END,
    .publish = publish_again,
};
