/*
 * Latency of bids: from receipt to the broker's confirm, and from the confirm to the decision.
 *
 * Caller: bids.c. gateway_metrics.c lists the families.
 */
#ifndef ROSTRUM_GATEWAY_BID_BID_METRICS_H
#define ROSTRUM_GATEWAY_BID_BID_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family bid_metrics_taken;
extern struct metrics_family bid_metrics_decided;

/* Time from receipt to the 202. */
void bid_metrics_add_taken(int64_t took_us);
/* Time from the confirm to the decision, for a client that waited. */
void bid_metrics_add_decided(int64_t took_us);

#endif
