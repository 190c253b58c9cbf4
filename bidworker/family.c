/*
 * See family.h.
 */
#include "bidworker/family.h"

#include "common/protocol/message.h"
#include "common/service/shards.h"

static bool read_items(const void *bytes, size_t length, void *items, size_t *count, const char **reason)
{
    return message_read_commands(bytes, length, items, MESSAGE_COMMANDS_MAX, count, reason);
}

static void describe(const void *items, size_t index, struct work_command *command)
{
    const struct command_item *item = (const struct command_item *)items + index;
    *command = (struct work_command){
        .command = &item->command,
        .id = &item->command.id,
        .key = &item->command.auction_id,
        .user_id = &item->command.user_id,
        .received_ms = item->command.received_ms,
        .request_id = item->command.request_id,
        .traceparent = item->command.traceparent,
        .unreadable = item->readable ? NULL : item->reason,
    };
}

/* An unreadable command is rejected as a bid if its kind is unknown. */
static void reject(void *items, size_t index, const char *reason, bool placed)
{
    struct command_item *item = (struct command_item *)items + index;
    struct command *command = &item->command;
    item->readable = false;
    item->reason = reason;
    if (!placed) {
        *command = (struct command){.kind = COMMAND_BID};
    }
    if (command->kind == COMMAND_NONE) {
        command->kind = COMMAND_BID;
    }
}

static void write_command(struct jsonw *writer, const void *command)
{
    message_write_commands(writer, command, 1);
}

static struct log_about about(const struct uuid *key)
{
    return (struct log_about){.auction_id = key, .duration_ms = -1};
}

const struct work_family bid_family = {
    .workers = "bid workers",
    .locked = "the auction's row is locked by another session: its bids wait",
    .unlocked = "the auction's row is not locked any more: its bids are decided",
    .waits = "auctions whose rows are locked",
    .topology = &topology_bids,
    .shards = {.lock = SHARDS_SQL_LOCK, .view = SHARDS_SQL_VIEW, .take = SHARDS_SQL_TAKE, .give = SHARDS_SQL_GIVE},
    .items_max = MESSAGE_COMMANDS_MAX,
    .item_size = sizeof(struct command_item),
    .read = read_items,
    .describe = describe,
    .reject = reject,
    .write = write_command,
    .about = about,
};
