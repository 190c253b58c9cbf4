/*
 * Settlement: what the hammer ended becomes sold or unsold (rule 9), once, under the auction's row lock and only while
 * its status is still 'ended'. It hears of it from queue auction_end, and looks every settle_sweep_ms for what ended
 * longer ago and was never settled. Every end worker settles, leader or not: the row lock sorts them out.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_SETTLEMENT_H
#define ROSTRUM_ENDWORKER_SETTLEMENT_H

#include <event2/event.h>

#include "common/base.h"
#include "common/broker.h"
#include "common/deadletter.h"
#include "common/outbox.h"
#include "common/pg.h"
#include "common/redis.h"

struct settlement;

struct settlement_options {
    struct event_base *base;
    struct pg *pg;           /* with statements_table */
    struct broker *consumes; /* a broker for consuming only */
    struct deadletters *deadletters;
    struct outbox *outbox;
    struct redis *redis;
    size_t snapshot_script; /* index of snapshot_script in the table of `redis` */
    int sweep_ms;           /* settle_sweep_ms */
};

/* Begins to consume. NULL only without memory. */
MUST_CHECK struct settlement *settlement_new(const struct settlement_options *options);
/* Free `pg` and the brokers before. */
void settlement_free(struct settlement *settlement);
/* Takes nothing new; what is being settled is finished and acked. */
void settlement_drain(struct settlement *settlement);
/* Something is being settled or waits for its ack. */
bool settlement_busy(const struct settlement *settlement);

#endif
