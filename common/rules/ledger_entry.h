/*
 * Which ledger entries are public, and with which amount (rule 9). Pure.
 *
 * The view `public_bids` (schema/0004-ledger.sql) defines the same in SQL, for readers of the ledger. This module
 * serves entries that are decided but not yet read back: the bid worker's live updates and leaderboards.
 * public_bids_test compares both, row by row.
 *
 * Invariant: an entry is public only if it is a bid, maximum, purchase or automatic answer that was accepted or outbid,
 * and not voided. Callers: bidworker/live_updates.c, bidworker/results.c.
 */
#ifndef ROSTRUM_COMMON_RULES_LEDGER_ENTRY_H
#define ROSTRUM_COMMON_RULES_LEDGER_ENTRY_H

#include "common/rules/rules.h"

/* An entry with its effective values: as decided, or as restated after a bid was voided. */
struct ledger_entry {
    enum command_kind kind; /* COMMAND_PROXY for an automatic answer: its maximum made the bid */
    bool answer;            /* an automatic answer ("auto" in the ledger) */
    bool effective;         /* not voided */
    enum rules_verdict verdict;
    bool raise;
    int64_t amount;     /* 0: none */
    int64_t max_amount; /* of a proxy; 0: none */
};

/* Whether the entry is public: it counts for the leaderboard, and it is in the history unless it is a raise. */
bool ledger_entry_is_public(const struct ledger_entry *entry);
/* Whether the public history shows the entry. */
bool ledger_entry_in_history(const struct ledger_entry *entry);
/* The public amount of a public entry: the maximum if it was beaten at once, else the price. */
int64_t ledger_entry_amount(const struct ledger_entry *entry);
/* Whether the deployment placed the bid, within a maximum ("isProxyBid" in the API). */
bool ledger_entry_is_automatic(const struct ledger_entry *entry);

/*
 * Parses the ledger's words for kind ("bid", "auto") and status ("accepted", "outbid", "rejected") into the entry.
 * False if a word is unknown; the entry is then unchanged.
 */
MUST_CHECK bool ledger_entry_parse(const char *kind, const char *status, struct ledger_entry *entry);

#endif
