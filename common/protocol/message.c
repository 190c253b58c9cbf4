/*
 * See message.h. Short member names keep the frequent messages small:
 *   i id           a auction      u user           k kind         m amount        r received
 *   t terms version               n version        e end          g reply-to      y keyed
 *   q request id   p traceparent  b bid            o oldest time  x maximum       d decided
 *   s status       w reason       t signal (in a user signal)     v version of the message
 */
#include "common/protocol/message.h"

#include <assert.h>
#include <string.h>

#include "common/base/money.h"
#include "common/protocol/wire.h"

enum { MESSAGE_VERSION = 1 };

#define EVENT_TEXT(name, text) [EVENT_##name] = (text),
static const char *const event_names[EVENT_KIND_COUNT] = {EVENT_KINDS(EVENT_TEXT)};

static void write_command(struct jsonw *writer, const struct command *command)
{
    jsonw_object(writer);
    jsonw_put_string(writer, "k", command_kind_text(command->kind));
    jsonw_put_uuid(writer, "i", &command->id);
    jsonw_put_uuid(writer, "a", &command->auction_id);
    wire_put_uuid(writer, "u", &command->user_id);
    wire_put_int(writer, "m", command->amount);
    jsonw_put_int(writer, "r", command->received_ms);
    wire_put_int(writer, "t", command->terms_version);
    wire_put_int(writer, "n", command->version);
    wire_put_int(writer, "e", command->end_ms);
    wire_put_uuid(writer, "b", &command->target);
    wire_put_int(writer, "o", command->since_ms);
    wire_put_uuid(writer, "g", &command->reply_to);
    if (command->keyed) {
        jsonw_put_bool(writer, "y", true);
    }
    wire_put_text(writer, "q", command->request_id);
    wire_put_text(writer, "p", command->traceparent);
    jsonw_end_object(writer);
}

void message_write_commands(struct jsonw *writer, const struct command *commands, size_t count)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", MESSAGE_VERSION);
    jsonw_name(writer, "commands");
    jsonw_array(writer);
    for (size_t i = 0; i < count; i++) {
        write_command(writer, &commands[i]);
    }
    jsonw_end_array(writer);
    jsonw_end_object(writer);
}

/* Members that a command of a kind must have. A command of another kind must not have them. */
enum {
    WITH_USER = 1,
    WITH_AMOUNT = 2,
    WITH_VERSION = 4,
    WITH_TARGET = 8,
    WITH_SINCE = 16,
    WITH_END = 32,
};

static unsigned members_of(enum command_kind kind)
{
    switch (kind) {
    case COMMAND_NONE:
    case COMMAND_START:
    case COMMAND_FENCE:
        return 0;
    case COMMAND_BID:
    case COMMAND_PROXY:
        return WITH_USER | WITH_AMOUNT;
    case COMMAND_WITHDRAW:
    case COMMAND_BUY:
    case COMMAND_CANCEL:
    case COMMAND_CLOSE:
    case COMMAND_ABORT:
        return WITH_USER;
    case COMMAND_UPDATE:
        return WITH_USER | WITH_VERSION;
    case COMMAND_EXTEND:
    case COMMAND_REOPEN:
        return WITH_USER | WITH_END;
    case COMMAND_VOID:
        return WITH_USER | WITH_TARGET;
    case COMMAND_RETRACT:
        return WITH_USER | WITH_TARGET | WITH_SINCE;
    }
    return 0;
}

static const char *check_command(const struct command *command)
{
    unsigned required = members_of(command->kind);
    if (((required & WITH_USER) != 0) == uuid_is_nil(&command->user_id)) {
        return "bidder missing, or not allowed for this kind";
    }
    if (((required & WITH_AMOUNT) != 0) == (command->amount == 0)) {
        return "amount missing, or not allowed for this kind";
    }
    if (((required & WITH_VERSION) != 0) == (command->version == 0)) {
        return "version missing, or not allowed for this kind";
    }
    if (((required & WITH_TARGET) != 0) == uuid_is_nil(&command->target)) {
        return "bid missing, or not allowed for this kind";
    }
    if (((required & WITH_SINCE) != 0) == (command->since_ms == 0)) {
        return "oldest time missing, or not allowed for this kind";
    }
    return ((required & WITH_END) != 0) == (command->end_ms == 0) ? "end missing, or not allowed for this kind" : NULL;
}

