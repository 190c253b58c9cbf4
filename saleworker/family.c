/*
 * See family.h.
 */
#include "saleworker/family.h"

#include "common/protocol/sale_message.h"
#include "common/service/shards.h"

static bool read_items(const void *bytes, size_t length, void *items, size_t *count, const char **reason)
{
    return sale_message_read_commands(bytes, length, items, SALE_MESSAGE_COMMANDS_MAX, count, reason);
}

static void describe(const void *items, size_t index, struct work_command *command)
{
    const struct sale_message_item *item = (const struct sale_message_item *)items + index;
    *command = (struct work_command){
        .command = &item->command,
        .id = &item->command.command.id,
        .key = &item->command.sale_id,
        .user_id = &item->command.command.user_id,
        .received_ms = item->command.command.received_ms,
        .request_id = item->command.request_id,
        .traceparent = item->command.traceparent,
        .unreadable = item->readable ? NULL : item->reason,
    };
}

/* An unreadable command is rejected as a JOIN if its kind is unknown. */
static void reject(void *items, size_t index, const char *reason, bool placed)
{
    struct sale_message_item *item = (struct sale_message_item *)items + index;
    struct sale_message_command *message = &item->command;
    item->readable = false;
    item->reason = reason;
    if (!placed) {
        *message = (struct sale_message_command){.command.kind = SALE_COMMAND_JOIN};
    }
    if (message->command.kind == SALE_COMMAND_NONE) {
        message->command.kind = SALE_COMMAND_JOIN;
    }
}

static void write_command(struct jsonw *writer, const void *command)
{
    sale_message_write_commands(writer, command, 1);
}

static struct log_about about(const struct uuid *key)
{
    return (struct log_about){.sale_id = key, .duration_ms = -1};
}

const struct work_family sale_family = {
    .workers = "sale workers",
    .locked = "the sale's row is locked or invalid: its commands wait",
    .unlocked = "the sale's commands are decided again",
    .waits = "sales whose rows are locked or invalid",
    .topology = &topology_sales,
    .shards = {.lock = SHARDS_SALES_SQL_LOCK,
               .view = SHARDS_SALES_SQL_VIEW,
               .take = SHARDS_SALES_SQL_TAKE,
               .give = SHARDS_SALES_SQL_GIVE},
    .items_max = SALE_MESSAGE_COMMANDS_MAX,
    .item_size = sizeof(struct sale_message_item),
    .read = read_items,
    .describe = describe,
    .reject = reject,
    .write = write_command,
    .about = about,
};
