/*
 * What the gateway counts. All workers add to the same numbers, in memory that the master made before it forked; any of
 * them answers for all. Callers: reply.c, conn.c, bids.c, auctions.c, snapshots.c, documents.c; master.c and worker.c
 * show it.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_GATEWAY_METRICS_H
#define ROSTRUM_GATEWAY_HTTP_GATEWAY_METRICS_H

#include "common/base/metrics.h"
#include "gateway/http/errors.h"
#include "gateway/http/request.h"

extern struct metrics_family *const gateway_metrics_families[]; /* NULL-ended */

/* A request was answered. */
void gateway_metrics_answered(const struct request *request);
/* It was refused, or could not be done, for this reason. */
void gateway_metrics_refused(enum error_code code);
/* A connection was accepted, and whether it was kept. */
void gateway_metrics_connected(bool kept);
/* Gauges, of all workers. */
void gateway_metrics_workers(size_t serving, int64_t open);

/* A bid's 202, counted from its receipt; and what came after it for a client that waited: the decision. */
void gateway_metrics_bid_taken(int64_t took_us);
void gateway_metrics_bid_decided(int64_t took_us);
void gateway_metrics_auction_created(void);

enum gateway_metrics_cache { GATEWAY_METRICS_SNAPSHOT, GATEWAY_METRICS_DOCUMENT, GATEWAY_METRICS_CACHE_COUNT };
void gateway_metrics_cache(enum gateway_metrics_cache cache, bool hit);

/* ---- live updates ---- */

enum gateway_metrics_live { GATEWAY_METRICS_WEBSOCKET, GATEWAY_METRICS_EVENT_STREAM, GATEWAY_METRICS_LIVE_COUNT };
/* Gauges, of all workers. */
void gateway_metrics_live(int64_t connections, int64_t subscriptions);
/* A message was written for a client. */
void gateway_metrics_live_sent(enum gateway_metrics_live kind);
/* A client got a snapshot because it reads too slowly. */
void gateway_metrics_live_slow(void);
/* A client was closed by us, or we by it, with this code; 0: without. */
void gateway_metrics_live_closed(unsigned code);
/* A channel of Redis was subscribed to anew; a message that never came was found in PostgreSQL; one was left out
 * because a worker could not tell it to all in time. */
void gateway_metrics_live_resubscribed(void);
void gateway_metrics_live_missed(void);
void gateway_metrics_live_merged(void);

#endif
