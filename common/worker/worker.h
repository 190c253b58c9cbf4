/*
 * A worker that decides the commands of its shards, as a whole. It owns the connections and the shared parts, takes and
 * leaves shards, and ends without losing a command. The batches are cycle.h's, the decisions the program's
 * (worker_program.h). Called by worker_main.c.
 */
#ifndef ROSTRUM_COMMON_WORKER_WORKER_H
#define ROSTRUM_COMMON_WORKER_WORKER_H

#include <event2/event.h>

#include "common/service/config.h"
#include "common/worker/worker_program.h"

struct worker;

struct worker_options {
    struct event_base *base;
    const struct config *config;          /* borrowed */
    const struct worker_program *program; /* likewise */
    /* Called when the worker holds its lock and serves its shards (perhaps none), and when their number changes. */
    void (*serving)(size_t shards, void *arg);
    void (*drained)(void *arg); /* once, after worker_drain */
    void (*failed)(void *arg);  /* the worker could not be built; the program should exit */
    void *arg;
};

/* Connects, and waits without limit for the servers and the schema. NULL without memory. */
MUST_CHECK struct worker *worker_new(const struct worker_options *options);
/* To be called after the loop. Undecided commands stay in the queues, unpublished rows in the table outbox. */
void worker_free(struct worker *worker);
/* Finishes the current batch, hands over the shards and publishes the rows of the outbox. */
void worker_drain(struct worker *worker);
/* Updates the gauges of worker_metrics.h. */
void worker_update_gauges(const struct worker *worker);

#endif
