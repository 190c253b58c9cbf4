/*
 * The rules of flash sales: a fixed price, limited stock, first come first served. Pure: no I/O, no clock. The sale
 * worker decides by them under the lock of the sale's row; `rostrumctl verify` replays the ledger by them. Words:
 * a user's place in the line is an entry; a turn of the line claims units; an order reserves them and then sells them.
 *
 * After every command and every turn:
 *   - claimed + reserved + sold + free = quantity, and no unit is held without a turn or an order.
 *   - Places are served in the order of the ledger. Each return of stock happens once.
 *   - reserved + confirmed units and the claim of a user are within the limit.
 *   - The sale is sold out if and only if sold = quantity (unless cancelled); it is settled if it has ended and nothing
 *     is reserved. sale_check.h checks all of it.
 *
 * Time. `decided_ms` is that of the set and never falls. A command is in time by `received_ms`, in any order of
 * decision: JOIN from join to end, ORDER from start to end, each without the end itself. A turn or reservation runs
 * until `expires_ms` + `refused_ms` of the command, again without that time itself; EXPIRE ends those that are due at
 * its own `received_ms`. Since EXPIRE and FENCE come later by the grace time, a command in time precedes them.
 *   - A command that is received late is late even if EXPIRE has not come yet. A late payment then counts as one that
 *     came after EXPIRE. CANCEL and FAIL go by the state alone.
 *   - No turn is granted once `decided_ms` has reached the end. A turn runs no longer than the end at its grant; EXTEND
 *     does not lengthen it. A reservation may outlast the sale.
 *   - OPEN, START, JOIN, LEAVE, ORDER, UPDATE, EXTEND and CLOSE, received in time, open or start the sale first, even
 *     if they are then rejected.
 *
 * Outcomes by the state of the sale ("-": dropped, without a ledger row):
 *
 *              upcoming           open               active       ended, settled   sold_out    cancelled
 *   OPEN START opens or starts in time, else -                    -                -           -
 *   JOIN       SALE_NOT_OPEN      accepted           accepted     SALE_ENDED       SOLD_OUT    SALE_CANCELLED
 *   LEAVE      NOT_IN_QUEUE       accepted           accepted     SALE_ENDED       SOLD_OUT    SALE_CANCELLED
 *   ORDER      SALE_NOT_STARTED   SALE_NOT_STARTED   accepted     SALE_ENDED       SOLD_OUT    SALE_CANCELLED
 *   CONFIRM CANCEL FAIL: by the state of the order, below; there is none before the sale is active
 *   EXPIRE     -                  -                  turns and    reservations     -           -
 *                                                    reservations
 *   FENCE      ends it if received at or after the end, else -    -                -           -
 *   UPDATE     accepted           SALE_ALREADY_OPEN  as open      SALE_ENDED       SOLD_OUT    SALE_CANCELLED
 *   EXTEND     accepted           accepted           accepted     SALE_ENDED       SOLD_OUT    SALE_CANCELLED
 *   CLOSE      SALE_NOT_STARTED   SALE_NOT_STARTED   accepted     SALE_ENDED       SOLD_OUT    SALE_CANCELLED
 *   ABORT      accepted           accepted           accepted     SALE_ENDED       SOLD_OUT    SALE_CANCELLED
 *
 *   JOIN    received early or late: SALE_NOT_OPEN, SALE_ENDED. USER_BANNED, INVALID_QUANTITY, LIMIT_REACHED. With a
 *           live entry: unchanged, and the entry.
 *   LEAVE   without a live entry: NOT_IN_QUEUE. The claim of a turn goes back.
 *   ORDER   received early or late: SALE_NOT_STARTED, SALE_ENDED. USER_BANNED, INVALID_QUANTITY.
 *           Waiting: NOT_YOUR_TURN. In a turn: TURN_EXPIRED, CLAIM_EXCEEDED (the turn stays), or accepted; the rest of
 *           the claim goes back. Without an entry: LIMIT_REACHED; accepted if nobody waits and enough is free; else
 *           NOT_IN_QUEUE. An expired turn is no entry.
 *   UPDATE  VERSION_CONFLICT, INVALID_TERMS. EXTEND: END_NOT_LATER, INVALID_TERMS. Both, and CLOSE, received at or
 *           after the end: SALE_ENDED. CLOSE received up to the start: SALE_NOT_STARTED.
 *
 * Outcomes by the state of the order (an order that is unknown, or not the user's: NOT_FOUND):
 *
 *              reserved        confirmed      cancelled      failed         expired               refund_due, refunded
 *   CONFIRM    confirmed [1]   unchanged      ORDER_CLOSED   ORDER_CLOSED   RESERVATION_EXPIRED   ORDER_CLOSED
 *   payment    confirmed [2]   ORDER_CLOSED   refund_due     late [3]       late [3]              ORDER_CLOSED
 *   FAIL       failed          ORDER_CLOSED   ORDER_CLOSED   unchanged      RESERVATION_EXPIRED   ORDER_CLOSED
 *   CANCEL     cancelled       ORDER_CLOSED   unchanged      ORDER_CLOSED   RESERVATION_EXPIRED   ORDER_CLOSED
 *
 *   - [1] Late: RESERVATION_EXPIRED. [2] Late: the reservation ends, then [3].
 *   - [3] Confirmed if the sale is not cancelled, nobody waits, enough is free, and the user's limit holds (with the
 *     live entry); else refund_due.
 *   - A payment again of the same id: unchanged. A rejected order: ORDER_CLOSED.
 *   - CONFIRM by a user of a sale with payments: PAYMENT_REQUIRED. A payment of a sale without: NO_PAYMENT_DUE. A
 *     payment of another amount: WRONG_AMOUNT in every state.
 *
 * A command must not be decided twice: the caller leaves out those that the ledger has. A payment callback that is
 * repeated with the same reference and outcome has the same id, so it is not decided again.
 */
#ifndef ROSTRUM_COMMON_RULES_SALE_RULES_H
#define ROSTRUM_COMMON_RULES_SALE_RULES_H

#include "common/rules/sale_command.h"

/*
 * For the sale worker. Both grant turns while the head of the line has a right to one, at most SALE_GRANTS_MAX since
 * the set was begun or written. Afterwards sale_grant_due says whether turns are left. If so, no further command may be
 * decided in this transaction: commit, begin the next one at once, and call sale_advance first. So call sale_advance
 * first in every transaction: a program that crashed may have left some.
 *
 * sale_decide decides a command, changes the set, and adds a ledger row unless the command is dropped. The turns and
 * reservations that an EXPIRE ended are among the changed entries and orders. Those that the end of the sale closed are
 * not: they stay as stored. So a search for what is due leaves out turns of a sale that is over, and reservations of
 * one that is cancelled.
 */
void sale_advance(struct sale_set *set);
struct sale_decision sale_decide(struct sale_set *set, const struct sale_command *command);
bool sale_grant_due(const struct sale_set *set);

/*
 * For a replay, row by row with the `decided_ms` of each: sale_apply is sale_decide without turns, sale_grant grants
 * one turn. A turn must be due for sale_grant, and none for sale_apply: ask sale_grant_due first, because both assert
 * it.
 */
struct sale_decision sale_apply(struct sale_set *set, const struct sale_command *command);
void sale_grant(struct sale_set *set);

#endif
