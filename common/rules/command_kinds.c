/*
 * See command_kinds.h. All tables are generated from the list, so none can lack a kind.
 */
#include "common/rules/command_kinds.h"

#include <assert.h>
#include <string.h>

#include "common/base/names.h"

#define MESSAGE_TEXT(name, message, ledger, group, carries) [COMMAND_##name] = (message),
#define LEDGER_TEXT(name, message, ledger, group, carries)  [COMMAND_##name] = (ledger),
#define GROUP(name, message, ledger, group, carries)        [COMMAND_##name] = COMMAND_GROUP_##group,
#define CARRIES(name, message, ledger, group, carries)      [COMMAND_##name] = COMMAND_CARRIES_##carries,
static const char *const message_texts[COMMAND_KIND_COUNT] = {COMMAND_KINDS(MESSAGE_TEXT)};
static const char *const ledger_texts[COMMAND_KIND_COUNT] = {COMMAND_KINDS(LEDGER_TEXT)};
static const enum command_group groups[COMMAND_KIND_COUNT] = {COMMAND_KINDS(GROUP)};
static const enum command_carries carried[COMMAND_KIND_COUNT] = {COMMAND_KINDS(CARRIES)};

/* An empty word could not be distinguished from an absent one. */
#define CHECK_TEXTS(name, message, ledger, group, carries)                                                             \
    static_assert(sizeof(message) > 1 && sizeof(ledger) > 1, "COMMAND_" #name " needs its words");
COMMAND_KINDS(CHECK_TEXTS)

static const char *text_of(const char *const *texts, enum command_kind kind)
{
    assert(kind > COMMAND_NONE && (size_t)kind < COMMAND_KIND_COUNT);
    return texts[kind];
}

static bool parse(const char *const *texts, const char *text, enum command_kind *kind)
{
    size_t index = 0;
    if (!names_find(texts, COMMAND_KIND_COUNT, text, strlen(text), &index)) {
        return false;
    }
    *kind = (enum command_kind)index;
    return true;
}

const char *command_kind_text(enum command_kind kind)
{
    return text_of(message_texts, kind);
}

bool command_kind_parse(const char *text, enum command_kind *kind)
{
    return parse(message_texts, text, kind);
}

const char *command_kind_ledger_text(enum command_kind kind)
{
    return text_of(ledger_texts, kind);
}

bool command_kind_ledger_parse(const char *text, enum command_kind *kind)
{
    return parse(ledger_texts, text, kind);
}

enum command_group command_kind_group(enum command_kind kind)
{
    assert((size_t)kind < COMMAND_KIND_COUNT);
    return groups[kind];
}

enum command_carries command_kind_carries(enum command_kind kind)
{
    assert((size_t)kind < COMMAND_KIND_COUNT);
    return carried[kind];
}

bool command_kind_is_bid(enum command_kind kind)
{
    return command_kind_group(kind) == COMMAND_GROUP_BID;
}

bool command_kind_is_scheduled(enum command_kind kind)
{
    return command_kind_group(kind) == COMMAND_GROUP_SCHEDULE;
}

bool command_kind_voids(enum command_kind kind)
{
    return command_kind_group(kind) == COMMAND_GROUP_VOID;
}
