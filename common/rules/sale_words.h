/*
 * The lists of flash sales: commands, states and reasons, each with its word for messages, ledger and API. Columns hold
 * the same words. Callers: the sale rules, the sale worker, the gateway, `rostrumctl verify`.
 *
 * To add a command, add a line. sale_rules.c then does not compile until it decides the command.
 */
#ifndef ROSTRUM_COMMON_RULES_SALE_WORDS_H
#define ROSTRUM_COMMON_RULES_SALE_WORDS_H

#include "common/base/base.h"

/*
 * X(name, word).
 *
 *   OPEN, START            by the end worker: people may join; units are given out
 *   JOIN, LEAVE            a user enters the waiting line, or leaves it; a ban queues a LEAVE
 *   ORDER, CONFIRM, CANCEL by a user: reserve units, buy them, give them back
 *   CONFIRM, FAIL          by a payment callback: the payment succeeded or failed
 *   EXPIRE                 by the end worker: ends the turns and reservations that are due
 *   FENCE                  by the end worker: ends the sale; every command in time precedes it in the queue
 *   UPDATE, EXTEND         by an admin: new terms before the sale opens; a later end
 *   CLOSE, ABORT           by an admin: ends the sale now; cancels the sale and its reservations
 */
#define SALE_COMMANDS(X)                                                                                               \
    X(OPEN, "open")                                                                                                    \
    X(START, "start")                                                                                                  \
    X(JOIN, "join")                                                                                                    \
    X(LEAVE, "leave")                                                                                                  \
    X(ORDER, "order")                                                                                                  \
    X(CONFIRM, "confirm")                                                                                              \
    X(FAIL, "fail")                                                                                                    \
    X(CANCEL, "cancel")                                                                                                \
    X(EXPIRE, "expire")                                                                                                \
    X(FENCE, "fence")                                                                                                  \
    X(UPDATE, "update")                                                                                                \
    X(EXTEND, "extend")                                                                                                \
    X(CLOSE, "close")                                                                                                  \
    X(ABORT, "abort")

/* The ledger's word for a turn that the rules grant: it has no command, and so no kind. */
#define SALE_LEDGER_TURN "turn"

/* X(name, word) */
#define SALE_STATUSES(X)                                                                                               \
    X(UPCOMING, "upcoming")                                                                                            \
    X(OPEN, "open") /* people may join */                                                                              \
    X(ACTIVE, "active")                                                                                                \
    X(ENDED, "ended")       /* reservations may still be confirmed */                                                  \
    X(SETTLED, "settled")   /* ended, and nothing is reserved */                                                       \
    X(SOLD_OUT, "sold_out") /* all units are confirmed; final */                                                       \
    X(CANCELLED, "cancelled")

/* X(name, word). States of a place in the waiting line. */
#define SALE_ENTRY_STATUSES(X)                                                                                         \
    X(WAITING, "waiting")                                                                                              \
    X(TURN, "turn") /* claims units until its time has run out */                                                      \
    X(ORDERED, "ordered")                                                                                              \
    X(EXPIRED, "expired")                                                                                              \
    X(LEFT, "left")                                                                                                    \
    X(CLOSED, "closed") /* waiting or in a turn when the sale ended: derived, not stored */

/* X(name, word) */
#define SALE_ORDER_STATUSES(X)                                                                                         \
    X(PENDING, "pending")   /* not decided yet: never stored */                                                        \
    X(RESERVED, "reserved") /* holds units until its time has run out */                                               \
    X(CONFIRMED, "confirmed")                                                                                          \
    X(CANCELLED, "cancelled")                                                                                          \
    X(FAILED, "failed") /* the payment failed */                                                                       \
    X(EXPIRED, "expired")                                                                                              \
    X(REJECTED, "rejected")     /* has an enum sale_reason */                                                          \
    X(REFUND_DUE, "refund_due") /* the payment came when the units were gone */                                        \
    X(REFUNDED, "refunded")     /* set by an admin, by no command */

/* X(name, word). How the orders of a sale are confirmed. */
#define SALE_PAYMENTS(X)                                                                                               \
    X(NONE, "none")         /* by their buyers */                                                                      \
    X(CALLBACK, "callback") /* by the callback of a payment provider */

/* X(name, word). The outcome of a command in the ledger; DROPPED has no row. */
#define SALE_VERDICTS(X)                                                                                               \
    X(DROPPED, "dropped") /* OPEN, START, EXPIRE or FENCE without effect */                                            \
    X(ACCEPTED, "accepted")                                                                                            \
    X(UNCHANGED, "unchanged") /* valid, and already so: JOIN with a place in the line, CONFIRM of a confirmed order */ \
    X(REJECTED, "rejected")

