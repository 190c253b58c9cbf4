/*
 * Work that blocks (a picture's helper, files, an S3 server), on a few threads beside the loop. The queue is bounded;
 * when it is full, the caller is told and answers 503. Results come back on the loop.
 *
 * Work gets one pointer and touches nothing else of the gateway. Callers: images.c, hashpool.c.
 */
#ifndef ROSTRUM_GATEWAY_CORE_WORKPOOL_H
#define ROSTRUM_GATEWAY_CORE_WORKPOOL_H

#include <event2/event.h>

#include "common/base/base.h"

struct workpool;

struct workpool_options {
    struct event_base *base;
    int threads;
    int queue_max; /* jobs waiting or being worked on */
};

MUST_CHECK struct workpool *workpool_new(const struct workpool_options *options);
/* Waits for what is being worked on. No callback comes any more: no job may be open that owns something. */
void workpool_free(struct workpool *pool);

/* `work` runs on a thread, then `done` on the loop, both with `arg`. False: the queue is full, and neither will. */
MUST_CHECK bool workpool_run(struct workpool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg);

#endif
