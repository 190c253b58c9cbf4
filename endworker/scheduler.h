/*
 * Starts and ends auctions, opens, starts and ends flash sales, and ends their turns and reservations. While this end
 * worker leads, it polls for what is due (due.h), at least schedule_poll_ms apart (scheduler.c). It publishes each
 * command on the routing key of its auction or sale, and repeats it at growing intervals until it is no longer due. It
 * decides nothing: the bid worker or sale worker processes the command among the others, in their order.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_SCHEDULER_H
#define ROSTRUM_ENDWORKER_SCHEDULER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/base/outages.h"
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
    const struct outages *outages; /* borrowed: times in which commands were refused */
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
