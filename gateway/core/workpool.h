/*
 * A pool of threads for blocking work: the image decoder, files, an S3 server, password hashes. The queue is bounded:
 * when it is full, workpool_run fails and the caller answers 503. Completion callbacks run on the event loop.
 *
 * A job gets one pointer and accesses no other data of the gateway. Callers: images.c, hashpool.c.
 */
#ifndef ROSTRUM_GATEWAY_CORE_WORKPOOL_H
#define ROSTRUM_GATEWAY_CORE_WORKPOOL_H

#include <event2/event.h>

#include "common/base/base.h"

struct workpool;

struct workpool_options {
    struct event_base *base;
    int threads;
    int queue_max; /* jobs that wait or run */
};

MUST_CHECK struct workpool *workpool_new(const struct workpool_options *options);
/* Waits for running jobs. Their `done` is not called any more, so the caller must free what open jobs own. */
void workpool_free(struct workpool *pool);

/* Runs `work` on a thread, then `done` on the loop, both with `arg`. False if the queue is full: neither runs. */
MUST_CHECK bool workpool_run(struct workpool *pool, void (*work)(void *arg), void (*done)(void *arg), void *arg);

#endif
