/*
 * See message.h. Short member names keep the frequent messages small:
 *   i id           a auction      u user           k kind         m amount        r received
 *   t terms version               n version        e end          g reply-to      y keyed
 *   q request id   p traceparent  b bid            o oldest time  x maximum       d decided
 *   c price seen
 *   s status       w reason       t signal (in a user signal)     v version of the message
 */
#include "common/protocol/message.h"

#include <assert.h>

#include "common/base/money.h"
#include "common/protocol/wire.h"

enum {
    MESSAGE_VERSION = 1,
    COMMANDS_SEVERAL = 2, /* version of a message with commands to several auctions; older workers cannot read it */
};

/* The words of enumerations, by value. */
#define COMMAND_WORD(name, message, ledger, group, carries) [COMMAND_##name] = (message),
#define EVENT_WORD(name, text)                              [EVENT_##name] = (text),
#define STATUS_WORD(name, text)                             [BID_##name] = (text),
#define REASON_WORD(name)                                   [RULES_##name] = #name,
static const char *const command_words[] = {COMMAND_KINDS(COMMAND_WORD)};
static const char *const event_words[] = {EVENT_KINDS(EVENT_WORD)};
static const char *const status_words[] = {BID_STATUSES(STATUS_WORD)};
static const char *const reason_words[] = {RULES_REASONS(REASON_WORD)};
static const char *const signal_words[] = {[USER_SIGNAL_CHECK] = "check", [USER_SIGNAL_NOTICE] = "notice"};
static_assert(ARRAY_LEN(signal_words) == USER_SIGNAL_COUNT, "each signal has a word");

static const struct wire_member command_members[] = {
    WIRE_MEMBER_WORD(struct command, kind, "k", WIRE_ALWAYS, command_words),
    WIRE_MEMBER(struct command, id, "i", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct command, auction_id, "a", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct command, user_id, "u", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct command, amount, "m", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct command, price, "c", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct command, received_ms, "r", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct command, terms_version, "t", WIRE_OPTIONAL, INT32_MAX),
    WIRE_MEMBER(struct command, version, "n", WIRE_OPTIONAL, INT64_MAX),
    WIRE_MEMBER(struct command, end_ms, "e", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct command, target, "b", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct command, since_ms, "o", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct command, reply_to, "g", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct command, keyed, "y", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct command, request_id, "q", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct command, traceparent, "p", WIRE_OPTIONAL, 0),
};
static const struct wire_table of_command = WIRE_TABLE(command_members);

static const struct wire_member event_members[] = {
    WIRE_MEMBER_WORD(struct auction_event, kind, "k", WIRE_ALWAYS, event_words),
    WIRE_MEMBER(struct auction_event, auction_id, "a", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct auction_event, user_id, "u", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct auction_event, amount, "m", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct auction_event, version, "n", WIRE_OPTIONAL, INT64_MAX),
    WIRE_MEMBER(struct auction_event, at_ms, "d", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct auction_event, end_ms, "e", WIRE_OPTIONAL, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct auction_event, traceparent, "p", WIRE_OPTIONAL, 0),
};
static const struct wire_table of_event = WIRE_TABLE(event_members);

static const struct wire_member decision_members[] = {
    WIRE_MEMBER_WORD(struct decision, kind, "k", WIRE_ALWAYS, command_words),
    WIRE_MEMBER(struct decision, bid_id, "i", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct decision, auction_id, "a", WIRE_ALWAYS, 0),
    WIRE_MEMBER(struct decision, user_id, "u", WIRE_OPTIONAL, 0),
    WIRE_MEMBER(struct decision, amount, "m", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct decision, max_amount, "x", WIRE_OPTIONAL, MONEY_MAX),
    WIRE_MEMBER(struct decision, received_ms, "r", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct decision, decided_ms, "d", WIRE_ALWAYS, WIRE_TIME_MAX_MS),
    WIRE_MEMBER(struct decision, version, "n", WIRE_OPTIONAL, INT64_MAX),
    WIRE_MEMBER_WORD(struct decision, status, "s", WIRE_ALWAYS, status_words),
    WIRE_MEMBER_WORD(struct decision, reason, "w", WIRE_OPTIONAL, reason_words),
};
static const struct wire_table of_decision = WIRE_TABLE(decision_members);

