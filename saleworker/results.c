/*
 * See results.h.
 */
#include "saleworker/results.h"

#include <assert.h>

#include "common/protocol/keys.h"
#include "common/protocol/sale_snapshot.h"
#include "saleworker/live_updates.h"
#include "saleworker/statements.h"
#include "saleworker/user_updates.h"

/* Users without a command who hear of one transaction. Further ones read their places by the sale's message. */
enum { USER_UPDATES_MAX = 1024 };

static void write_update(struct jsonw *writer, const void *item)
{
    sale_live_write(writer, item);
}

static void write_decision(struct jsonw *writer, const void *item)
{
    sale_message_write_decision(writer, item);
}

static const struct fanout_kind of_update = {.size = sizeof(struct sale_live), .write = write_update};
static const struct fanout_kind of_decision = {.size = sizeof(struct sale_message_decision), .write = write_decision};
static_assert(sizeof(struct sale_message_decision) <= FANOUT_ITEM_SIZE, "it fits into an item");

/* Also of an unchanged sale: the batch was redelivered, and the committing worker may have crashed before publishing.
 */
static bool publish_sale(const struct redis_results *results, const struct sale_batch_sale *sale)
{
    char channel[KEYS_SIZE];
    const struct sale_snapshot snapshot = {
        .sale_id = sale->id, .version = sale->version, .head_seq = sale->head_seq, .sale = sale->set->sale};
    struct sale_live update;
    if (!sale->found || sale->broken || sale->locked) {
        return true;
    }
    live_updates_of(sale, &update);
    keys_live_channel(&sale->id, channel);
    return fanout_publish(results->fanout, channel, &of_update, &update) &&
           sale_snapshot_write(&results->snapshots, &snapshot, NULL, NULL);
}

/* Nobody waits for the id of such an update. */
static bool publish_user_updates(const struct redis_results *results, const struct sale_batch_sale *sale, size_t *count)
{
    struct sale_message_decision update;
    size_t at = 0;
    if (!sale->found || sale->broken || sale->locked) {
        return true;
    }
    while (*count < USER_UPDATES_MAX && user_updates_next(sale, &at, &update)) {
        update.id = uuid_new();
        ++*count;
        if (!redis_results_tell(results, &update.user_id, &of_decision, &update)) {
            return false;
        }
    }
    return true;
}

/* A payment callback concerns the user of its order, who has sent no command. */
static bool publish_decision(struct redis_results *results, const struct sale_batch_entry *entry)
{
    const struct sale_message_command *message = entry->command;
    const struct uuid *user = &entry->decision.user_id;
    if (!redis_results_reply(results, &message->reply_to, &of_decision, &entry->decision)) {
        return false;
    }
    if (!uuid_is_nil(&message->command.user_id) &&
        !decided_marks_add(&results->marks, &message->command.user_id, &message->command.id, message->keyed)) {
        return false;
    }
    return uuid_is_nil(user) || redis_results_tell(results, user, &of_decision, &entry->decision);
}

void results_publish(struct redis_results *results, struct sale_batch *batch)
{
    bool ok = redis_up(results->redis);
    for (size_t i = 0; ok && i < batch->sale_count; i++) {
        ok = publish_sale(results, &batch->sales[i]);
    }
    for (size_t i = 0; ok && i < batch->work.count; i++) {
        const struct sale_batch_entry *entry = &batch->entries[i];
        bool decided = entry->work->outcome == WORK_DECIDED || entry->work->outcome == WORK_KNOWN;
        if (decided && !entry->work->published) {
            ok = publish_decision(results, entry);
            entry->work->published = true;
        }
    }
    size_t user_updates = 0;
    for (size_t i = 0; ok && i < batch->sale_count; i++) {
        ok = publish_user_updates(results, &batch->sales[i], &user_updates);
    }
    redis_results_end(results, ok);
}

/*
 * Sales that ended long ago are not read: the last reservation of one ends a day after it, and its payments come within
 * days.
 */
enum { PAST_S = 8 * 24 * 3600 };

static const char *no_part(size_t part)
{
    (void)part;
    return NULL;
}

static bool publish_again(const struct snapshot_writer *snapshots, const PGresult *result, int row)
{
    struct sale_snapshot snapshot;
    return !sale_snapshot_read_row(result, row, &snapshot) || sale_snapshot_write(snapshots, &snapshot, NULL, NULL);
}

const struct republish_pages results_pages = {
    .statement = STATEMENT_CHANGED,
    .parameters = 4,
    .part = no_part,
    .parts = 1,
    .changed_column = SALE_SNAPSHOT_COLUMN_COUNT,
    .past_s = PAST_S,
    .end_column = SALE_SNAPSHOT_COLUMN_END,
    .publish = publish_again,
};
