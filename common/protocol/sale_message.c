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

enum { SALE_MESSAGE_VERSION = 1 };

#define EVENT_TEXT(name, word, must, may) [SALE_EVENT_##name] = (word),
static const char *const event_names[SALE_EVENT_KIND_COUNT] = {SALE_EVENTS(EVENT_TEXT)};

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

static void write_command(struct jsonw *writer, const struct sale_message_command *message)
{
    const struct sale_command *command = &message->command;
    jsonw_object(writer);
    jsonw_put_string(writer, "k", sale_command_text(command->kind));
    jsonw_put_uuid(writer, "i", &command->id);
    jsonw_put_uuid(writer, "s", &message->sale_id);
    wire_put_uuid(writer, "u", &command->user_id);
    wire_put_int(writer, "c", command->quantity);
    wire_put_uuid(writer, "o", &command->order_id);
    if (command->paid) {
        jsonw_put_bool(writer, "b", true);
    }
    wire_put_int(writer, "m", command->amount);
    wire_put_text(writer, "x", message->reference);
    jsonw_put_int(writer, "r", command->received_ms);
    wire_put_int(writer, "h", command->refused_ms);
    wire_put_int(writer, "n", message->version);
    wire_put_int(writer, "e", command->end_ms);
    wire_put_uuid(writer, "g", &message->reply_to);
    if (message->keyed) {
        jsonw_put_bool(writer, "y", true);
    }
    wire_put_text(writer, "q", message->request_id);
    wire_put_text(writer, "p", message->traceparent);
    jsonw_end_object(writer);
}

void sale_message_write_commands(struct jsonw *writer, const struct sale_message_command *commands, size_t count)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", SALE_MESSAGE_VERSION);
    jsonw_name(writer, "commands");
    jsonw_array(writer);
    for (size_t i = 0; i < count; i++) {
        write_command(writer, &commands[i]);
    }
    jsonw_end_array(writer);
    jsonw_end_object(writer);
}

static const char *read_command(const struct json *object, struct sale_message_command *message)
{
    struct sale_command *command = &message->command;
    const char *kind = NULL;
    *message = (struct sale_message_command){.command.kind = SALE_COMMAND_NONE};
    bool named = json_get_uuid(object, "i", &command->id);
    bool placed = json_get_uuid(object, "s", &message->sale_id);
    bool of_user = wire_uuid(object, "u", &command->user_id);
    if (!named || !placed || !of_user) {
        return "an id is missing or malformed";
    }
    if (!json_get_text(object, "k", &kind) || !sale_command_parse(kind, &command->kind)) {
        return "unknown kind";
    }
    if (!json_get_int(object, "r", 0, WIRE_TIME_MAX_MS, &command->received_ms)) {
        return "invalid time of receipt";
    }
    bool ok = wire_int(object, "c", SALE_QUANTITY_MAX, &command->quantity) &&
              wire_uuid(object, "o", &command->order_id) && wire_bool(object, "b", &command->paid) &&
              wire_int(object, "m", MONEY_MAX, &command->amount) &&
              wire_text(object, "x", message->reference, sizeof message->reference) &&
              wire_int(object, "h", WIRE_TIME_MAX_MS, &command->refused_ms) &&
              wire_int(object, "n", INT64_MAX, &message->version) &&
              wire_int(object, "e", WIRE_TIME_MAX_MS, &command->end_ms) && wire_uuid(object, "g", &message->reply_to) &&
              wire_bool(object, "y", &message->keyed) &&
              wire_text(object, "q", message->request_id, sizeof message->request_id) &&
              wire_text(object, "p", message->traceparent, sizeof message->traceparent);
    return ok ? check_command(message) : "a member is malformed";
}

bool sale_message_read_commands(const void *bytes, size_t length, struct sale_message_item *items, size_t items_max,
                                size_t *count, const char **reason)
{
    struct json *root = json_parse(bytes, length, reason);
    if (root == NULL) {
        return false;
    }
    const struct json *array = wire_array(root, "commands", SALE_MESSAGE_VERSION, reason);
    bool ok = array != NULL;
    size_t filled = 0;
    for (const struct json *value = ok ? array->child : NULL; value != NULL; value = value->next) {
        if (filled == items_max) {
            *reason = "too many commands in the message";
            ok = false;
            break;
        }
        struct sale_message_item *item = &items[filled++];
        item->reason = read_command(value, &item->command);
        if (item->reason == NULL && !uuid_equal(&item->command.sale_id, &items[0].command.sale_id)) {
            item->reason = "another sale than the first command";
        }
        item->readable = item->reason == NULL;
    }
    json_free(root);
    *count = filled;
    return ok;
}