static const char *read_command(const struct json *object, struct command *command)
{
    const char *kind = NULL;
    *command = (struct command){.kind = COMMAND_NONE};
    bool named = json_get_uuid(object, "i", &command->id);
    bool placed = json_get_uuid(object, "a", &command->auction_id);
    bool of_user = wire_uuid(object, "u", &command->user_id);
    if (!named || !placed || !of_user) {
        return "an id is missing or malformed";
    }
    if (!json_get_text(object, "k", &kind) || !command_kind_parse(kind, &command->kind)) {
        return "unknown kind";
    }
    if (!wire_int(object, "m", MONEY_MAX, &command->amount)) {
        return "invalid amount";
    }
    if (!json_get_int(object, "r", 0, WIRE_TIME_MAX_MS, &command->received_ms)) {
        return "invalid time of receipt";
    }
    bool ok = wire_int(object, "t", INT32_MAX, &command->terms_version) &&
              wire_int(object, "n", INT64_MAX, &command->version) &&
              wire_int(object, "e", WIRE_TIME_MAX_MS, &command->end_ms) &&
              wire_int(object, "o", WIRE_TIME_MAX_MS, &command->since_ms) && wire_uuid(object, "b", &command->target) &&
              wire_uuid(object, "g", &command->reply_to) &&
              wire_text(object, "q", command->request_id, sizeof command->request_id) &&
              wire_text(object, "p", command->traceparent, sizeof command->traceparent) &&
              wire_bool(object, "y", &command->keyed);
    return ok ? check_command(command) : "a member is malformed";
}

bool message_read_commands(const void *bytes, size_t length, struct command_item *items, size_t items_max,
                           size_t *count, const char **reason)
{
    struct json *root = json_parse(bytes, length, reason);
    if (root == NULL) {
        return false;
    }
    const struct json *array = wire_array(root, "commands", MESSAGE_VERSION, reason);
    bool ok = array != NULL;
    size_t filled = 0;
    for (const struct json *value = ok ? array->child : NULL; value != NULL; value = value->next) {
        if (filled == items_max) {
            *reason = "too many commands in the message";
            ok = false;
            break;
        }
        struct command_item *item = &items[filled++];
        item->reason = read_command(value, &item->command);
        if (item->reason == NULL && !uuid_equal(&item->command.auction_id, &items[0].command.auction_id)) {
            item->reason = "another auction than the first command";
        }
        item->readable = item->reason == NULL;
    }
    json_free(root);
    *count = filled;
    return ok;
}

const char *message_event_text(enum event_kind kind)
{
    assert(kind > EVENT_NONE && (size_t)kind < EVENT_KIND_COUNT);
    return event_names[kind];
}

bool message_auction(const struct json *root, struct uuid *auction_id)
{
    const struct json *commands = json_member(root, "commands");
    return commands != NULL && commands->type == JSON_ARRAY && commands->child != NULL &&
           json_get_uuid(commands->child, "a", auction_id);
}

static void write_event(struct jsonw *writer, const struct auction_event *event)
{
    jsonw_object(writer);
    jsonw_put_string(writer, "k", message_event_text(event->kind));
    jsonw_put_uuid(writer, "a", &event->auction_id);
    wire_put_uuid(writer, "u", &event->user_id);
    wire_put_int(writer, "m", event->amount);
    wire_put_int(writer, "n", event->version);
    jsonw_put_int(writer, "d", event->at_ms);
    wire_put_int(writer, "e", event->end_ms);
    wire_put_text(writer, "p", event->traceparent);
    jsonw_end_object(writer);
}

void message_write_events(struct jsonw *writer, const struct auction_event *events, size_t count)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", MESSAGE_VERSION);
    jsonw_name(writer, "events");
    jsonw_array(writer);
    for (size_t i = 0; i < count; i++) {
        write_event(writer, &events[i]);
    }
    jsonw_end_array(writer);
    jsonw_end_object(writer);
}

static bool read_event(const struct json *object, struct auction_event *event)
{
    size_t kind = 0;
    *event = (struct auction_event){.kind = EVENT_NONE};
    if (!wire_name(event_names, EVENT_KIND_COUNT, object, "k", &kind)) {
        return false;
    }
    event->kind = (enum event_kind)kind;
    return json_get_uuid(object, "a", &event->auction_id) && wire_uuid(object, "u", &event->user_id) &&
           wire_int(object, "m", MONEY_MAX, &event->amount) && wire_int(object, "n", INT64_MAX, &event->version) &&
           json_get_int(object, "d", 0, WIRE_TIME_MAX_MS, &event->at_ms) &&
           wire_int(object, "e", WIRE_TIME_MAX_MS, &event->end_ms) &&
           wire_text(object, "p", event->traceparent, sizeof event->traceparent);
}

