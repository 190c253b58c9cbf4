/*
 * Counts created auctions. Caller: auctions.c. gateway_metrics.c lists the family.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_AUCTION_METRICS_H
#define ROSTRUM_GATEWAY_AUCTION_AUCTION_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family auction_metrics_created;

void auction_metrics_add_created(void);

#endif
