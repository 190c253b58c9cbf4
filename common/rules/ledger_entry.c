/*
 * See ledger_entry.h.
 */
#include "common/rules/ledger_entry.h"

#include <string.h>

bool ledger_entry_is_public(const struct ledger_entry *entry)
{
    bool bids = entry->kind == RULES_BID || entry->kind == RULES_PROXY || entry->kind == RULES_BUY;
    bool valid = entry->verdict == RULES_ACCEPTED || entry->verdict == RULES_OUTBID;
    return bids && valid && entry->effective && entry->amount > 0;
}

bool ledger_entry_in_history(const struct ledger_entry *entry)
{
    return ledger_entry_is_public(entry) && !entry->raise;
}

int64_t ledger_entry_amount(const struct ledger_entry *entry)
{
    bool spent = entry->kind == RULES_PROXY && !entry->answer && entry->verdict == RULES_OUTBID;
    return spent ? entry->max_amount : entry->amount;
}

bool ledger_entry_is_automatic(const struct ledger_entry *entry)
{
    return entry->kind == RULES_PROXY;
}

bool ledger_entry_parse(const char *kind, const char *status, struct ledger_entry *entry)
{
    static const struct {
        const char *text;
        enum rules_verdict verdict;
    } statuses[] = {{"accepted", RULES_ACCEPTED}, {"outbid", RULES_OUTBID}, {"rejected", RULES_REJECTED}};
    enum rules_kind read = RULES_PROXY;
    bool answer = strcmp(kind, "auto") == 0;
    if (!answer && !rules_kind_parse(kind, &read)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        if (strcmp(status, statuses[i].text) == 0) {
            entry->kind = read;
            entry->answer = answer;
            entry->verdict = statuses[i].verdict;
            return true;
        }
    }
    return false;
}
