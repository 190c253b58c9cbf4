/*
 * See sale_message.h. Short member names keep the frequent messages small:
 *   i id         s sale      u user       k kind       c quantity   m amount, total price   r received   d decided
 *   o order      b paid      x reference  h refused    n version    e end, expiry           g reply-to   y keyed
 *   q request id, seq        p traceparent             l place      j entry's id            f entry's status
 *   t turn's end             a position   z order's status          w reason                V verdict
 *
 * A decision has the verdict as "V", so that it is never read as a decision on a bid.
 */
#include "common/protocol/sale_message.h"

#include <assert.h>

#include "common/base/money.h"
#include "common/protocol/wire.h"

enum {
    SALE_MESSAGE_VERSION = 1,
    COMMANDS_SEVERAL = 2, /* version of a message with commands to several sales; older workers cannot read it */
};

/* The words of enumerations, by value. */
#define COMMAND_WORD(name, word)          [SALE_COMMAND_##name] = (word),
#define EVENT_WORD(name, word, must, may) [SALE_EVENT_##name] = (word),
#define VERDICT_WORD(name, word)          [SALE_VERDICT_##name] = (word),
#define REASON_WORD(name)                 [SALE_REASON_##name] = #name,
#define ENTRY_WORD(name, word)            [SALE_ENTRY_##name] = (word),
#define ORDER_WORD(name, word)            [SALE_ORDER_##name] = (word),
static const char *const command_words[] = {SALE_COMMANDS(COMMAND_WORD)};
static const char *const event_words[] = {SALE_EVENTS(EVENT_WORD)};
static const char *const verdict_words[] = {SALE_VERDICTS(VERDICT_WORD)};
static const char *const reason_words[] = {SALE_REASONS(REASON_WORD)};
static const char *const entry_words[] = {SALE_ENTRY_STATUSES(ENTRY_WORD)};
static const char *const order_words[] = {SALE_ORDER_STATUSES(ORDER_WORD)};

/* ---- commands ---- */

/* Members that a command of a kind must have. A command of another kind must not have them. */
enum {
    WITH_USER = 1,
    WITH_QUANTITY = 2,
    WITH_ORDER = 4,
    WITH_PAYMENT = 8,
    WITH_VERSION = 16,
    WITH_END = 32,
    MAY_REFUSE = 64, /* it may have refused_ms */
};

static unsigned members_of(const struct sale_command *command)
{
    switch (command->kind) {
    case SALE_COMMAND_JOIN:
        return WITH_USER | WITH_QUANTITY;
    case SALE_COMMAND_LEAVE:
        return WITH_USER;
    case SALE_COMMAND_ORDER:
        return WITH_USER | WITH_QUANTITY | MAY_REFUSE;
    case SALE_COMMAND_CONFIRM:
        return WITH_ORDER | MAY_REFUSE | (command->paid ? WITH_PAYMENT : WITH_USER);
    case SALE_COMMAND_FAIL:
        return WITH_ORDER | WITH_PAYMENT;
    case SALE_COMMAND_CANCEL:
        return WITH_USER | WITH_ORDER;
    case SALE_COMMAND_UPDATE:
        return WITH_VERSION;
    case SALE_COMMAND_EXTEND:
        return WITH_END;
    case SALE_COMMAND_EXPIRE:
        return MAY_REFUSE;
    case SALE_COMMAND_NONE:
    case SALE_COMMAND_OPEN:
    case SALE_COMMAND_START:
    case SALE_COMMAND_FENCE:
    case SALE_COMMAND_CLOSE:
    case SALE_COMMAND_ABORT:
        break;
    }
    return 0;
}

static const char *check_command(const struct sale_message_command *message)
{
    const struct sale_command *command = &message->command;
    unsigned required = members_of(command);
    bool pays = (required & WITH_PAYMENT) != 0;
    if (((required & WITH_USER) != 0) == uuid_is_nil(&command->user_id)) {
        return "user missing, or not allowed for this kind";
    }
    if (((required & WITH_QUANTITY) != 0) == (command->quantity == 0)) {
        return "quantity missing, or not allowed for this kind";
    }
    if (((required & WITH_ORDER) != 0) == uuid_is_nil(&command->order_id)) {
        return "order missing, or not allowed for this kind";
    }
    if (pays != command->paid || pays == (command->amount == 0) || pays == (message->reference[0] == '\0')) {
        return "payment incomplete, or not allowed for this kind";
    }
    if (((required & WITH_VERSION) != 0) == (message->version == 0)) {
        return "version missing, or not allowed for this kind";
    }
    if (((required & WITH_END) != 0) == (command->end_ms == 0)) {
        return "end missing, or not allowed for this kind";
    }
    return (required & MAY_REFUSE) == 0 && command->refused_ms != 0 ? "refused time not allowed for this kind" : NULL;
}

