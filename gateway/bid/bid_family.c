/*
 * See bid_family.h.
 */
#include "gateway/bid/bid_family.h"

#include "gateway/bid/ledger.h"

static void write_commands(struct jsonw *writer, const void *commands, size_t count)
{
    message_write_commands(writer, commands, count);
}

static struct submit_ids ids_of_command(const union submit_command *command)
{
    return (struct submit_ids){command->bid.auction_id, command->bid.id};
}

static struct submit_ids ids_of_decision(const union submit_decision *decision)
{
    return (struct submit_ids){decision->bid.auction_id, decision->bid.bid_id};
}

static void set_reply_to(union submit_command *command, const struct uuid *gateway)
{
    command->bid.reply_to = *gateway;
}

static void set_received_ms(union submit_command *command, int64_t received_ms)
{
    command->bid.received_ms = received_ms;
}

static bool read_message(const void *bytes, size_t length, union submit_decision *decision)
{
    return message_read_decision(bytes, length, &decision->bid);
}

static bool find(struct pg *pg, const struct submit_ids *ids, size_t count, pg_callback callback, void *arg)
{
    return submit_find(pg, &ledger_statements, LEDGER_BIDS, ids, count, callback, arg);
}

static bool read_row(const PGresult *result, int row, union submit_decision *decision)
{
    return ledger_read(result, row, &decision->bid);
}

const struct submit_family bid_family = {
    .commands = "bids",
    .topology = &topology_bids,
    .command_size = sizeof(struct command),
    .write = write_commands,
    .ids_of_command = ids_of_command,
    .ids_of_decision = ids_of_decision,
    .set_reply_to = set_reply_to,
    .set_received_ms = set_received_ms,
    .read_message = read_message,
    .find = find,
    .read_row = read_row,
};
