/*
 * Starts and ends auctions. While this end worker leads, it polls for auctions that are due, at least schedule_poll_ms
 * apart (scheduler.c). A start is due at its start time, an end fence_grace_ms after the end time. It publishes START
 * and FENCE commands on the auction's own routing key, and repeats them at growing intervals until the auction has left
 * `scheduled`, or `active`. It decides nothing: the bid worker processes the command among the auction's bids, in their
 * order.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_SCHEDULER_H
#define ROSTRUM_ENDWORKER_SCHEDULER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"
#include "common/io/pg.h"
#include "common/service/config.h"
#include "common/service/timing_guard.h"

struct scheduler;

struct scheduler_options {
    struct event_base *base;
    const struct config *config; /* borrowed */
    struct pg *pg;               /* with statements_table */
    struct broker *broker;       /* a broker for publishing */
    struct timing_guard *timing;
    /* Asked when a page was read, and when publishing goes on after a pause: whether this end worker still leads. */
    bool (*leads)(void *arg);
    void *arg;
};

/* Until scheduler_lead it only reads the number of shards. NULL: no memory. */
MUST_CHECK struct scheduler *scheduler_new(const struct scheduler_options *options);
/* Free `pg` and `broker` first. */
void scheduler_free(struct scheduler *scheduler);
/* Starts or stops; commands that were already published are not affected. */
void scheduler_lead(struct scheduler *scheduler, bool leading);

#endif
