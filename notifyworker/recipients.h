/*
 * Who must be told of what: gathers the events of many messages into a few set-based statements that write the in-app
 * notifications of everybody concerned.
 *
 *   OUTBID, PROXY_EXHAUSTED   the user in the event
 *   EXTENDED                  the seller and everyone who bid, once for each minute of the new end
 *   SETTLED                   the winner, the other bidders, the seller
 *   VOIDED                    whose bid it was, everyone else who bid, the seller
 *   ENDING_SOON               everyone who bid or watches
 *
 * Kinds that a user has muted are left out, unless they are wanted by email or webhook.
 *
 * The id of a notification begins with the event's time and is made from event, user and kind, here or in SQL: the
 * same event again makes the same row again, and that one is already there.
 *
 * "Everyone who bid" are the bidders of the view public_bids: a voided bid makes nobody a bidder.
 *
 * Caller: inapp.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_RECIPIENTS_H
#define ROSTRUM_NOTIFYWORKER_RECIPIENTS_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/protocol/message.h"

enum recipients_statement {
    RECIPIENTS_USER,     /* told as named in the event */
    RECIPIENTS_EXTENDED, /* -> auction, ledger seq seen */
    RECIPIENTS_SETTLED,
    RECIPIENTS_ENDING_SOON,
    RECIPIENTS_CANCELLED,
    RECIPIENTS_VOIDED,
    RECIPIENTS_GROUPS,
    RECIPIENTS_BY_INDEX = RECIPIENTS_GROUPS, /* for the rest of the transaction: no sequential scans */
    RECIPIENTS_STATEMENTS,
};

extern const struct pg_statement recipients_table[RECIPIENTS_STATEMENTS];

struct recipients;
struct push;

/* NULL only without memory. */
MUST_CHECK struct recipients *recipients_new(struct push *push);
void recipients_free(struct recipients *recipients);

/* Forgets the events gathered so far. */
void recipients_reset(struct recipients *recipients);
/* False only without memory. Events that nobody is told of are passed over. */
MUST_CHECK bool recipients_add(struct recipients *recipients, const struct auction_event *event);
/* Events gathered; 0: there is nothing to send. */
size_t recipients_count(const struct recipients *recipients);
/*
 * Queues the statements into `tx`, which has recipients_table. False when the connection does not take them, or without
 * memory. The audience stays as it is until its transaction has ended, and must live as long.
 */
MUST_CHECK bool recipients_send(struct recipients *recipients, struct pg_tx *tx);
/* The transaction was committed: remembers who has been told of which extension. */
void recipients_committed(struct recipients *recipients);

#endif