static const struct wire_member signal_members[] = {
    WIRE_MEMBER_WORD(struct user_signal, kind, "t", WIRE_ALWAYS, signal_words),
    WIRE_MEMBER(struct user_signal, id, "i", WIRE_OPTIONAL, 0),
};
static const struct wire_table of_signal = WIRE_TABLE(signal_members);

/* --- commands --- */

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
    if (command->price != 0 && command->kind != COMMAND_BUY) {
        return "price not allowed for this kind";
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

static const char *read_item(const struct json *object, void *items, size_t index)
{
    struct command_item *item = (struct command_item *)items + index;
    item->command = (struct command){.kind = COMMAND_NONE};
    item->reason = wire_read_members(object, &of_command, &item->command);
    if (item->reason == NULL) {
        item->reason = check_command(&item->command);
    }
    item->readable = item->reason == NULL;
    return NULL;
}

void message_write_commands(struct jsonw *writer, const struct command *commands, size_t count)
{
    int64_t version = MESSAGE_VERSION;
    for (size_t i = 1; i < count && version == MESSAGE_VERSION; i++) {
        version = uuid_equal(&commands[i].auction_id, &commands[0].auction_id) ? MESSAGE_VERSION : COMMANDS_SEVERAL;
    }
    wire_write_list(writer, "commands", version, &of_command, commands, sizeof *commands, count);
}

bool message_read_commands(const void *bytes, size_t length, struct command_item *items, size_t items_max,
                           size_t *count, const char **reason)
{
    return wire_read_list(bytes, length, "commands", COMMANDS_SEVERAL, read_item, items, items_max, count, reason);
}

bool message_auction(const struct json *root, struct uuid *auction_id)
{
    return wire_first_uuid(root, "commands", "a", auction_id);
}

/* --- events --- */

const char *message_event_text(enum event_kind kind)
{
    assert(kind > EVENT_NONE && (size_t)kind < EVENT_KIND_COUNT);
    return event_words[kind];
}

static const char *read_event(const struct json *object, void *events, size_t index)
{
    struct auction_event *event = (struct auction_event *)events + index;
    *event = (struct auction_event){.kind = EVENT_NONE};
    return wire_read_members(object, &of_event, event);
}

void message_write_events(struct jsonw *writer, const struct auction_event *events, size_t count)
{
    wire_write_list(writer, "events", MESSAGE_VERSION, &of_event, events, sizeof *events, count);
}

bool message_read_events(const void *bytes, size_t length, struct auction_event *events, size_t events_max,
                         size_t *count, const char **reason)
{
    return wire_read_list(bytes, length, "events", MESSAGE_VERSION, read_event, events, events_max, count, reason);
}

/* --- decisions and signals --- */

void message_write_decision(struct jsonw *writer, const struct decision *decision)
{
    wire_write_object(writer, MESSAGE_VERSION, &of_decision, decision);
}

void message_decision_outcome(struct decision *decision, const char *status, const char *reason)
{
    if (!bid_status_parse(status, &decision->status) || !rules_reason_parse(reason, &decision->reason)) {
        decision->status = BID_REJECTED;
        decision->reason = RULES_INTERNAL_ERROR;
    }
}

bool message_read_decision(const void *bytes, size_t length, struct decision *decision)
{
    *decision = (struct decision){.kind = COMMAND_NONE};
    return wire_read_object(bytes, length, MESSAGE_VERSION, &of_decision, decision) &&
           decision->status != BID_PENDING && decision->status != BID_VOIDED;
}

void message_write_user_signal(struct jsonw *writer, const struct user_signal *user_signal)
{
    wire_write_object(writer, MESSAGE_VERSION, &of_signal, user_signal);
}

bool message_read_user_signal(const void *bytes, size_t length, struct user_signal *user_signal)
{
    *user_signal = (struct user_signal){.kind = USER_SIGNAL_CHECK};
    return wire_read_object(bytes, length, MESSAGE_VERSION, &of_signal, user_signal);
}
