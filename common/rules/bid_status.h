/*
 * What became of a bid or of any other command, in the words of the contract and of the ledger. Callers: the bid
 * worker, the gateway, `rostrumctl verify`, and the codec of decisions.
 */
#ifndef ROSTRUM_COMMON_RULES_BID_STATUS_H
#define ROSTRUM_COMMON_RULES_BID_STATUS_H

#include "common/rules/rules.h"

/* X(name, text) */
#define BID_STATUSES(X)                                                                                                \
    X(PENDING, "pending") /* not decided yet, and in no ledger */                                                      \
    X(ACCEPTED, "accepted")                                                                                            \
    X(OUTBID, "outbid")     /* accepted, and beaten by a maximum that stood before */                                  \
    X(REJECTED, "rejected") /* for a reason */                                                                         \
    X(VOIDED, "voided")     /* accepted or outbid, and then voided or taken back */

enum bid_status {
#define BID_STATUS_ENUMERATOR(name, text) BID_##name,
    BID_STATUSES(BID_STATUS_ENUMERATOR)
#undef BID_STATUS_ENUMERATOR
};

#define BID_STATUS_PLUS_ONE(name, text) +1
enum { BID_STATUS_COUNT = 0 BID_STATUSES(BID_STATUS_PLUS_ONE) };
#undef BID_STATUS_PLUS_ONE

/* Of what has an entry in the ledger: not of RULES_DROPPED. */
enum bid_status bid_status_of_verdict(enum rules_verdict verdict);
/* Of ACCEPTED and OUTBID; all others are RULES_REJECTED. */
enum rules_verdict bid_status_verdict(enum bid_status status);
const char *bid_status_text(enum bid_status status);
MUST_CHECK bool bid_status_parse(const char *text, enum bid_status *status);

#endif
