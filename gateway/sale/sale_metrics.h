/*
 * Latency of commands to flash sales, from receipt to the broker's confirm, and what is known of each shard of sales.
 *
 * Callers: sale_commands.c, components.c. gateway_metrics.c lists the families.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_METRICS_H
#define ROSTRUM_GATEWAY_SALE_SALE_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family sale_metrics_taken;
extern struct metrics_family sale_metrics_undecided;
extern struct metrics_family sale_metrics_ready;
extern struct metrics_family sale_metrics_deciding;

/* Time from receipt to the 202. */
void sale_metrics_add_taken(int64_t took_us);
/* As bid_metrics_set_shard. */
void sale_metrics_set_shard(unsigned shard, int64_t age_ms, int64_t ready, bool decides);

#endif