static const struct wire_member command_members[] = {
    WIRE_MEMBER_WORD(struct sale_message_command, command.kind, "k", WIRE_ALWAYS, command_words),
    WIRE_MEMBER(struct sale_message_command, command.id, "i", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct sale_message_command, sale_id, "s", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct sale_message_command, command.user_id, "u", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_message_command, command.quantity, "c", WIRE_OPTIONAL, SALE_QUANTITY_MAX),
    WIRE_MEMBER(struct sale_message_command, command.order_id, "o", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_message_command, command.paid, "b", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_message_command, command.amount, "m", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct sale_message_command, reference, "x", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_message_command, command.received_ms, "r", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct sale_message_command, command.refused_ms, "h", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct sale_message_command, version, "n", WIRE_OPTIONAL, INT64_MAX),
    WIRE_MEMBER(struct sale_message_command, command.end_ms, "e", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct sale_message_command, reply_to, "g", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_message_command, keyed, "y", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_message_command, request_id, "q", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_message_command, traceparent, "p", WIRE_OPTIONAL, 0),
};
static const struct wire_table of_command = WIRE_TABLE(command_members);

static const char *read_item(const struct json *object, void *items, size_t index)
{
    struct sale_message_item *item = (struct sale_message_item *)items + index;
    item->command = (struct sale_message_command){.command.kind = SALE_COMMAND_NONE};
    item->reason = wire_read_members(object, &of_command, &item->command);
    if (item->reason == NULL) {
        item->reason = check_command(&item->command);
    }
    item->readable = item->reason == NULL;
    return NULL;
}

void sale_message_write_commands(struct jsonw *writer, const struct sale_message_command *commands, size_t count)
{
    int64_t version = SALE_MESSAGE_VERSION;
    for (size_t i = 1; i < count && version == SALE_MESSAGE_VERSION; i++) {
        version = uuid_equal(&commands[i].sale_id, &commands[0].sale_id) ? SALE_MESSAGE_VERSION : COMMANDS_SEVERAL;
    }
    wire_write_list(writer, "commands", version, &of_command, commands, sizeof *commands, count);
}

bool sale_message_read_commands(const void *bytes, size_t length, struct sale_message_item *items, size_t items_max,
                                size_t *count, const char **reason)
{
    return wire_read_list(bytes, length, "commands", COMMANDS_SEVERAL, read_item, items, items_max, count, reason);
}

bool sale_message_sale(const struct json *root, struct uuid *sale_id)
{
    return wire_first_uuid(root, "commands", "s", sale_id);
}

/* ---- events ---- */

const char *sale_message_event_text(enum sale_event_kind kind)
{
    assert(kind > SALE_EVENT_NONE && (size_t)kind < SALE_EVENT_KIND_COUNT);
    return event_words[kind];
}

static const struct wire_member event_members[] = {
    WIRE_MEMBER_WORD(struct sale_event, kind, "k", WIRE_ALWAYS, event_words),
    WIRE_MEMBER(struct sale_event, sale_id, "s", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct sale_event, seq, "q", WIRE_OPTIONAL, INT64_MAX),
    WIRE_MEMBER(struct sale_event, user_id, "u", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_event, place, "l", WIRE_OPTIONAL, INT64_MAX),
    WIRE_MEMBER(struct sale_event, quantity, "c", WIRE_OPTIONAL, SALE_QUANTITY_MAX),
    WIRE_MEMBER(struct sale_event, order_id, "o", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct sale_event, amount, "m", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct sale_event, time_ms, "e", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct sale_event, at_ms, "d", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct sale_event, traceparent, "p", WIRE_OPTIONAL, 0),
};
static const struct wire_table of_event = WIRE_TABLE(event_members);

static bool has_its_members(const struct sale_event *event)
{
    static const struct {
        unsigned must;
        unsigned may;
    } members[SALE_EVENT_KIND_COUNT] = {
#define EVENT_MEMBERS(name, word, must, may) [SALE_EVENT_##name] = {(must), (may)},
        SALE_EVENTS(EVENT_MEMBERS)
#undef EVENT_MEMBERS
    };
    unsigned present = (event->seq > 0 ? SALE_EVENT_ROW : 0U) | (uuid_is_nil(&event->user_id) ? 0U : SALE_EVENT_USER) |
                       (event->place > 0 ? SALE_EVENT_PLACE : 0U) | (event->quantity > 0 ? SALE_EVENT_QUANTITY : 0U) |
                       (uuid_is_nil(&event->order_id) ? 0U : SALE_EVENT_ORDER) |
                       (event->amount > 0 ? SALE_EVENT_AMOUNT : 0U) | (event->time_ms > 0 ? SALE_EVENT_TIME : 0U);
    return (present & ~members[event->kind].may) == members[event->kind].must;
}

