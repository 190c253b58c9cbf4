/*
 * The rules of bidding (API.md, "The rules of bidding", 1 to 11), and nothing else: no I/O, no clock, no memory of its
 * own. The bid worker decides by them, `rostrumctl verify` replays the ledger by them. Amounts are minor units,
 * times milliseconds since the epoch.
 *
 * Invariants after every call: the price never falls (but when a bid is voided: voids.h) and never exceeds the leader's
 * maximum; the leader holds the earliest highest maximum; no two accepted entries with an amount in the public history
 * have the same amount; end_ms never shrinks but by a seller's update, which comes before the first bid, and by an end
 * at once.
 */
#ifndef ROSTRUM_COMMON_RULES_RULES_H
#define ROSTRUM_COMMON_RULES_RULES_H

#include "common/base/ids.h"
#include "common/base/money.h"
#include "common/rules/command_kinds.h"
#include "common/rules/increments.h"

/* Of an auction. X(name, text) */
#define RULES_STATUSES(X)                                                                                              \
    X(DRAFT, "draft")                                                                                                  \
    X(SCHEDULED, "scheduled")                                                                                          \
    X(ACTIVE, "active")                                                                                                \
    X(ENDED, "ended")                                                                                                  \
    X(SOLD, "sold")                                                                                                    \
    X(UNSOLD, "unsold")                                                                                                \
    X(CANCELLED, "cancelled")

enum rules_status {
    RULES_NO_STATUS, /* not known */
#define RULES_STATUS_ENUMERATOR(name, text) RULES_##name,
    RULES_STATUSES(RULES_STATUS_ENUMERATOR)
#undef RULES_STATUS_ENUMERATOR
};

#define RULES_STATUS_PLUS_ONE(name, text) +1
enum { RULES_STATUS_COUNT = 1 RULES_STATUSES(RULES_STATUS_PLUS_ONE) };
#undef RULES_STATUS_PLUS_ONE

struct rules_auction {
    /* terms */
    struct uuid seller_id;
    int64_t starting_price;
    int64_t reserve_price; /* 0: none */
    int64_t buy_now_price; /* 0: none; not below startingPrice and reserve */
    struct increments increments;
    int64_t snipe_window_ms; /* 0: off */
    int64_t snipe_extension_ms;
    int64_t snipe_max; /* -1: no cap */
    int64_t start_ms;
    int64_t terms_version;
    /* state */
    enum rules_status status;
    int64_t end_ms;
    int64_t extensions_used;
    int64_t price;     /* 0: no bid yet */
    int64_t bid_count; /* accepted and outbid, without automatic bids and raises */
    bool has_leader;
    struct uuid leader_id;
    struct uuid leader_bid_id;
    bool leader_by_proxy;
    int64_t leader_max;
    int64_t runner_up_max; /* best maximum of anyone else, 0: none */
};

/* What a seller may change before the first bid. As in struct rules_auction. */
struct rules_terms {
    int64_t starting_price;
    int64_t reserve_price;
    int64_t buy_now_price;
    struct increments increments;
    int64_t snipe_window_ms;
    int64_t snipe_extension_ms;
    int64_t snipe_max;
    int64_t start_ms;
    int64_t end_ms;
};

struct rules_command {
    enum command_kind kind;
    struct uuid id;
    struct uuid bidder_id;
    int64_t amount; /* COMMAND_BID: the bid, COMMAND_PROXY: the maximum */
    /* COMMAND_FENCE: everything received before this stands ahead of it (time of sending less fence_grace_ms) */
    int64_t received_ms;
    int64_t terms_version;           /* 0: not checked */
    bool banned;                     /* the bidder, at the time of deciding */
    bool stale;                      /* COMMAND_UPDATE: the auction is not any more as the sender saw it */
    int64_t end_ms;                  /* COMMAND_EXTEND: the end asked for */
    const struct rules_terms *terms; /* COMMAND_UPDATE: the new ones, else not looked at */
    struct uuid target;              /* COMMAND_VOID, COMMAND_RETRACT: the bid */
    int64_t since_ms;                /* COMMAND_RETRACT: bids received before cannot be taken back any more */
    /*
     * BID, PROXY, BUY, WITHDRAW: it was accepted or outbid before, and is replayed. What was asked of it then is not
     * asked again, but that it is above the price; it does not extend the auction.
     */
    bool again;
};

