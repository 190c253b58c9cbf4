/*
 * What starts and ends when. While this end worker leads, it looks every schedule_poll_ms for auctions whose start has
 * come and for active ones whose end lies fence_grace_ms back, and publishes START and FENCE commands on the auction's
 * own key, again with growing distance until the auction has left that state. It decides nothing: the bid worker finds
 * the command among the auction's bids and decides in their order.
 *
 * Callers: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_SCHEDULER_H
#define ROSTRUM_ENDWORKER_SCHEDULER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/service/config.h"

struct scheduler;

struct scheduler_options {
    struct event_base *base;
    const struct config *config; /* borrowed */
    struct pg *pg;               /* with statements_table */
    struct broker *broker;       /* one that publishes */
};

/* Idle until scheduler_lead. NULL only without memory. */
MUST_CHECK struct scheduler *scheduler_new(const struct scheduler_options *options);
/* Free `pg` and `broker` before. */
void scheduler_free(struct scheduler *scheduler);
/* Begins or stops; what is with the broker already stays there. */
void scheduler_lead(struct scheduler *scheduler, bool leading);

#endif
