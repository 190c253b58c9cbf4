/*
 * Selects the recipients of events: collects the events of many messages into a few set-based statements that write the
 * in-app notifications.
 *
 *     OUTBID, PROXY_EXHAUSTED   the user in the event
 *     EXTENDED                  the seller and all bidders, once for each minute of the new end
 *     SETTLED                   the winner, the other bidders, the seller
 *     VOIDED                    the bidder of the void bid, all other bidders, the seller
 *     ENDING_SOON               all bidders and watchers
 *
 * Kinds that a user has muted are skipped, unless the user wants them by email or webhook.
 *
 * The id of a notification starts with the event's time and is a hash of event, user and kind, computed here or in SQL.
 * A repeated event results in the same id, and its row already exists.
 *
 * The bidders are those of the view public_bids: a void bid does not count.
 *
 * Caller: auction_writer.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_RECIPIENTS_H
#define ROSTRUM_NOTIFYWORKER_RECIPIENTS_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/protocol/message.h"

enum recipients_statement {
    RECIPIENTS_USER,     /* the user of the event */
    RECIPIENTS_EXTENDED, /* -> auction, highest ledger seq read */
    RECIPIENTS_SETTLED,
    RECIPIENTS_ENDING_SOON,
    RECIPIENTS_CANCELLED,
    RECIPIENTS_VOIDED,
    RECIPIENTS_GROUPS,
    RECIPIENTS_BY_INDEX = RECIPIENTS_GROUPS, /* no sequential scans for the rest of the transaction */
    RECIPIENTS_STATEMENTS,
};

extern const struct pg_statement recipients_table[RECIPIENTS_STATEMENTS];

struct recipients;
struct push;

/* NULL: no memory. */
MUST_CHECK struct recipients *recipients_new(struct push *push);
void recipients_free(struct recipients *recipients);

/* Drops the collected events. */
void recipients_reset(struct recipients *recipients);
/* False only without memory. Events without recipients are ignored. */
MUST_CHECK bool recipients_add(struct recipients *recipients, const struct auction_event *event);
/* Number of collected events; 0: there is nothing to send. */
size_t recipients_count(const struct recipients *recipients);
/*
 * Queues the statements into `tx`, whose pool has recipients_table. False: the connection refused them, or no memory.
 * The recipients must exist and stay unchanged until the transaction has ended.
 */
MUST_CHECK bool recipients_send(struct recipients *recipients, struct pg_tx *tx);
/* The transaction was committed: stores how far each extension has been processed. */
void recipients_committed(struct recipients *recipients);

#endif
