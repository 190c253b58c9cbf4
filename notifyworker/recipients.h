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
 * Callers: inapp.c; watchers.c for AUDIENCE_VALID_BIDS.
 */
#ifndef ROSTRUM_NOTIFYWORKER_RECIPIENTS_H
#define ROSTRUM_NOTIFYWORKER_RECIPIENTS_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/protocol/message.h"

/* Of the ledger as `b`: the bids that count, which make somebody a bidder. */
#define AUDIENCE_VALID_BIDS "b.status IN ('accepted', 'outbid') AND b.kind IN ('bid', 'proxy', 'buy') AND b.counts"

enum audience_statement {
    AUDIENCE_USER,     /* told as named in the event */
    AUDIENCE_EXTENDED, /* -> auction, ledger seq seen */
    AUDIENCE_SETTLED,
    AUDIENCE_ENDING_SOON,
    AUDIENCE_CANCELLED,
    AUDIENCE_VOIDED,
    AUDIENCE_GROUPS,
    AUDIENCE_BY_INDEX = AUDIENCE_GROUPS, /* for the rest of the transaction: no sequential scans */
    AUDIENCE_STATEMENTS,
};

extern const struct pg_statement audience_table[AUDIENCE_STATEMENTS];

struct audience;
struct push;

/* NULL only without memory. */
MUST_CHECK struct audience *audience_new(struct push *push);
void audience_free(struct audience *audience);

/* Forgets the events gathered so far. */
void audience_reset(struct audience *audience);
/* False only without memory. Events that nobody is told of are passed over. */
MUST_CHECK bool audience_add(struct audience *audience, const struct auction_event *event);
/* Events gathered; 0: there is nothing to send. */
size_t audience_count(const struct audience *audience);
/*
 * Queues the statements into `tx`, which has audience_table. False when the connection does not take them, or without
 * memory. The audience stays as it is until its transaction has ended, and must live as long.
 */
MUST_CHECK bool audience_send(struct audience *audience, struct pg_tx *tx);
/* The transaction was committed: remembers who has been told of which extension. */
void audience_committed(struct audience *audience);

#endif
