/*
 * A small HTTP server for operators: GET /metrics on its own listener (metrics_address, metrics_port). Every program
 * has one. The gateway's workers share the master's socket, and each of them returns the values of all.
 */
#ifndef ROSTRUM_COMMON_SERVICE_METRICS_SERVER_H
#define ROSTRUM_COMMON_SERVICE_METRICS_SERVER_H

#include <event2/event.h>

#include "common/base/metrics.h"
#include "common/service/config.h"

struct metrics_server;

struct metrics_server_options {
    struct event_base *base;
    int fd;                     /* listening, non-blocking; the server owns and closes it */
    void (*collect)(void *arg); /* called before each answer, to set gauges; may be NULL */
    void *arg;
};

/* The content type of the text from metrics_write. */
#define METRICS_SERVER_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* NULL: no memory; `fd` is then closed. */
MUST_CHECK struct metrics_server *metrics_server_new(const struct metrics_server_options *options);
/*
 * For a program that does not fork: opens `list`, and listens on metrics_port unless that is 0. NULL with *ok = true:
 * it is switched off. NULL with *ok = false: it failed (logged).
 */
struct metrics_server *metrics_server_start(struct event_base *base, const struct config *config,
                                            struct metrics_family *const *list, void (*collect)(void *arg), void *arg,
                                            bool *ok);
/* Call it before the base is freed. NULL is allowed. */
void metrics_server_free(struct metrics_server *server);

#endif
