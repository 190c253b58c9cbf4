/*
 * See sale_family.h. A decision that is read from the ledger has the entry and the order as they are now, which may be
 * later than the decision. Its position is exact. A JOIN has the time of the one that got the place.
 */
#include "gateway/sale/sale_family.h"

#include <assert.h>

#include "gateway/query/columns.h"
#include "gateway/sale/position.h"

enum { DECISION_GET, DECISION_COUNT };

// clang-format off
static const struct pg_statement list[] = {
    /* $1 sale, $2 command */
    [DECISION_GET] = {"sale_decision",
        "SELECT l.command_id, l.sale_id, l.kind, l.status, l.reason, l.user_id, l.quantity, l.place, "
        COLUMNS_MS("l.received_at") ", " COLUMNS_MS("l.decided_at") ", s.version, s.status, e.id, e.status, "
        COLUMNS_MS("e.turn_expires_at") ", " COLUMNS_MS("e.joined_at") ", " POSITION_EXACT
        ", o.id, o.status, o.total_price, "
        COLUMNS_MS("o.expires_at")
        " FROM sale_ledger l JOIN flash_sales s ON s.id = l.sale_id"
        " LEFT JOIN queue_entries e ON e.sale_id = l.sale_id AND e.seq = l.place"
        " LEFT JOIN orders o ON o.id = l.order_id"
        " WHERE l.sale_id = $1 AND l.command_id = $2"},
};
// clang-format on
static_assert(ARRAY_LEN(list) == DECISION_COUNT, "each statement has its entry");

struct statements sale_family_statements = {list, ARRAY_LEN(list), 0};

enum {
    ID,
    SALE,
    KIND,
    VERDICT,
    REASON,
    USER,
    QUANTITY,
    PLACE,
    RECEIVED,
    DECIDED,
    VERSION,
    SALE_STATUS,
    ENTRY,
    ENTRY_STATUS,
    TURN_EXPIRES,
    JOINED,
    POSITION,
    ORDER,
    ORDER_STATUS,
    TOTAL,
    ORDER_EXPIRES,
};

static void write_commands(struct jsonw *writer, const void *commands, size_t count)
{
    sale_message_write_commands(writer, commands, count);
}

static struct submit_ids ids_of_command(const union submit_command *command)
{
    return (struct submit_ids){command->sale.sale_id, command->sale.command.id};
}

static struct submit_ids ids_of_decision(const union submit_decision *decision)
{
    return (struct submit_ids){decision->sale.sale_id, decision->sale.id};
}

static void set_reply_to(union submit_command *command, const struct uuid *gateway)
{
    command->sale.reply_to = *gateway;
}

static bool read_message(const void *bytes, size_t length, union submit_decision *decision)
{
    return sale_message_read_decision(bytes, length, &decision->sale);
}

static bool find(struct pg *pg, const struct submit_ids *ids, pg_callback callback, void *arg)
{
    char sale[UUID_TEXT_SIZE];
    char command[UUID_TEXT_SIZE];
    const char *values[] = {sale, command};
    uuid_format(&ids->subject, sale);
    uuid_format(&ids->id, command);
    return statements_query(pg, &sale_family_statements, DECISION_GET, ARRAY_LEN(values), values, callback, arg);
}

static int64_t int_or(const PGresult *result, int column, int64_t none)
{
    return pg_null(result, 0, column) ? none : pg_int(result, 0, column);
}

/* False for a word of a newer version. */
static bool read_outcome(const PGresult *result, struct sale_message_decision *decision)
{
    const char *reason = pg_null(result, 0, REASON) ? "" : pg_text(result, 0, REASON);
    return sale_ledger_parse(pg_text(result, 0, KIND), &decision->kind) &&
           sale_verdict_parse(pg_text(result, 0, VERDICT), &decision->verdict) &&
           sale_reason_parse(reason, &decision->reason);
}

static bool read_entry(const PGresult *result, const struct sale *sale, struct sale_message_decision *decision)
{
    struct sale_entry entry = {.seq = pg_int(result, 0, PLACE)};
    if (pg_null(result, 0, ENTRY)) {
        return true;
    }
    decision->place = entry.seq;
    decision->entry_id = pg_uuid(result, 0, ENTRY);
    decision->turn_expires_ms = int_or(result, TURN_EXPIRES, 0);
    if (decision->kind == SALE_COMMAND_JOIN) {
        decision->received_ms = pg_int(result, 0, JOINED);
    }
    if (!sale_entry_parse(pg_text(result, 0, ENTRY_STATUS), &entry.status)) {
        return false;
    }
    decision->entry_status = sale_entry_effective(sale, &entry);
    decision->position =
        decision->entry_status == SALE_ENTRY_TURN ? 0 : int_or(result, POSITION, SALE_POSITION_UNKNOWN);
    return true;
}

static bool read_order(const PGresult *result, const struct sale *sale, struct sale_message_decision *decision)
{
    struct sale_order order = {.expires_ms = 0};
    if (pg_null(result, 0, ORDER)) {
        return true;
    }
    decision->order_id = pg_uuid(result, 0, ORDER);
    decision->total_price = pg_money(result, 0, TOTAL);
    decision->order_expires_ms = int_or(result, ORDER_EXPIRES, 0);
    if (!sale_order_parse(pg_text(result, 0, ORDER_STATUS), &order.status)) {
        return false;
    }
    decision->order_status = sale_order_effective(sale, &order);
    return true;
}

static bool read_row(const PGresult *result, union submit_decision *of)
{
    struct sale_message_decision *decision = &of->sale;
    struct sale sale = {.ledger_seq = 0};
    if (PQntuples(result) == 0 || !sale_status_parse(pg_text(result, 0, SALE_STATUS), &sale.status)) {
        return false;
    }
    *decision = (struct sale_message_decision){
        .id = pg_uuid(result, 0, ID),
        .sale_id = pg_uuid(result, 0, SALE),
        .quantity = pg_int(result, 0, QUANTITY),
        .position = SALE_POSITION_UNKNOWN,
        .received_ms = pg_int(result, 0, RECEIVED),
        .decided_ms = pg_int(result, 0, DECIDED),
        .version = pg_int(result, 0, VERSION),
    };
    if (!pg_null(result, 0, USER)) {
        decision->user_id = pg_uuid(result, 0, USER);
    }
    return read_outcome(result, decision) && read_entry(result, &sale, decision) && read_order(result, &sale, decision);
}

const struct submit_family sale_family = {
    .commands = "commands to sales",
    .topology = &topology_sales,
    .command_size = sizeof(struct sale_message_command),
    .write = write_commands,
    .ids_of_command = ids_of_command,
    .ids_of_decision = ids_of_decision,
    .set_reply_to = set_reply_to,
    .read_message = read_message,
    .find = find,
    .read_row = read_row,
};
