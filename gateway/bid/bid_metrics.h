/*
 * Latency of bids: from receipt to the broker's confirm, and from the confirm to the decision. What is known of each
 * shard: backlog.h.
 *
 * Callers: bids.c, backlog_reader.c. gateway_metrics.c lists the families.
 */
#ifndef ROSTRUM_GATEWAY_BID_BID_METRICS_H
#define ROSTRUM_GATEWAY_BID_BID_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family bid_metrics_taken;
extern struct metrics_family bid_metrics_decided;
extern struct metrics_family bid_metrics_undecided;
extern struct metrics_family bid_metrics_ready;
extern struct metrics_family bid_metrics_deciding;

/* Time from receipt to the 202. */
void bid_metrics_add_taken(int64_t took_us);
/* Time from the confirm to the decision, for a client that waited. */
void bid_metrics_add_decided(int64_t took_us);
/* Of one shard: age of its oldest undecided bid, and depth of its queue; negative values are unknown, and hidden. */
void bid_metrics_set_shard(unsigned shard, int64_t age_ms, int64_t ready, bool decides);

#endif
