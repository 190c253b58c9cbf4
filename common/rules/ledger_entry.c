/*
 * See ledger_entry.h.
 */
#include "common/rules/ledger_entry.h"

#include <string.h>

#include "common/rules/bid_status.h"

bool ledger_entry_is_public(const struct ledger_entry *entry)
{
    bool bids = entry->kind == COMMAND_BID || entry->kind == COMMAND_PROXY || entry->kind == COMMAND_BUY;
    bool valid = entry->verdict == RULES_ACCEPTED || entry->verdict == RULES_OUTBID;
    return bids && valid && entry->effective && entry->amount > 0;
}

bool ledger_entry_in_history(const struct ledger_entry *entry)
{
    return ledger_entry_is_public(entry) && !entry->raise;
}

int64_t ledger_entry_amount(const struct ledger_entry *entry)
{
    bool spent = entry->kind == COMMAND_PROXY && !entry->answer && entry->verdict == RULES_OUTBID;
    return spent ? entry->max_amount : entry->amount;
}

bool ledger_entry_is_automatic(const struct ledger_entry *entry)
{
    return entry->kind == COMMAND_PROXY;
}

bool ledger_entry_parse(const char *kind, const char *status, struct ledger_entry *entry)
{
    enum command_kind read = COMMAND_PROXY;
    bool answer = strcmp(kind, LEDGER_AUTOMATIC) == 0;
    if (!answer && !command_kind_ledger_parse(kind, &read)) {
        return false;
    }
    enum bid_status parsed = BID_REJECTED;
    bool decided =
        bid_status_parse(status, &parsed) && (parsed == BID_ACCEPTED || parsed == BID_OUTBID || parsed == BID_REJECTED);
    if (decided) {
        entry->kind = read;
        entry->answer = answer;
        entry->verdict = bid_status_verdict(parsed);
    }
    return decided;
}
