/*
 * The rules of bidding (docs/bidding-rules.md, 1 to 11). Pure: no I/O, no clock, no memory of its own. The bid
 * worker decides by them; `rostrumctl verify` replays the ledger by them. Amounts are minor units, times milliseconds
 * since the epoch.
 *
 * Invariants after every call:
 *   - The price never falls, except when a bid is voided (voids.h). It never exceeds the leader's maximum.
 *   - The leader holds the highest maximum; of equal ones, the earliest.
 *   - No two accepted entries with an amount in the public history have the same amount.
 *   - end_ms never moves back, except by a seller's update before the first bid, and by an end at once.
 */
#ifndef ROSTRUM_COMMON_RULES_RULES_H
#define ROSTRUM_COMMON_RULES_RULES_H

#include "common/base/ids.h"
#include "common/base/money.h"
#include "common/rules/command_kinds.h"
#include "common/rules/increments.h"

/* States of an auction. X(name, text) */
#define RULES_STATUSES(X)                                                                                              \
    X(DRAFT, "draft")                                                                                                  \
    X(SCHEDULED, "scheduled")                                                                                          \
    X(ACTIVE, "active")                                                                                                \
    X(ENDED, "ended")                                                                                                  \
    X(SOLD, "sold")                                                                                                    \
    X(UNSOLD, "unsold")                                                                                                \
    X(CANCELLED, "cancelled")

enum rules_status {
    RULES_NO_STATUS, /* unknown */
#define RULES_STATUS_ENUMERATOR(name, text) RULES_##name,
    RULES_STATUSES(RULES_STATUS_ENUMERATOR)
#undef RULES_STATUS_ENUMERATOR
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the list is added up. */
#define RULES_STATUS_PLUS_ONE(name, text) +1
enum { RULES_STATUS_COUNT = 1 RULES_STATUSES(RULES_STATUS_PLUS_ONE) };
#undef RULES_STATUS_PLUS_ONE

struct rules_auction {
    /* terms */
    struct uuid seller_id;
    int64_t starting_price;
    int64_t reserve_price; /* 0: none */
    int64_t buy_now_price; /* 0: none; at least starting price and reserve */
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
    int64_t runner_up_max; /* highest maximum of any other bidder, 0: none */
};

/* The terms that a seller may change before the first bid. As in struct rules_auction. */
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
    int64_t amount; /* BID: the bid; PROXY: the maximum */
    int64_t price;  /* BUY: the buy-now price that the buyer saw; 0: not checked */
    /* FENCE: time of the query for due auctions less fence_grace_ms; commands received before it precede the fence */
    int64_t received_ms;
    int64_t terms_version;           /* 0: not checked */
    bool banned;                     /* the bidder is banned at the time of the decision */
    bool stale;                      /* UPDATE: the auction has changed since the sender read it */
    int64_t end_ms;                  /* EXTEND, REOPEN: the requested end */
    const struct rules_terms *terms; /* UPDATE: the new terms; else ignored */
    struct uuid target;              /* VOID, RETRACT: the bid */
    int64_t since_ms;                /* RETRACT: bids received before this time can no longer be retracted */
    /*
     * BID, PROXY, BUY, WITHDRAW: the command was accepted or outbid before, and is replayed. State, bidder and terms
     * are not checked again. A PROXY of the leader must exceed the leader's maximum. Any other PROXY or BID must exceed
     * the price, or reach the minimum if nobody leads. The command does not extend the auction.
     */
    bool again;
};

enum rules_verdict {
    RULES_ACCEPTED,
    RULES_OUTBID,
    RULES_REJECTED,
    RULES_DROPPED /* START or FENCE without effect: no ledger entry */
};

