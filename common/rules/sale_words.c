/*
 * See sale_words.h. All tables are generated from the lists, so none can lack a word.
 */
#include "common/rules/sale_words.h"

#include <assert.h>
#include <string.h>

#include "common/base/names.h"

#define COMMAND_TEXT(name, word) [SALE_COMMAND_##name] = (word),
#define STATUS_TEXT(name, word)  [SALE_##name] = (word),
#define ENTRY_TEXT(name, word)   [SALE_ENTRY_##name] = (word),
#define ORDER_TEXT(name, word)   [SALE_ORDER_##name] = (word),
#define PAYMENT_TEXT(name, word) [SALE_PAYMENT_##name] = (word),
#define VERDICT_TEXT(name, word) [SALE_VERDICT_##name] = (word),
#define REASON_TEXT(name)        [SALE_REASON_##name] = #name,
static const char *const commands[SALE_COMMAND_KIND_COUNT] = {SALE_COMMANDS(COMMAND_TEXT)};
static const char *const rows[SALE_COMMAND_KIND_COUNT] = {[SALE_COMMAND_NONE] = SALE_LEDGER_TURN,
                                                          SALE_COMMANDS(COMMAND_TEXT)};
static const char *const statuses[SALE_STATUS_COUNT] = {SALE_STATUSES(STATUS_TEXT)};
static const char *const entries[SALE_ENTRY_STATUS_COUNT] = {SALE_ENTRY_STATUSES(ENTRY_TEXT)};
static const char *const orders[SALE_ORDER_STATUS_COUNT] = {SALE_ORDER_STATUSES(ORDER_TEXT)};
static const char *const payments[SALE_PAYMENT_COUNT] = {SALE_PAYMENTS(PAYMENT_TEXT)};
static const char *const verdicts[SALE_VERDICT_COUNT] = {SALE_VERDICTS(VERDICT_TEXT)};
static const char *const reasons[SALE_REASON_COUNT] = {[SALE_REASON_NONE] = "", SALE_REASONS(REASON_TEXT)};

/* The functions of one list: name_text and name_parse. */
/* NOLINTBEGIN(bugprone-macro-parentheses): types and names stand without parentheses. */
#define TEXT_AND_PARSE(name, type, table)                                                                              \
    const char *name##_text(type value)                                                                                \
    {                                                                                                                  \
        assert((size_t)value < ARRAY_LEN(table) && (table)[value] != NULL);                                            \
        return (table)[value];                                                                                         \
    }                                                                                                                  \
    bool name##_parse(const char *text, type *value)                                                                   \
    {                                                                                                                  \
        size_t index = 0;                                                                                              \
        bool found = names_find(table, ARRAY_LEN(table), text, strlen(text), &index);                                  \
        *value = found ? (type)index : *value;                                                                         \
        return found;                                                                                                  \
    }

TEXT_AND_PARSE(sale_command, enum sale_command_kind, commands)
TEXT_AND_PARSE(sale_ledger, enum sale_command_kind, rows)
TEXT_AND_PARSE(sale_status, enum sale_status, statuses)
TEXT_AND_PARSE(sale_entry, enum sale_entry_status, entries)
TEXT_AND_PARSE(sale_order, enum sale_order_status, orders)
TEXT_AND_PARSE(sale_payment, enum sale_payment, payments)
TEXT_AND_PARSE(sale_verdict, enum sale_verdict, verdicts)
TEXT_AND_PARSE(sale_reason, enum sale_reason, reasons)
/* NOLINTEND(bugprone-macro-parentheses) */
