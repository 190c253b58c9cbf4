/*
 * One gateway worker: a process with one loop, made by the master's fork.
 */
#ifndef ROSTRUM_GATEWAY_WORKER_H
#define ROSTRUM_GATEWAY_WORKER_H

#include <stdatomic.h>

#include "common/service/config.h"
#include "gateway/core/deployment.h"

enum { WORKER_LISTENERS_MAX = 8 };

/* What a worker tells the master, in memory that both share. */
struct worker_slot {
    atomic_bool serving;     /* it accepts connections */
    _Atomic int64_t beat_ms; /* monotonic; when its loop last came round */
    _Atomic int64_t open;    /* connections */
    _Atomic int64_t live;    /* of which stay: WebSockets and event streams */
    _Atomic int64_t watched; /* auctions, by so many */
};

enum { WORKER_BEAT_MS = 500 };

struct worker_options {
    const struct config *config;
    const int *listeners; /* its own to close */
    size_t listener_count;
    struct worker_slot *slot; /* its own among `slots` */
    const struct worker_slot *slots;
    size_t slot_count;
    struct deployment_record *record;
    int metrics; /* the listener of the metrics, its own to close; -1: none */
};

/* Runs until it is drained or fails; returns the process's exit code. */
int worker_run(const struct worker_options *options);

#endif
