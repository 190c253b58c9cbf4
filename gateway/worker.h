/*
 * One gateway worker: a process with one event loop, forked by the master.
 */
#ifndef ROSTRUM_GATEWAY_WORKER_H
#define ROSTRUM_GATEWAY_WORKER_H

#include <stdatomic.h>

#include "common/service/config.h"
#include "gateway/core/deployment.h"
#include "gateway/web/page_table.h"

enum { WORKER_LISTENERS_MAX = 8 };

/* State that a worker shares with the master. */
struct worker_slot {
    atomic_bool serving;     /* it accepts connections */
    _Atomic int64_t beat_ms; /* monotonic; last pass of its loop */
    _Atomic int64_t open;    /* open connections */
    _Atomic int64_t live;    /* of these, WebSockets and event streams */
    _Atomic int64_t watched; /* subscriptions to auctions */
    atomic_uint generation;  /* of its settings and pages */
};

enum { WORKER_BEAT_MS = 500 };

struct worker_options {
    const struct config *config;
    const int *listeners; /* closed by the worker */
    size_t listener_count;
    struct worker_slot *slot; /* its own one in `slots` */
    const struct worker_slot *slots;
    size_t slot_count;
    struct deployment_record *record;
    const struct page_table *pages; /* memory of the master; NULL: none */
    int metrics;                    /* metrics listener, closed by the worker; -1: none */
};

/* Runs until it is drained or fails. Returns the process's exit code. */
int worker_run(const struct worker_options *options);

#endif
