/*
 * The bid worker as a whole. It owns the connections and all other parts of the program, takes and leaves shards, and
 * ends without losing a command. The batches are cycle.h's. Called by main.c.
 */
#ifndef ROSTRUM_BIDWORKER_WORKER_H
#define ROSTRUM_BIDWORKER_WORKER_H

#include <event2/event.h>

#include "common/service/config.h"

struct worker;

struct worker_options {
    struct event_base *base;
    const struct config *config; /* borrowed */
    /* Called when the worker holds its lock and serves its shards (perhaps none), and when their number changes. */
    void (*serving)(size_t shards, void *arg);
    void (*drained)(void *arg); /* once, after worker_drain */
    void (*failed)(void *arg);  /* the worker could not be built; the program should exit */
    void *arg;
};

/* Connects, and waits without limit for the servers and the schema. NULL without memory. */
MUST_CHECK struct worker *worker_new(const struct worker_options *options);
/* To be called after the loop. Undecided bids stay in the queues, unpublished rows in the table outbox. */
void worker_free(struct worker *worker);
/* Finishes the current batch, hands over the shards and publishes the rows of the outbox. */
void worker_drain(struct worker *worker);
/* Updates the gauges of bidworker_metrics.h. */
void worker_update_gauges(const struct worker *worker);

#endif
