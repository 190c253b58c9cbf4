/*
 * Hits and misses of the caches of auctions in Redis.
 *
 * Callers: bids.c (its snapshot), documents.c (its public document); gateway_metrics.c lists the family.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_CACHE_METRICS_H
#define ROSTRUM_GATEWAY_QUERY_CACHE_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family cache_metrics_lookups;

enum cache_metrics { CACHE_METRICS_SNAPSHOT, CACHE_METRICS_DOCUMENT };
void cache_metrics_add(enum cache_metrics cache, bool hit);

#endif
