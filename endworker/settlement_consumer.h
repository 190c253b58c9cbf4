/*
 * What ended and is to be settled: heard of from queue auction_end, and looked for every settle_sweep_ms in the table
 * for what ended longer ago and was never settled. Every end worker does this, leader or not: the row lock sorts them
 * out.
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
    struct settlement *settlement; /* nobody else uses it */
    int sweep_ms;                  /* settle_sweep_ms */
};

/* Begins to consume. NULL only without memory. */
MUST_CHECK struct settlement_consumer *settlement_consumer_new(const struct settlement_consumer_options *options);
/* Free `pg` and the brokers before. */
void settlement_consumer_free(struct settlement_consumer *settlement_consumer);
/* Takes nothing new; what is being settled is finished and acked. */
void settlement_consumer_drain(struct settlement_consumer *settlement_consumer);
/* Something is being settled or waits for its ack. */
bool settlement_consumer_busy(const struct settlement_consumer *settlement_consumer);

#endif
