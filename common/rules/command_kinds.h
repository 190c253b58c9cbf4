/*
 * The one list of command kinds: what bidders, sellers, admins and the end worker can ask of an auction. Messages,
 * rules, ledger, metrics and the gateway take their kinds from here; bids.kind in SQL holds the same words (a test
 * compares them).
 *
 * To add a kind, add a line. Then nothing with a switch over kinds compiles until it says what the new kind means
 * there: no such switch has a default (tests/lint/forgotten-kind proves it).
 */
#ifndef ROSTRUM_COMMON_RULES_COMMAND_KINDS_H
#define ROSTRUM_COMMON_RULES_COMMAND_KINDS_H

#include "common/base/base.h"

/* Who sends a command, and what it is about. */
enum command_group {
    COMMAND_GROUP_NONE,
    COMMAND_GROUP_BID,      /* a bidder asks for the lead: in the public history, if accepted or outbid */
    COMMAND_GROUP_WITHDRAW, /* a bidder gives up what is left of a maximum */
    COMMAND_GROUP_SCHEDULE, /* of the end worker, which repeats it until it has an effect; nobody waits for it */
    COMMAND_GROUP_CHANGE,   /* a seller or an admin changes the auction */
    COMMAND_GROUP_VOID,     /* an earlier bid does not count any more: decided by voids_decide, not by rules_decide */
};

/* The amount of money that a command carries. */
enum command_carries {
    COMMAND_CARRIES_NOTHING,
    COMMAND_CARRIES_AMOUNT,  /* the bid itself: `amount` in the ledger and in the contract */
    COMMAND_CARRIES_MAXIMUM, /* a proxy's maximum: `max_amount`, "maxAmount" */
};

/*
 * X(name, word in messages, word in the ledger, group, carries).
 *
 *   FENCE           the hammer: everything in time stands ahead of it
 *   BUY             at the buy-now price, which ends the auction
 *   UPDATE, CANCEL  by the seller, before the first bid; an update's new terms are the row of `terms` with its id
 *   EXTEND          by an admin, as CLOSE, ABORT and VOID: the end moves to `end_ms`
 *   CLOSE, ABORT    the auction ends at once; it is cancelled, with bids or without
 *   VOID, RETRACT   the bid `target` does not count any more; RETRACT is by its bidder
 */
/* clang-format off */
#define COMMAND_KINDS(X) \
    X(BID,      "bid",      "bid",      BID,      AMOUNT)  \
    X(PROXY,    "proxy",    "proxy",    BID,      MAXIMUM) \
    X(WITHDRAW, "withdraw", "withdraw", WITHDRAW, NOTHING) \
    X(START,    "start",    "start",    SCHEDULE, NOTHING) \
    X(FENCE,    "fence",    "end",      SCHEDULE, NOTHING) \
    X(BUY,      "buy",      "buy",      BID,      NOTHING) \
    X(UPDATE,   "update",   "update",   CHANGE,   NOTHING) \
    X(CANCEL,   "cancel",   "cancel",   CHANGE,   NOTHING) \
    X(EXTEND,   "extend",   "extend",   CHANGE,   NOTHING) \
    X(CLOSE,    "close",    "close",    CHANGE,   NOTHING) \
    X(ABORT,    "abort",    "abort",    CHANGE,   NOTHING) \
    X(VOID,     "void",     "void",     VOID,     NOTHING) \
    X(RETRACT,  "retract",  "retract",  VOID,     NOTHING)
/* clang-format on */

enum command_kind {
    COMMAND_NONE, /* no kind: what is all zero is no command, and is refused */
#define COMMAND_ENUMERATOR(name, message, ledger, group, carries) COMMAND_##name,
    COMMAND_KINDS(COMMAND_ENUMERATOR)
#undef COMMAND_ENUMERATOR
};

/* The size of a table that is indexed by kind, COMMAND_NONE included. Not an enumerator: no switch has a case for it.
 */
#define COMMAND_PLUS_ONE(name, message, ledger, group, carries) +1
enum { COMMAND_KIND_COUNT = 1 COMMAND_KINDS(COMMAND_PLUS_ONE) };
#undef COMMAND_PLUS_ONE

/* The ledger's word for a proxy's automatic answer, which is an entry without a command. */
#define LEDGER_AUTOMATIC "auto"

/* The word in messages; `kind` must be one of the list. */
const char *command_kind_text(enum command_kind kind);
MUST_CHECK bool command_kind_parse(const char *text, enum command_kind *kind);
/* The word in the ledger: "end" for the fence. Neither text nor parse know LEDGER_AUTOMATIC. */
const char *command_kind_ledger_text(enum command_kind kind);
MUST_CHECK bool command_kind_ledger_parse(const char *text, enum command_kind *kind);

/* Of COMMAND_NONE: COMMAND_GROUP_NONE, COMMAND_CARRIES_NOTHING. */
enum command_group command_kind_group(enum command_kind kind);
enum command_carries command_kind_carries(enum command_kind kind);
/* Whether the kind is of that group. */
bool command_kind_is_bid(enum command_kind kind);
bool command_kind_is_scheduled(enum command_kind kind);
bool command_kind_voids(enum command_kind kind);

#endif