bool sale_message_sale(const struct json *root, struct uuid *sale_id)
{
    const struct json *commands = json_member(root, "commands");
    return commands != NULL && commands->type == JSON_ARRAY && commands->child != NULL &&
           json_get_uuid(commands->child, "s", sale_id);
}

/* ---- events ---- */

const char *sale_message_event_text(enum sale_event_kind kind)
{
    assert(kind > SALE_EVENT_NONE && (size_t)kind < SALE_EVENT_KIND_COUNT);
    return event_names[kind];
}

static void write_event(struct jsonw *writer, const struct sale_event *event)
{
    jsonw_object(writer);
    jsonw_put_string(writer, "k", sale_message_event_text(event->kind));
    jsonw_put_uuid(writer, "s", &event->sale_id);
    wire_put_int(writer, "q", event->seq);
    wire_put_uuid(writer, "u", &event->user_id);
    wire_put_int(writer, "l", event->place);
    wire_put_int(writer, "c", event->quantity);
    wire_put_uuid(writer, "o", &event->order_id);
    wire_put_int(writer, "m", event->amount);
    wire_put_int(writer, "e", event->time_ms);
    jsonw_put_int(writer, "d", event->at_ms);
    wire_put_text(writer, "p", event->traceparent);
    jsonw_end_object(writer);
}

void sale_message_write_events(struct jsonw *writer, const struct sale_event *events, size_t count)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", SALE_MESSAGE_VERSION);
    jsonw_name(writer, "events");
    jsonw_array(writer);
    for (size_t i = 0; i < count; i++) {
        write_event(writer, &events[i]);
    }
    jsonw_end_array(writer);
    jsonw_end_object(writer);
}

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

static bool read_event(const struct json *object, struct sale_event *event)
{
    size_t kind = 0;
    *event = (struct sale_event){.kind = SALE_EVENT_NONE};
    if (!wire_name(event_names, SALE_EVENT_KIND_COUNT, object, "k", &kind)) {
        return false;
    }
    event->kind = (enum sale_event_kind)kind;
    return json_get_uuid(object, "s", &event->sale_id) && wire_int(object, "q", INT64_MAX, &event->seq) &&
           wire_uuid(object, "u", &event->user_id) && wire_int(object, "l", INT64_MAX, &event->place) &&
           wire_int(object, "c", SALE_QUANTITY_MAX, &event->quantity) && wire_uuid(object, "o", &event->order_id) &&
           wire_int(object, "m", MONEY_MAX, &event->amount) &&
           wire_int(object, "e", WIRE_TIME_MAX_MS, &event->time_ms) &&
           json_get_int(object, "d", 0, WIRE_TIME_MAX_MS, &event->at_ms) &&
           wire_text(object, "p", event->traceparent, sizeof event->traceparent) && has_its_members(event);
}

bool sale_message_read_events(const void *bytes, size_t length, struct sale_event *events, size_t events_max,
                              size_t *count, const char **reason)
{
    struct json *root = json_parse(bytes, length, reason);
    if (root == NULL) {
        return false;
    }
    const struct json *array = wire_array(root, "events", SALE_MESSAGE_VERSION, reason);
    bool ok = array != NULL;
    size_t filled = 0;
    for (const struct json *value = ok ? array->child : NULL; value != NULL && ok; value = value->next) {
        if (filled == events_max) {
            *reason = "too many events";
            ok = false;
        } else if (!read_event(value, &events[filled++])) {
            *reason = "an event is malformed";
            ok = false;
        }
    }
    json_free(root);
    *count = ok ? filled : 0;
    return ok;
}

/* ---- decisions ---- */

