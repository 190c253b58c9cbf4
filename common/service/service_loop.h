/*
 * The event loop of a worker program: base, daemon, metrics server, and a drain that polls until no work is running.
 *
 * service_loop_run creates base, daemon and metrics server, calls `open`, runs the loop, calls `close`, and frees its
 * own parts last. So the program's components may use all of them from `open` to `close`.
 *
 * Callers: main.c of bidworker, endworker and notifyworker. The gateway does not use it, because its workers share the
 * metrics listener of their master.
 */
#ifndef ROSTRUM_COMMON_SERVICE_SERVICE_LOOP_H
#define ROSTRUM_COMMON_SERVICE_SERVICE_LOOP_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/base/metrics.h"
#include "common/service/config.h"
#include "common/service/daemon.h"

struct metrics_server;

extern struct metrics_family service_loop_metrics; /* unit and pid of this process */

struct service_loop_calls {
    struct metrics_family *const *families; /* NULL-ended; kept */
    /* Creates the program's components. False: no memory, or an address cannot be used. */
    bool (*open)(void *arg);
    /* Frees the components; also called after `open` failed, when some of them are missing. */
    void (*close)(void *arg);
    /* SIGTERM or SIGINT: stops taking work. */
    void (*drain)(void *arg);
    /* Polled during a drain: false ends the loop. NULL: the program calls daemon_drained itself. */
    bool (*busy)(void *arg);
    /* Sets gauges before each answer of the metrics server; may be NULL. */
    void (*collect)(void *arg);
    void *arg;
};

struct service_loop {
    struct event_base *base;
    struct daemon *daemon;
    struct metrics_server *metrics; /* NULL: switched off */
    struct event *drain_timer;
    const struct service_loop_calls *calls;
    bool failed;
    bool refused;
};

/* Runs the program until it is drained or fails, and returns its exit code. `loop` is zeroed by the caller. */
MUST_CHECK int service_loop_run(struct service_loop *loop, const struct config *config,
                                const struct service_loop_calls *calls);
/* Ends the loop with EXIT_FAILED. */
void service_loop_fail(struct service_loop *loop);
/* The same with EXIT_USAGE: the settings are wrong, and a restart does not help. */
void service_loop_refuse(struct service_loop *loop);

#endif
