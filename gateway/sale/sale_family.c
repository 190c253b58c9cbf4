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
    /* $1: sales, $2: commands */
    [DECISION_GET] = {"sale_decision",
        "SELECT l.command_id, l.sale_id, l.kind, l.status, l.reason, l.user_id, l.quantity, l.place, "
        COLUMNS_MS("l.received_at") ", " COLUMNS_MS("l.decided_at") ", s.version, s.status, e.id, e.status, "
        COLUMNS_MS("e.turn_expires_at") ", " COLUMNS_MS("e.joined_at") ", " POSITION_EXACT
        ", o.id, o.status, o.total_price, "
        COLUMNS_MS("o.expires_at")
        " FROM unnest($1::uuid[], $2::uuid[]) AS asked (sale_id, command_id)"
        " CROSS JOIN LATERAL (SELECT * FROM sale_ledger d WHERE d.sale_id = asked.sale_id"
        "  AND d.command_id = asked.command_id LIMIT 1) AS l JOIN flash_sales s ON s.id = l.sale_id"
        " LEFT JOIN queue_entries e ON e.sale_id = l.sale_id AND e.seq = l.place"
        " LEFT JOIN orders o ON o.id = l.order_id"},
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

static void set_received_ms(union submit_command *command, int64_t received_ms)
{
    command->sale.command.received_ms = received_ms;
}

static bool read_message(const void *bytes, size_t length, union submit_decision *decision)
{
    return sale_message_read_decision(bytes, length, &decision->sale);
}

/*
 * Of a JOIN that found an earlier place the sale worker says neither its position nor since when it is there. Of an
 * ORDER by a user who waits it does not say the position.
 */
static bool complete(const union submit_decision *of)
{
    const struct sale_message_decision *decision = &of->sale;
    bool waits = decision->entry_status == SALE_ENTRY_WAITING && decision->position == SALE_POSITION_UNKNOWN;
    if (decision->kind == SALE_COMMAND_JOIN) {
        return decision->verdict != SALE_VERDICT_UNCHANGED && !(decision->verdict == SALE_VERDICT_ACCEPTED && waits);
    }
    return decision->kind != SALE_COMMAND_ORDER || decision->reason != SALE_REASON_NOT_YOUR_TURN || !waits;
}

static bool find(struct pg *pg, const struct submit_ids *ids, size_t count, pg_callback callback, void *arg)
{
    return submit_find(pg, &sale_family_statements, DECISION_GET, ids, count, callback, arg);
}

static int64_t int_or(const PGresult *result, int row, int column, int64_t none)
{
    return pg_null(result, row, column) ? none : pg_int(result, row, column);
}

/* False for a word of a newer version. */
static bool read_outcome(const PGresult *result, int row, struct sale_message_decision *decision)
{
    const char *reason = pg_null(result, row, REASON) ? "" : pg_text(result, row, REASON);
    return sale_ledger_parse(pg_text(result, row, KIND), &decision->kind) &&
           sale_verdict_parse(pg_text(result, row, VERDICT), &decision->verdict) &&
           sale_reason_parse(reason, &decision->reason);
}

static bool read_entry(const PGresult *result, int row, const struct sale *sale, struct sale_message_decision *decision)
{
    struct sale_entry entry = {.seq = pg_int(result, row, PLACE)};
    if (pg_null(result, row, ENTRY)) {
        return true;
    }
    decision->place = entry.seq;
    decision->entry_id = pg_uuid(result, row, ENTRY);
    decision->turn_expires_ms = int_or(result, row, TURN_EXPIRES, 0);
    if (decision->kind == SALE_COMMAND_JOIN) {
        decision->received_ms = pg_int(result, row, JOINED);
    }
    if (!sale_entry_parse(pg_text(result, row, ENTRY_STATUS), &entry.status)) {
        return false;
    }
    decision->entry_status = sale_entry_effective(sale, &entry);
    decision->position =
        decision->entry_status == SALE_ENTRY_TURN ? 0 : int_or(result, row, POSITION, SALE_POSITION_UNKNOWN);
    return true;
}

static bool read_order(const PGresult *result, int row, const struct sale *sale, struct sale_message_decision *decision)
{
    struct sale_order order = {.expires_ms = 0};
    if (pg_null(result, row, ORDER)) {
        return true;
    }
    decision->order_id = pg_uuid(result, row, ORDER);
    decision->total_price = pg_money(result, row, TOTAL);
    decision->order_expires_ms = int_or(result, row, ORDER_EXPIRES, 0);
    if (!sale_order_parse(pg_text(result, row, ORDER_STATUS), &order.status)) {
        return false;
    }
    decision->order_status = sale_order_effective(sale, &order);
    return true;
}

static bool read_row(const PGresult *result, int row, union submit_decision *of)
{
    struct sale_message_decision *decision = &of->sale;
    struct sale sale = {.ledger_seq = 0};
    if (PQntuples(result) <= row || !sale_status_parse(pg_text(result, row, SALE_STATUS), &sale.status)) {
        return false;
    }
    *decision = (struct sale_message_decision){
        .id = pg_uuid(result, row, ID),
        .sale_id = pg_uuid(result, row, SALE),
        .quantity = pg_int(result, row, QUANTITY),
        .position = SALE_POSITION_UNKNOWN,
        .received_ms = pg_int(result, row, RECEIVED),
        .decided_ms = pg_int(result, row, DECIDED),
        .version = pg_int(result, row, VERSION),
    };
    if (!pg_null(result, row, USER)) {
        decision->user_id = pg_uuid(result, row, USER);
    }
    return read_outcome(result, row, decision) && read_entry(result, row, &sale, decision) &&
           read_order(result, row, &sale, decision);
}

const struct submit_family sale_family = {
    .commands = "commands to sales",
    .topology = &topology_sales,
    .command_size = sizeof(struct sale_message_command),
    .write = write_commands,
    .ids_of_command = ids_of_command,
    .ids_of_decision = ids_of_decision,
    .set_reply_to = set_reply_to,
    .set_received_ms = set_received_ms,
    .read_message = read_message,
    .complete = complete,
    .find = find,
    .read_row = read_row,
};
