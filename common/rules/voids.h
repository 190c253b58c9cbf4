/*
 * Voids a bid (docs/bidding-rules.md): price, lead and outcome become as if the bid had never been placed. Pure.
 * Callers: bidworker/decide.c and `rostrumctl verify`.
 *
 * The remaining bids and withdrawals of the auction are replayed by the rules, in their order. They are replayed on the
 * present terms, which are those they were placed on: terms change only before the first bid. A replayed bid is not
 * checked again for permission, time and minimum (`again` in rules.h). Otherwise a raise, which needs no minimum, could
 * be refused when it becomes a bid. The end does not move, and the number of used extensions stays the same.
 *
 * Without a bid, no maximum and therefore no price is higher than with it. A minimum bid never falls when the price
 * rises (increments.h). So:
 *   - every bid that counted still counts;
 *   - a bid that took the lead still takes or holds it; a beaten bid may take it now;
 *   - an automatic answer may vanish or change its amount, but no new one appears, and none changes its bidder: the bid
 *     that it answers was already above all other maximums.
 * Therefore the effective values of an entry can be kept in its own row.
 */
#ifndef ROSTRUM_COMMON_RULES_VOIDS_H
#define ROSTRUM_COMMON_RULES_VOIDS_H

#include "common/rules/rules.h"

/*
 * The number of ledger entries, including rejected ones, up to which a bid of an auction can be voided; above it:
 * RULES_TOO_MANY_BIDS. All entries are read, replayed and at worst written again within one batch, while the shard's
 * other bids wait. 50,000 took 1.3 s on two cores; this limit stays far below pg_timeout_ms on a slower machine too.
 */
enum { VOIDS_LEDGER_MAX = 20000 };

/* The effective values of an entry, kept beside the values that were decided. */
struct voids_standing {
    bool effective; /* false: voided, or without effect after another bid was voided; the rest is then empty */
    enum rules_verdict verdict;
    bool raise;
    int64_t amount;
    bool answered; /* the next entry is a proxy's automatic answer, and is effective */
    struct uuid answer_bidder;
    int64_t answer_amount;
};

/* A bid, maximum, purchase or withdrawal that was accepted or outbid. */
struct voids_entry {
    enum command_kind kind;
    int64_t seq;
    struct uuid id;
    struct uuid bidder_id;
    int64_t amount; /* as in struct rules_command */
    int64_t received_ms;
    bool answered; /* the next ledger entry is an automatic answer, effective or not */
    bool changed;  /* set by voids_decide: `standing` differs from before */
    struct voids_standing standing;
};

/* The entries of one auction, in the order of the ledger. A zeroed struct is an empty list. */
struct voids_list {
    struct voids_entry *entries;
    size_t count;
    size_t size;
};

/* Makes room for `more` further entries; false without memory. */
MUST_CHECK bool voids_reserve(struct voids_list *list, size_t more);
/*
 * Appends a decided command if a replay needs it; there must be room. `seq` is that of its ledger row. Returns the
 * entry, valid until the next call, or NULL if a replay does not need the command.
 */
struct voids_entry *voids_add(struct voids_list *list, const struct rules_command *command,
                              const struct rules_decision *decision, int64_t seq);
void voids_free(struct voids_list *list);

/*
 * Decides COMMAND_VOID and COMMAND_RETRACT, and changes the auction and the entries accordingly. `seq` is that of the
 * newest ledger row; above VOIDS_LEDGER_MAX the list is not read. A settled auction gets a new outcome.
 */
struct rules_decision voids_decide(struct rules_auction *auction, const struct rules_command *command,
                                   struct voids_list *list, int64_t seq);

#endif
