/*
 * The bid worker's cycle: take a batch, have it decided and committed, ack, tell the world, take the next. Everything
 * else of the program hangs on it: connections, shards, outbox.
 */
#ifndef ROSTRUM_BIDWORKER_WORKER_H
#define ROSTRUM_BIDWORKER_WORKER_H

#include <event2/event.h>

#include "common/service/config.h"

struct worker;

struct worker_options {
    struct event_base *base;
    const struct config *config; /* kept, not copied */
    /* Called when the worker lives and is subscribed to its shards, maybe none; again when their number changes. */
    void (*serving)(size_t shards, void *arg);
    void (*drained)(void *arg); /* once, after worker_drain */
    void (*failed)(void *arg);  /* no memory to begin with: nothing will come of it */
    void *arg;
};

/* Connects by itself, waits for servers and topology as long as it takes. NULL without memory. */
MUST_CHECK struct worker *worker_new(const struct worker_options *options);
/* After the loop. What is undecided stays in the queues, what is unpublished in the table outbox. */
void worker_free(struct worker *worker);
/* Finishes the batch in hand, hands over its shards and publishes what is in the outbox. */
void worker_drain(struct worker *worker);
/* Brings the gauges of metering.h up to date. */
void worker_meter(const struct worker *worker);

#endif
