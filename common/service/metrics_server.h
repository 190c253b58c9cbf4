/*
 * A small HTTP server for operators: GET /metrics, on a listener of its own (metrics_address, metrics_port). Every
 * program has one; the gateway's workers share the master's socket, so that any of them answers for all.
 */
#ifndef ROSTRUM_COMMON_SERVICE_METRICS_SERVER_H
#define ROSTRUM_COMMON_SERVICE_METRICS_SERVER_H

#include <event2/event.h>

#include "common/base/metrics.h"
#include "common/service/config.h"

struct metrics_server;

struct metrics_server_options {
    struct event_base *base;
    int fd;                     /* listening, non-blocking; becomes the server's own */
    void (*collect)(void *arg); /* before each answer: sets gauges that are not kept up to date; may be NULL */
    void *arg;
};

/* The content type of metrics_write's text. */
#define METRICS_SERVER_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* NULL without memory; `fd` is closed then. */
MUST_CHECK struct metrics_server *metrics_server_new(const struct metrics_server_options *options);
/*
 * All that a program without forks needs: opens `list`, and if metrics_port is not 0 listens there. NULL with *good =
 * true: it is switched off; with false: it cannot (logged).
 */
struct metrics_server *metrics_server_start(struct event_base *base, const struct config *config,
                                            struct metrics_family *const *list, void (*collect)(void *arg), void *arg,
                                            bool *ok);
/* Before its base. NULL is allowed. */
void metrics_server_free(struct metrics_server *server);

#endif
