/*
 * Metrics of live updates: connections, messages sent, repairs after lost messages.
 *
 * Callers: subscriptions.c, eventstream.c, watch.c, websocket.c; worker.c (gauges). gateway_metrics.c lists the
 * families.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_LIVE_METRICS_H
#define ROSTRUM_GATEWAY_LIVE_LIVE_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family live_metrics_open;
extern struct metrics_family live_metrics_watching;
extern struct metrics_family live_metrics_sent;
extern struct metrics_family live_metrics_slow;
extern struct metrics_family live_metrics_closed;
extern struct metrics_family live_metrics_repairs;

enum live_metrics_kind { LIVE_METRICS_WEBSOCKET, LIVE_METRICS_EVENT_STREAM };
/* Gauges over all workers. */
void live_metrics_set_open(int64_t connections, int64_t subscriptions);
/* A message was written for a client. */
void live_metrics_add_sent(enum live_metrics_kind kind);
/* A slow client received a snapshot instead of the updates that it missed. */
void live_metrics_add_slow(void);
/* A WebSocket was closed, by either side, with this code; 0: without one. */
void live_metrics_add_closed(unsigned code);
/*
 * Counts a renewed subscription in Redis, a lost update found in PostgreSQL, and a message skipped because the worker
 * could not send all of them in time.
 */
void live_metrics_add_resubscribed(void);
void live_metrics_add_missed(void);
void live_metrics_add_merged(void);

#endif
