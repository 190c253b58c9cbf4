/*
 * How long bids take: to the broker's confirm, and from there to the decision.
 *
 * Caller: bids.c; gateway_metrics.c lists the families.
 */
#ifndef ROSTRUM_GATEWAY_BID_BID_METRICS_H
#define ROSTRUM_GATEWAY_BID_BID_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family bid_metrics_taken;
extern struct metrics_family bid_metrics_decided;

/* A bid's 202, counted from its receipt. */
void bid_metrics_add_taken(int64_t took_us);
/* The decision, for a client that waited, counted from the confirm. */
void bid_metrics_add_decided(int64_t took_us);

#endif
