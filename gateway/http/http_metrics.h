/*
 * Counters of HTTP: requests, refusals, connections. All workers add to the same cells, in memory that the master makes
 * before it forks.
 *
 * Callers: reply.c, conn.c, commands.c (refusals over a WebSocket), worker.c; gateway_metrics.c lists the families.
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

/* A request was answered. */
void http_metrics_answered(const struct request *request);
/* It was refused, or could not be done, for this reason. */
void http_metrics_refused(enum error_code code);
/* A connection was accepted, and whether it was kept. */
void http_metrics_connected(bool kept);
/* Gauge: open connections of all workers. */
void http_metrics_open(int64_t open);

#endif
