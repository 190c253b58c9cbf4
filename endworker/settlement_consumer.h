/*
 * Finds ended auctions and passes them to settlement. It consumes queue auction_end. Every settle_sweep_ms it also
 * queries the table for auctions that ended longer ago and were not settled. Every end worker does this, leader or not:
 * the row lock prevents duplicates.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_SETTLEMENT_CONSUMER_H
#define ROSTRUM_ENDWORKER_SETTLEMENT_CONSUMER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/broker_consumer.h"
#include "common/io/pg.h"
#include "common/protocol/deadletter.h"
#include "endworker/settlement.h"

struct settlement_consumer;

struct settlement_consumer_options {
    struct event_base *base;
    struct pg *pg;           /* with statements_table */
    struct broker *consumes; /* a broker for consuming only */
    struct deadletters *deadletters;
    struct settlement *settlement; /* used by nothing else */
    int sweep_ms;                  /* settle_sweep_ms */
};

/* Starts consuming. NULL: no memory. */
MUST_CHECK struct settlement_consumer *settlement_consumer_new(const struct settlement_consumer_options *options);
/* Free `pg` and the brokers first. */
void settlement_consumer_free(struct settlement_consumer *settlement_consumer);
/* Stops taking messages; the current settlement is finished and acked. */
void settlement_consumer_drain(struct settlement_consumer *settlement_consumer);
/* True while a settlement is running or waits for its ack. */
bool settlement_consumer_busy(const struct settlement_consumer *settlement_consumer);

#endif
