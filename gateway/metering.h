/*
 * What the gateway counts. All workers add to the same numbers, in memory that the master made before it forked; any of
 * them answers for all. Callers: reply.c, conn.c, bids.c, auctions.c, snapshots.c, documents.c; master.c and worker.c
 * show it.
 */
#ifndef ROSTRUM_GATEWAY_METERING_H
#define ROSTRUM_GATEWAY_METERING_H

#include "common/metrics.h"
#include "gateway/errors.h"
#include "gateway/request.h"

extern struct metrics_family *const metering_families[]; /* NULL-ended */
extern const struct route metering_routes[];             /* GET /metrics, where metrics_public says so */

/* A request was answered. */
void metering_answered(const struct request *request);
/* It was refused, or could not be done, for this reason. */
void metering_refused(enum error_code code);
/* A connection was accepted, and whether it was kept. */
void metering_connected(bool kept);
/* Gauges, of all workers. */
void metering_workers(size_t serving, int64_t open);

/* A bid's 202, counted from its receipt; and what came after it for a client that waited: the decision. */
void metering_bid_taken(int64_t took_us);
void metering_bid_decided(int64_t took_us);
void metering_auction_created(void);

enum metering_cache { METERING_SNAPSHOT, METERING_DOCUMENT };
void metering_cache(enum metering_cache cache, bool hit);

#endif
