/*
 * The one list of command kinds: the requests of bidders, sellers, admins and the end worker to an auction. Messages,
 * rules, ledger, metrics and the gateway use this list. Column bids.kind holds the same words; a test compares them.
 *
 * To add a kind, add a line. Every switch over kinds then fails to compile until it handles the new kind, because no
 * such switch has a default. tests/lint/forgotten-kind proves it.
 */
#ifndef ROSTRUM_COMMON_RULES_COMMAND_KINDS_H
#define ROSTRUM_COMMON_RULES_COMMAND_KINDS_H

#include "common/base/base.h"

/* The sender and the purpose of a command. */
enum command_group {
    COMMAND_GROUP_NONE,
    COMMAND_GROUP_BID,      /* a bidder bids; in the public history if accepted or outbid */
    COMMAND_GROUP_WITHDRAW, /* a bidder withdraws the rest of a maximum */
    COMMAND_GROUP_SCHEDULE, /* from the end worker, which repeats it until it has an effect; no client waits for it */
    COMMAND_GROUP_CHANGE,   /* a seller or an admin changes the auction */
    COMMAND_GROUP_VOID,     /* invalidates an earlier bid: decided by voids_decide, not by rules_decide */
};

/* The kind of amount that a command carries. */
enum command_carries {
    COMMAND_CARRIES_NOTHING,
    COMMAND_CARRIES_AMOUNT,  /* the bid itself: `amount` in the ledger and in the API */
    COMMAND_CARRIES_MAXIMUM, /* a proxy's maximum: `max_amount` in the ledger, "maxAmount" in the API */
};

/*
 * X(name, word in messages, word in the ledger, group, carries).
 *
 *   FENCE           ends the auction (the hammer): every bid in time precedes it in the queue
 *   BUY             buys at the buy-now price, and so ends the auction
 *   UPDATE, CANCEL  by the seller, before the first bid; an update's new terms are the row of `terms` with its id
 *   EXTEND          by an admin, as CLOSE, ABORT and VOID: moves the end to `end_ms`
 *   REOPEN          by an operator after an outage: gives an auction that has ended the end `end_ms`
 *   CLOSE, ABORT    CLOSE ends the auction at once; ABORT cancels it, with or without bids
 *   VOID, RETRACT   invalidate the bid `target`; RETRACT is by its bidder
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
    X(REOPEN,   "reopen",   "reopen",   CHANGE,   NOTHING) \
    X(CLOSE,    "close",    "close",    CHANGE,   NOTHING) \
    X(ABORT,    "abort",    "abort",    CHANGE,   NOTHING) \
    X(VOID,     "void",     "void",     VOID,     NOTHING) \
    X(RETRACT,  "retract",  "retract",  VOID,     NOTHING)
/* clang-format on */

enum command_kind {
    COMMAND_NONE, /* no kind: a zeroed struct is not a valid command, and is refused */
#define COMMAND_ENUMERATOR(name, message, ledger, group, carries) COMMAND_##name,
    COMMAND_KINDS(COMMAND_ENUMERATOR)
#undef COMMAND_ENUMERATOR
};

/*
 * The size of a table indexed by kind, including COMMAND_NONE. It is no enumerator, so no switch needs a case for it.
 */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): the list is added up. */
#define COMMAND_PLUS_ONE(name, message, ledger, group, carries) +1
enum { COMMAND_KIND_COUNT = 1 COMMAND_KINDS(COMMAND_PLUS_ONE) };
#undef COMMAND_PLUS_ONE

/* The ledger's word for a proxy's automatic answer, which has no command. */
#define LEDGER_AUTOMATIC "auto"

/* The word in messages; `kind` must not be COMMAND_NONE. */
const char *command_kind_text(enum command_kind kind);
MUST_CHECK bool command_kind_parse(const char *text, enum command_kind *kind);
/* The word in the ledger: "end" for the fence. LEDGER_AUTOMATIC is in neither direction. */
const char *command_kind_ledger_text(enum command_kind kind);
MUST_CHECK bool command_kind_ledger_parse(const char *text, enum command_kind *kind);

/* For COMMAND_NONE they return COMMAND_GROUP_NONE and COMMAND_CARRIES_NOTHING. */
enum command_group command_kind_group(enum command_kind kind);
enum command_carries command_kind_carries(enum command_kind kind);
/* Whether the kind belongs to the group BID, SCHEDULE or VOID. */
bool command_kind_is_bid(enum command_kind kind);
bool command_kind_is_scheduled(enum command_kind kind);
bool command_kind_voids(enum command_kind kind);

#endif