void sale_message_write_decision(struct jsonw *writer, const struct sale_message_decision *decision)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", SALE_MESSAGE_VERSION);
    jsonw_put_string(writer, "k", sale_command_text(decision->kind));
    jsonw_put_uuid(writer, "i", &decision->id);
    jsonw_put_uuid(writer, "s", &decision->sale_id);
    wire_put_uuid(writer, "u", &decision->user_id);
    jsonw_put_string(writer, "V", sale_verdict_text(decision->verdict));
    wire_put_text(writer, "w", sale_reason_text(decision->reason));
    wire_put_int(writer, "c", decision->quantity);
    if (decision->place > 0) {
        jsonw_put_int(writer, "l", decision->place);
        wire_put_uuid(writer, "j", &decision->entry_id);
        jsonw_put_string(writer, "f", sale_entry_text(decision->entry_status));
        wire_put_int(writer, "t", decision->turn_expires_ms);
    }
    if (decision->position >= 0) {
        jsonw_put_int(writer, "a", decision->position);
    }
    if (!uuid_is_nil(&decision->order_id)) {
        jsonw_put_uuid(writer, "o", &decision->order_id);
        jsonw_put_string(writer, "z", sale_order_text(decision->order_status));
        wire_put_int(writer, "m", decision->total_price);
        wire_put_int(writer, "e", decision->order_expires_ms);
    }
    jsonw_put_int(writer, "r", decision->received_ms);
    jsonw_put_int(writer, "d", decision->decided_ms);
    wire_put_int(writer, "n", decision->version);
    jsonw_end_object(writer);
}

static bool read_outcome(const struct json *root, struct sale_message_decision *decision)
{
    const char *kind = NULL;
    const char *verdict = NULL;
    const char *reason = "";
    return json_get_text(root, "k", &kind) && sale_command_parse(kind, &decision->kind) &&
           json_get_text(root, "V", &verdict) && sale_verdict_parse(verdict, &decision->verdict) &&
           (json_member(root, "w") == NULL || json_get_text(root, "w", &reason)) &&
           sale_reason_parse(reason, &decision->reason) &&
           (decision->verdict == SALE_VERDICT_REJECTED) == (decision->reason != SALE_REASON_NONE);
}

static bool read_entry(const struct json *root, struct sale_message_decision *decision)
{
    const char *status = NULL;
    decision->position = SALE_POSITION_UNKNOWN;
    if (!wire_int(root, "a", INT64_MAX, &decision->position)) {
        return false;
    }
    if (json_member(root, "l") == NULL) {
        return true;
    }
    return json_get_int(root, "l", 1, INT64_MAX, &decision->place) && wire_uuid(root, "j", &decision->entry_id) &&
           json_get_text(root, "f", &status) && sale_entry_parse(status, &decision->entry_status) &&
           wire_int(root, "t", WIRE_TIME_MAX_MS, &decision->turn_expires_ms);
}

static bool read_order(const struct json *root, struct sale_message_decision *decision)
{
    const char *status = NULL;
    if (json_member(root, "o") == NULL) {
        return true;
    }
    return json_get_uuid(root, "o", &decision->order_id) && json_get_text(root, "z", &status) &&
           sale_order_parse(status, &decision->order_status) &&
           wire_int(root, "m", MONEY_MAX, &decision->total_price) &&
           wire_int(root, "e", WIRE_TIME_MAX_MS, &decision->order_expires_ms);
}

static bool read_decision(const struct json *root, struct sale_message_decision *decision)
{
    int64_t version = 0;
    *decision = (struct sale_message_decision){.kind = SALE_COMMAND_NONE};
    return json_get_int(root, "v", SALE_MESSAGE_VERSION, SALE_MESSAGE_VERSION, &version) &&
           json_get_uuid(root, "i", &decision->id) && json_get_uuid(root, "s", &decision->sale_id) &&
           wire_uuid(root, "u", &decision->user_id) && read_outcome(root, decision) &&
           wire_int(root, "c", SALE_QUANTITY_MAX, &decision->quantity) && read_entry(root, decision) &&
           read_order(root, decision) && json_get_int(root, "r", 0, WIRE_TIME_MAX_MS, &decision->received_ms) &&
           json_get_int(root, "d", 0, WIRE_TIME_MAX_MS, &decision->decided_ms) &&
           wire_int(root, "n", INT64_MAX, &decision->version);
}

bool sale_message_read_decision(const void *bytes, size_t length, struct sale_message_decision *decision)
{
    struct json *root = json_parse(bytes, length, NULL);
    bool ok = root != NULL && read_decision(root, decision);
    json_free(root);
    return ok;
}