/* X(name). The text is the name; the API has an error code of each name (gateway/http/errors). */
#define RULES_REASONS(X)                                                                                               \
    X(BID_TOO_LOW)                                                                                                     \
    X(AUCTION_ENDED)                                                                                                   \
    X(AUCTION_NOT_STARTED)                                                                                             \
    X(AUCTION_CANCELLED)                                                                                               \
    X(OWN_AUCTION)                                                                                                     \
    X(USER_BANNED)                                                                                                     \
    X(MAXIMUM_NOT_RAISED)                                                                                              \
    X(NO_MAXIMUM)       /* WITHDRAW: the sender does not lead by a proxy */                                            \
    X(TERMS_CHANGED)    /* also: BUY, the buy-now price is another one than the buyer saw */                           \
    X(INVALID_AMOUNT)   /* outside 1..MONEY_MAX */                                                                     \
    X(INTERNAL_ERROR)   /* the command could not be decided */                                                         \
    X(NOT_FOUND)        /* no such auction; VOID, RETRACT: no such bid, or it never counted */                         \
    X(VERSION_CONFLICT) /* UPDATE: stale, or it would move the start of an auction that has started */                 \
    X(HAS_BIDS)         /* UPDATE, CANCEL */                                                                           \
    X(BUY_NOW_GONE)     /* no buy-now price, or a bid has met the reserve */                                           \
    X(END_NOT_LATER)    /* EXTEND, REOPEN */                                                                           \
    X(BID_VOIDED)       /* VOID, RETRACT: the bid is already voided */                                                 \
    X(RETRACT_TOO_LATE)                                                                                                \
    X(TOO_MANY_BIDS) /* VOID, RETRACT: the ledger is longer than VOIDS_LEDGER_MAX */

enum rules_reason {
    RULES_NONE,
#define RULES_REASON_ENUMERATOR(name) RULES_##name,
    RULES_REASONS(RULES_REASON_ENUMERATOR)
#undef RULES_REASON_ENUMERATOR
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the list is added up. */
#define RULES_REASON_PLUS_ONE(name) +1
enum { RULES_REASON_COUNT = 1 RULES_REASONS(RULES_REASON_PLUS_ONE) };
#undef RULES_REASON_PLUS_ONE

struct rules_decision {
    enum rules_verdict verdict;
    enum rules_reason reason;
    bool raise; /* rule 5: the leader raised their maximum; not in the public history */
    /*
     * Amount of the command's own entry. BID: its amount. PROXY: the resulting price, or if outbid its own maximum.
     * BUY: the price. Else 0.
     */
    int64_t amount;
    bool automatic; /* a second entry follows: the leading proxy's answer (rule 4), accepted, isProxyBid */
    struct uuid automatic_bidder;
    int64_t automatic_amount;
    bool extended;       /* end_ms was moved by rule 7, EXTEND or REOPEN */
    bool lead_lost;      /* `loser` led until this command */
    struct uuid loser;   /* if `voided`: the bidder of the voided bid */
    bool loser_by_proxy; /* `loser` led by a proxy: PROXY_EXHAUSTED instead of OUTBID */
    bool started;        /* this command made the auction active */
    bool ended;          /* by the fence, BUY or CLOSE */
    bool cancelled;
    bool voided;
};

/*
 * Decides `command` and changes `auction` accordingly. VOID and RETRACT are rejected with INTERNAL_ERROR: call
 * voids_decide.
 */
struct rules_decision rules_decide(struct rules_auction *auction, const struct rules_command *command);
/* The minimum bid by rule 1; MONEY_MAX + 1 if no valid bid is possible any more. */
int64_t rules_minimum_bid(const struct rules_auction *auction);
/* Whether buy now is possible: until a bid meets the reserve; without a reserve, until the first bid. */
bool rules_can_buy(const struct rules_auction *auction);
/* The result of an ended auction by rule 9: RULES_SOLD or RULES_UNSOLD. */
enum rules_status rules_outcome(const struct rules_auction *auction);

/* The words of the API: "BID_TOO_LOW", "active". Those of RULES_NONE and RULES_NO_STATUS are "". */
const char *rules_reason_text(enum rules_reason reason);
MUST_CHECK bool rules_reason_parse(const char *text, enum rules_reason *reason);
const char *rules_status_text(enum rules_status status);
MUST_CHECK bool rules_status_parse(const char *text, enum rules_status *status);

#endif
