/*
 * The outcome of a bid or of any other command, in the words of the contract and of the ledger. Callers: the bid
 * worker, the gateway, `rostrumctl verify`, and the codec of decisions.
 */
#ifndef ROSTRUM_COMMON_RULES_BID_STATUS_H
#define ROSTRUM_COMMON_RULES_BID_STATUS_H

#include "common/rules/rules.h"

/* X(name, text) */
#define BID_STATUSES(X)                                                                                                \
    X(PENDING, "pending") /* not decided yet: has no ledger row */                                                     \
    X(ACCEPTED, "accepted")                                                                                            \
    X(OUTBID, "outbid")     /* valid, but beaten by a maximum that was placed earlier */                               \
    X(REJECTED, "rejected") /* has an enum rules_reason */                                                             \
    X(VOIDED, "voided")     /* accepted or outbid, and later voided or retracted */

enum bid_status {
#define BID_STATUS_ENUMERATOR(name, text) BID_##name,
    BID_STATUSES(BID_STATUS_ENUMERATOR)
#undef BID_STATUS_ENUMERATOR
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the list is added up. */
#define BID_STATUS_PLUS_ONE(name, text) +1
enum { BID_STATUS_COUNT = 0 BID_STATUSES(BID_STATUS_PLUS_ONE) };
#undef BID_STATUS_PLUS_ONE

/* `verdict` must have a ledger row: not RULES_DROPPED. */
enum bid_status bid_status_of_verdict(enum rules_verdict verdict);
/* Every status but ACCEPTED and OUTBID gives RULES_REJECTED. */
enum rules_verdict bid_status_verdict(enum bid_status status);
const char *bid_status_text(enum bid_status status);
MUST_CHECK bool bid_status_parse(const char *text, enum bid_status *status);

#endif
