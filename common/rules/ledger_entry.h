/*
 * Which entries of the ledger are public, and with which amount (rule 9). Pure.
 *
 * The view `public_bids` (schema/0004-ledger.sql) says the same in SQL, for readers of the ledger. This says it for
 * entries that are decided but not yet read back: the bid worker's live updates and leaderboards. The test
 * public_bids_test compares the two, row by row.
 *
 * Invariant: only bids, maximums, purchases and automatic answers that are accepted or outbid, and not voided, are
 * public. Callers: bidworker/live_updates.c, bidworker/results.c.
 */
#ifndef ROSTRUM_COMMON_RULES_LEDGER_ENTRY_H
#define ROSTRUM_COMMON_RULES_LEDGER_ENTRY_H

#include "common/rules/rules.h"

/* An entry with its effective values: as decided, or as restated since a bid was voided. */
struct ledger_entry {
    enum command_kind kind; /* of an automatic answer COMMAND_PROXY: the maximum that it is made for */
    bool answer;          /* an automatic answer ("auto" in the ledger) */
    bool effective;       /* not voided */
    enum rules_verdict verdict;
    bool raise;
    int64_t amount;     /* 0: none */
    int64_t max_amount; /* of a proxy; 0: none */
};

/* Whether the entry counts in public: for the leaderboard, and, unless it is a raise, in the history. */
bool ledger_entry_is_public(const struct ledger_entry *entry);
/* Whether the public history shows the entry. */
bool ledger_entry_in_history(const struct ledger_entry *entry);
/* The amount that everybody may see of a public entry: a maximum that was beaten at once, else the price. */
int64_t ledger_entry_amount(const struct ledger_entry *entry);
/* Whether the deployment made the bid, up to a maximum ("isProxyBid" in the API). */
bool ledger_entry_is_automatic(const struct ledger_entry *entry);

/*
 * Reads the ledger's words for kind ("bid", "auto") and status ("accepted", "outbid", "rejected") into the entry.
 * False, with the entry unchanged, if one of them is unknown.
 */
MUST_CHECK bool ledger_entry_parse(const char *kind, const char *status, struct ledger_entry *entry);

#endif