/* X(name). The word is the name. */
#define SALE_REASONS(X)                                                                                                \
    X(SALE_NOT_OPEN)                                                                                                   \
    X(SALE_NOT_STARTED)                                                                                                \
    X(SALE_ENDED)                                                                                                      \
    X(SALE_CANCELLED)                                                                                                  \
    X(SOLD_OUT)                                                                                                        \
    X(LIMIT_REACHED)                                                                                                   \
    X(NOT_YOUR_TURN)                                                                                                   \
    X(NOT_IN_QUEUE)                                                                                                    \
    X(CLAIM_EXCEEDED)                                                                                                  \
    X(TURN_EXPIRED)                                                                                                    \
    X(RESERVATION_EXPIRED)                                                                                             \
    X(USER_BANNED)                                                                                                     \
    X(NOT_FOUND)         /* no such order, or that of another user */                                                  \
    X(ORDER_CLOSED)      /* the order is confirmed, cancelled, failed, rejected or to be refunded */                   \
    X(PAYMENT_REQUIRED)  /* CONFIRM by a user; the sale takes payments */                                              \
    X(NO_PAYMENT_DUE)    /* a payment callback; the sale takes none */                                                 \
    X(WRONG_AMOUNT)      /* a payment that is not the total price */                                                   \
    X(INVALID_QUANTITY)  /* below 1 */                                                                                 \
    X(SALE_ALREADY_OPEN) /* UPDATE */                                                                                  \
    X(VERSION_CONFLICT)  /* UPDATE: the sale has changed since the sender read it */                                   \
    X(INVALID_TERMS)     /* UPDATE, EXTEND: outside the bounds of sale_terms_valid */                                  \
    X(END_NOT_LATER)     /* EXTEND */                                                                                  \
    X(INTERNAL_ERROR)    /* the command could not be decided; never by the rules */

enum sale_command_kind {
    SALE_COMMAND_NONE, /* in the ledger: a turn. A zeroed struct is not a valid command. */
#define SALE_ENUMERATOR(name, word) SALE_COMMAND_##name,
    SALE_COMMANDS(SALE_ENUMERATOR)
#undef SALE_ENUMERATOR
};

enum sale_status {
#define SALE_ENUMERATOR(name, word) SALE_##name,
    SALE_STATUSES(SALE_ENUMERATOR)
#undef SALE_ENUMERATOR
};

enum sale_entry_status {
#define SALE_ENUMERATOR(name, word) SALE_ENTRY_##name,
    SALE_ENTRY_STATUSES(SALE_ENUMERATOR)
#undef SALE_ENUMERATOR
};

enum sale_order_status {
#define SALE_ENUMERATOR(name, word) SALE_ORDER_##name,
    SALE_ORDER_STATUSES(SALE_ENUMERATOR)
#undef SALE_ENUMERATOR
};

enum sale_payment {
#define SALE_ENUMERATOR(name, word) SALE_PAYMENT_##name,
    SALE_PAYMENTS(SALE_ENUMERATOR)
#undef SALE_ENUMERATOR
};

enum sale_verdict {
#define SALE_ENUMERATOR(name, word) SALE_VERDICT_##name,
    SALE_VERDICTS(SALE_ENUMERATOR)
#undef SALE_ENUMERATOR
};

enum sale_reason {
    SALE_REASON_NONE,
#define SALE_ENUMERATOR(name) SALE_REASON_##name,
    SALE_REASONS(SALE_ENUMERATOR)
#undef SALE_ENUMERATOR
};

/* The numbers of enumerators, also of those that stand for none. They are no enumerators of the lists. */
/* NOLINTBEGIN(bugprone-macro-parentheses): the lists are added up. */
#define SALE_PLUS_ONE(name, word)  +1
#define SALE_REASON_PLUS_ONE(name) +1
enum { SALE_COMMAND_KIND_COUNT = 1 SALE_COMMANDS(SALE_PLUS_ONE) };
enum { SALE_STATUS_COUNT = 0 SALE_STATUSES(SALE_PLUS_ONE) };
enum { SALE_ENTRY_STATUS_COUNT = 0 SALE_ENTRY_STATUSES(SALE_PLUS_ONE) };
enum { SALE_ORDER_STATUS_COUNT = 0 SALE_ORDER_STATUSES(SALE_PLUS_ONE) };
enum { SALE_PAYMENT_COUNT = 0 SALE_PAYMENTS(SALE_PLUS_ONE) };
enum { SALE_VERDICT_COUNT = 0 SALE_VERDICTS(SALE_PLUS_ONE) };
enum { SALE_REASON_COUNT = 1 SALE_REASONS(SALE_REASON_PLUS_ONE) };
#undef SALE_PLUS_ONE
#undef SALE_REASON_PLUS_ONE
/* NOLINTEND(bugprone-macro-parentheses) */

/* The words. That of SALE_REASON_NONE is "". SALE_COMMAND_NONE has one in the ledger only. */
const char *sale_command_text(enum sale_command_kind value);
const char *sale_ledger_text(enum sale_command_kind value);
const char *sale_status_text(enum sale_status value);
const char *sale_entry_text(enum sale_entry_status value);
const char *sale_order_text(enum sale_order_status value);
const char *sale_payment_text(enum sale_payment value);
const char *sale_verdict_text(enum sale_verdict value);
const char *sale_reason_text(enum sale_reason value);

/* False for an unknown word; the result is then unchanged. */
MUST_CHECK bool sale_command_parse(const char *text, enum sale_command_kind *value);
MUST_CHECK bool sale_ledger_parse(const char *text, enum sale_command_kind *value);
MUST_CHECK bool sale_status_parse(const char *text, enum sale_status *value);
MUST_CHECK bool sale_entry_parse(const char *text, enum sale_entry_status *value);
MUST_CHECK bool sale_order_parse(const char *text, enum sale_order_status *value);
MUST_CHECK bool sale_payment_parse(const char *text, enum sale_payment *value);
MUST_CHECK bool sale_verdict_parse(const char *text, enum sale_verdict *value);
MUST_CHECK bool sale_reason_parse(const char *text, enum sale_reason *value);

#endif