bool message_read_events(const void *bytes, size_t length, struct auction_event *events, size_t events_max,
                         size_t *count, const char **reason)
{
    struct json *root = json_parse(bytes, length, reason);
    if (root == NULL) {
        return false;
    }
    const struct json *array = wire_array(root, "events", MESSAGE_VERSION, reason);
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

void message_write_decision(struct jsonw *writer, const struct decision *decision)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", MESSAGE_VERSION);
    jsonw_put_string(writer, "k", command_kind_text(decision->kind));
    jsonw_put_uuid(writer, "i", &decision->bid_id);
    jsonw_put_uuid(writer, "a", &decision->auction_id);
    wire_put_uuid(writer, "u", &decision->user_id);
    wire_put_int(writer, "m", decision->amount);
    wire_put_int(writer, "x", decision->max_amount);
    jsonw_put_int(writer, "r", decision->received_ms);
    jsonw_put_int(writer, "d", decision->decided_ms);
    wire_put_int(writer, "n", decision->version);
    jsonw_put_string(writer, "s", bid_status_text(decision->status));
    wire_put_text(writer, "w", rules_reason_text(decision->reason));
    jsonw_end_object(writer);
}

void message_decision_outcome(struct decision *decision, const char *status, const char *reason)
{
    if (!bid_status_parse(status, &decision->status) || !rules_reason_parse(reason, &decision->reason)) {
        decision->status = BID_REJECTED;
        decision->reason = RULES_INTERNAL_ERROR;
    }
}

static bool read_outcome(const struct json *root, struct decision *decision)
{
    const char *status = NULL;
    const char *reason = "";
    if (!json_get_text(root, "s", &status) || !bid_status_parse(status, &decision->status) ||
        decision->status == BID_PENDING || decision->status == BID_VOIDED) {
        return false;
    }
    return (json_member(root, "w") == NULL || json_get_text(root, "w", &reason)) &&
           rules_reason_parse(reason, &decision->reason);
}

static bool read_decision(const struct json *root, struct decision *decision)
{
    int64_t version = 0;
    const char *kind = NULL;
    *decision = (struct decision){.kind = COMMAND_NONE};
    if (!json_get_int(root, "v", MESSAGE_VERSION, MESSAGE_VERSION, &version) || !json_get_text(root, "k", &kind) ||
        !command_kind_parse(kind, &decision->kind)) {
        return false;
    }
    return json_get_uuid(root, "i", &decision->bid_id) && json_get_uuid(root, "a", &decision->auction_id) &&
           wire_uuid(root, "u", &decision->user_id) && wire_int(root, "m", MONEY_MAX, &decision->amount) &&
           wire_int(root, "x", MONEY_MAX, &decision->max_amount) &&
           json_get_int(root, "r", 0, WIRE_TIME_MAX_MS, &decision->received_ms) &&
           json_get_int(root, "d", 0, WIRE_TIME_MAX_MS, &decision->decided_ms) &&
           wire_int(root, "n", INT64_MAX, &decision->version) && read_outcome(root, decision);
}

bool message_read_decision(const void *bytes, size_t length, struct decision *decision)
{
    struct json *root = json_parse(bytes, length, NULL);
    bool ok = root != NULL && read_decision(root, decision);
    json_free(root);
    return ok;
}

static const char *const user_signal_names[] = {[USER_SIGNAL_CHECK] = "check", [USER_SIGNAL_NOTICE] = "notice"};
static_assert(ARRAY_LEN(user_signal_names) == USER_SIGNAL_COUNT, "each signal has a word");

void message_write_user_signal(struct jsonw *writer, const struct user_signal *user_signal)
{
    jsonw_object(writer);
    jsonw_put_int(writer, "v", MESSAGE_VERSION);
    jsonw_put_string(writer, "t", user_signal_names[user_signal->kind]);
    wire_put_uuid(writer, "i", &user_signal->id);
    jsonw_end_object(writer);
}

static bool read_user_signal(const struct json *root, struct user_signal *user_signal)
{
    size_t kind = 0;
    int64_t version = 0;
    if (!json_get_int(root, "v", MESSAGE_VERSION, MESSAGE_VERSION, &version) ||
        !wire_name(user_signal_names, USER_SIGNAL_COUNT, root, "t", &kind)) {
        return false;
    }
    *user_signal = (struct user_signal){.kind = (enum user_signal_kind)kind};
    return wire_uuid(root, "i", &user_signal->id);
}

bool message_read_user_signal(const void *bytes, size_t length, struct user_signal *user_signal)
{
    struct json *root = json_parse(bytes, length, NULL);
    bool ok = root != NULL && read_user_signal(root, user_signal);
    json_free(root);
    return ok;
}
