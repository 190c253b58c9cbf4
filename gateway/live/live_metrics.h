/*
 * Counters of live updates: who is connected, what is sent, what had to be repaired.
 *
 * Callers: commands.c, eventstream.c, watch.c, websocket.c; worker.c (gauges). gateway_metrics.c lists the families.
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
/* Gauges, of all workers. */
void live_metrics_set_open(int64_t connections, int64_t subscriptions);
/* A message was written for a client. */
void live_metrics_add_sent(enum live_metrics_kind kind);
/* A client got a snapshot because it reads too slowly. */
void live_metrics_add_slow(void);
/* A client was closed by us, or we by it, with this code; 0: without. */
void live_metrics_add_closed(unsigned code);
/* A channel of Redis was subscribed to anew. A lost message was found in PostgreSQL. A message was left out because a
 * worker could not send it to all in time. */
void live_metrics_add_resubscribed(void);
void live_metrics_add_missed(void);
void live_metrics_add_merged(void);

#endif