enum rules_verdict {
    RULES_ACCEPTED,
    RULES_OUTBID,
    RULES_REJECTED,
    RULES_DROPPED /* START, FENCE without effect: no entry */
};

/* X(name): the text is the name. The contract has an error code of each name (gateway/http/errors). */
#define RULES_REASONS(X)                                                                                               \
    X(BID_TOO_LOW)                                                                                                     \
    X(AUCTION_ENDED)                                                                                                   \
    X(AUCTION_NOT_STARTED)                                                                                             \
    X(AUCTION_CANCELLED)                                                                                               \
    X(OWN_AUCTION)                                                                                                     \
    X(USER_BANNED)                                                                                                     \
    X(MAXIMUM_NOT_RAISED)                                                                                              \
    X(NO_MAXIMUM) /* WITHDRAW by someone who does not lead by a proxy */                                               \
    X(TERMS_CHANGED)                                                                                                   \
    X(INVALID_AMOUNT)   /* not within 1..MONEY_MAX */                                                                  \
    X(INTERNAL_ERROR)   /* for what could not be decided */                                                            \
    X(NOT_FOUND)        /* no such auction; VOID, RETRACT: no such bid, or none that counted */                        \
    X(VERSION_CONFLICT) /* UPDATE: stale, or it would move the start of what has started */                            \
    X(HAS_BIDS)         /* UPDATE, CANCEL */                                                                           \
    X(BUY_NOW_GONE)     /* there is no buy-now price, or a bid met the reserve */                                      \
    X(END_NOT_LATER)    /* EXTEND */                                                                                   \
    X(BID_VOIDED)       /* VOID, RETRACT: it was before */                                                             \
    X(RETRACT_TOO_LATE)                                                                                                \
    X(TOO_MANY_BIDS) /* VOID, RETRACT: the ledger is longer than VOIDS_LEDGER_MAX */

enum rules_reason {
    RULES_NONE,
#define RULES_REASON_ENUMERATOR(name) RULES_##name,
    RULES_REASONS(RULES_REASON_ENUMERATOR)
#undef RULES_REASON_ENUMERATOR
};

#define RULES_REASON_PLUS_ONE(name) +1
enum { RULES_REASON_COUNT = 1 RULES_REASONS(RULES_REASON_PLUS_ONE) };
#undef RULES_REASON_PLUS_ONE

struct rules_decision {
    enum rules_verdict verdict;
    enum rules_reason reason;
    bool raise; /* rule 5: by the leader's own maximum; not in the public history */
    /* of the command's own entry: BID its amount; PROXY the price it led to, or if outbid its spent maximum; BUY the
     * price; else 0 */
    int64_t amount;
    bool automatic; /* a second entry follows: the standing proxy's answer (rule 4), accepted, isProxyBid */
    struct uuid automatic_bidder;
    int64_t automatic_amount;
    bool extended;       /* end_ms moved (rule 7), or was moved by EXTEND */
    bool lead_lost;      /* `loser` led until now */
    struct uuid loser;   /* also: whose bid was voided */
    bool loser_by_proxy; /* PROXY_EXHAUSTED rather than OUTBID */
    bool started;        /* the auction became active by this */
    bool ended;          /* by the fence, BUY or CLOSE */
    bool cancelled;
    bool voided;
};

/* Decides `command` and changes `auction` accordingly. */
struct rules_decision rules_decide(struct rules_auction *auction, const struct rules_command *command);
/* Rule 1. MONEY_MAX + 1 when no valid bid is possible any more. */
int64_t rules_minimum_bid(const struct rules_auction *auction);
/* Whether the auction can be bought at once: until a bid meets the reserve; with no reserve, until the first bid. */
bool rules_can_buy(const struct rules_auction *auction);
/* Rule 9, for an ended auction: RULES_SOLD or RULES_UNSOLD. */
enum rules_status rules_outcome(const struct rules_auction *auction);

/* The contract's words: "BID_TOO_LOW", "active". Of RULES_NONE and RULES_NO_STATUS: "". */
const char *rules_reason_text(enum rules_reason reason);
MUST_CHECK bool rules_reason_parse(const char *text, enum rules_reason *reason);
const char *rules_status_text(enum rules_status status);
MUST_CHECK bool rules_status_parse(const char *text, enum rules_status *status);

#endif
