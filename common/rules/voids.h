/*
 * A bid is voided (API.md, rule 11): price, lead and outcome become what they would be had it never been. Pure, like
 * the rules that it replays by; called by decide, and by `rostrumctl verify`.
 *
 * What remains of an auction's bids and withdrawals is decided again in its order, on its present terms, which are the
 * ones it was placed on: terms change only while there is no bid. What was allowed, in time and enough stays so
 * (`again` in rules.h): else a raise, for which no minimum holds, could be lost when it becomes a bid. The end stays
 * where it is, and no extension is given back or used up.
 *
 * Without a bid nobody's maximum, and so no price, is higher than with it, and a minimum bid never falls when the price
 * rises (increments.h). Hence every bid that counted still does; one that took the lead still takes or holds it; one
 * that was beaten may take it now. An automatic answer may lapse, or be of another amount, but none appears where there
 * was none, and none becomes another bidder's: the bid that it answers was above everyone else's maximum already. What
 * an entry counts as from now on can be kept beside it.
 */
#ifndef ROSTRUM_COMMON_RULES_VOIDS_H
#define ROSTRUM_COMMON_RULES_VOIDS_H

#include "common/rules/rules.h"

/*
 * Entries in the ledger of an auction, refused ones included, up to which a bid of it can be voided: they are read,
 * replayed and at worst all written again within one batch, while the shard's other bids wait. 50,000 took 1.3 s on two
 * cores; this many stay far from pg_timeout_ms on a slower machine too. Beyond: RULES_TOO_MANY_BIDS.
 */
enum { VOIDS_LEDGER_MAX = 20000 };

/* What an entry counts as: its effective values, kept beside what was decided. */
struct voids_standing {
    bool effective; /* false: voided, or voided with another bid; the rest is then empty */
    enum rules_verdict verdict;
    bool raise;
    int64_t amount;
    bool answered; /* the next entry is a proxy's automatic answer, and stands */
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
    bool answered; /* the next entry of the ledger is an automatic answer, whether it stands or not */
    bool changed;  /* by voids_decide: `standing` differs from what it was */
    struct voids_standing standing;
};

/* Of one auction, in the order of deciding; all zero is an empty one. */
struct voids_list {
    struct voids_entry *entries;
    size_t count;
    size_t size;
};

/* Makes room for `more` entries; false without memory. */
MUST_CHECK bool voids_reserve(struct voids_list *list, size_t more);
/*
 * Adds what was decided of a command, if it is of those that can matter; there must be room. `seq` is of its ledger
 * row. NULL if it does not matter; else the entry, until the next one.
 */
struct voids_entry *voids_add(struct voids_list *list, const struct rules_command *command,
                              const struct rules_decision *decision, int64_t seq);
void voids_free(struct voids_list *list);

/*
 * Decides COMMAND_VOID and COMMAND_RETRACT, and changes the auction and the entries accordingly. `seq` is of the newest
 * ledger row; beyond VOIDS_LEDGER_MAX the list is not looked at. A settled auction is settled anew.
 */
struct rules_decision voids_decide(struct rules_auction *auction, const struct rules_command *command,
                                   struct voids_list *list, int64_t seq);

#endif
