/*
 * HTTP metrics: requests, refusals, connections. All workers add to the same counters, in shared memory that the master
 * creates before it forks.
 *
 * Callers: reply.c, conn_accept.c, conn_state.c, command.c (refusals over a WebSocket), worker.c; gateway_metrics.c
 * lists the families.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_HTTP_METRICS_H
#define ROSTRUM_GATEWAY_HTTP_HTTP_METRICS_H

#include "common/base/metrics.h"
#include "gateway/http/errors.h"
#include "gateway/http/request.h"

extern struct metrics_family http_metrics_requests;
extern struct metrics_family http_metrics_durations;
extern struct metrics_family http_metrics_refusals;
extern struct metrics_family http_metrics_accepted;
extern struct metrics_family http_metrics_connections;

/* Counts an answered request and its duration. */
void http_metrics_answered(const struct request *request);
/* Counts a refusal or failure by its error code. */
void http_metrics_refused(enum error_code code);
/* Counts an accepted connection; not `kept`: it was closed because of connections_max. */
void http_metrics_connected(bool kept);
/* Sets the gauge of open connections, of all workers together. */
void http_metrics_open(int64_t open);

#endif