static const char *read_event(const struct json *object, void *events, size_t index)
{
    struct sale_event *event = (struct sale_event *)events + index;
    *event = (struct sale_event){.kind = SALE_EVENT_NONE};
    const char *reason = wire_read_members(object, &of_event, event);
    return reason != NULL || has_its_members(event) ? reason : "a member missing, or not allowed for this kind";
}

void sale_message_write_events(struct jsonw *writer, const struct sale_event *events, size_t count)
{
    wire_write_list(writer, "events", SALE_MESSAGE_VERSION, &of_event, events, sizeof *events, count);
}

bool sale_message_read_events(const void *bytes, size_t length, struct sale_event *events, size_t events_max,
                              size_t *count, const char **reason)
{
    return wire_read_list(bytes, length, "events", SALE_MESSAGE_VERSION, read_event, events, events_max, count, reason);
}

/* ---- decisions ---- */

static const struct wire_member outcome_members[] = {
    WIRE_MEMBER_WORD(struct sale_message_decision, kind, "k", WIRE_ALWAYS, command_words),
    WIRE_MEMBER(struct sale_message_decision, id, "i", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct sale_message_decision, sale_id, "s", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct sale_message_decision, user_id, "u", WIRE_OPTIONAL, 0),
    WIRE_MEMBER_WORD(struct sale_message_decision, verdict, "V", WIRE_ALWAYS, verdict_words),
    WIRE_MEMBER_WORD(struct sale_message_decision, reason, "w", WIRE_OPTIONAL, reason_words),
    WIRE_MEMBER(struct sale_message_decision, quantity, "c", WIRE_OPTIONAL, SALE_QUANTITY_MAX),
};
static const struct wire_table of_outcome = WIRE_TABLE(outcome_members);

/* Only if there is a place. */
static const struct wire_member entry_members[] = {
    WIRE_MEMBER(struct sale_message_decision, place, "l", WIRE_ALWAYS, INT64_MAX),
    WIRE_MEMBER(struct sale_message_decision, entry_id, "j", WIRE_OPTIONAL, 0),
    WIRE_MEMBER_WORD(struct sale_message_decision, entry_status, "f", WIRE_ALWAYS, entry_words),
    WIRE_MEMBER(struct sale_message_decision, turn_expires_ms, "t", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
};
static const struct wire_table of_entry = WIRE_TABLE(entry_members);

/* Only if there is an order. */
static const struct wire_member order_members[] = {
    WIRE_MEMBER(struct sale_message_decision, order_id, "o", WIRE_ALWAYS, 0),
    WIRE_MEMBER_WORD(struct sale_message_decision, order_status, "z", WIRE_ALWAYS, order_words),
    WIRE_MEMBER(struct sale_message_decision, total_price, "m", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct sale_message_decision, order_expires_ms, "e", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
};
static const struct wire_table of_order = WIRE_TABLE(order_members);

static const struct wire_member time_members[] = {
    WIRE_MEMBER(struct sale_message_decision, received_ms, "r", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct sale_message_decision, decided_ms, "d", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct sale_message_decision, version, "n", WIRE_OPTIONAL, INT64_MAX),
};
static const struct wire_table of_times = WIRE_TABLE(time_members);

void sale_message_write_decision(struct jsonw *writer, const struct sale_message_decision *decision)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", SALE_MESSAGE_VERSION);
    wire_write_members(writer, &of_outcome, decision);
    if (decision->place > 0) {
        wire_write_members(writer, &of_entry, decision);
    }
    if (decision->position >= 0) {
        jsonw_put_int(writer, "a", decision->position);
    }
    if (!uuid_is_nil(&decision->order_id)) {
        wire_write_members(writer, &of_order, decision);
    }
    wire_write_members(writer, &of_times, decision);
    jsonw_end_object(writer);
}

static bool read_decision(const struct json *root, struct sale_message_decision *decision)
{
    int64_t version = 0;
    *decision = (struct sale_message_decision){.position = SALE_POSITION_UNKNOWN};
    return json_get_int(root, "v", SALE_MESSAGE_VERSION, SALE_MESSAGE_VERSION, &version) &&
           wire_read_members(root, &of_outcome, decision) == NULL &&
           (decision->verdict == SALE_VERDICT_REJECTED) == (decision->reason != SALE_REASON_NONE) &&
           (json_member(root, "l") == NULL ||
            (wire_read_members(root, &of_entry, decision) == NULL && decision->place > 0)) &&
           (json_member(root, "a") == NULL || json_get_int(root, "a", 0, INT64_MAX, &decision->position)) &&
           (json_member(root, "o") == NULL || wire_read_members(root, &of_order, decision) == NULL) &&
           wire_read_members(root, &of_times, decision) == NULL;
}

bool sale_message_read_decision(const void *bytes, size_t length, struct sale_message_decision *decision)
{
    struct json *root = json_parse(bytes, length, NULL);
    bool ok = read_decision(root, decision);
    json_free(root);
    return ok;
}
