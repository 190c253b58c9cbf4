/*
 * Latency of commands to flash sales, from receipt to the broker's confirm, callbacks of payments, and what is known of
 * each shard of sales.
 *
 * Callers: sale_commands.c, payments.c, components.c. gateway_metrics.c lists the families.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_METRICS_H
#define ROSTRUM_GATEWAY_SALE_SALE_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family sale_metrics_taken;
extern struct metrics_family sale_metrics_undecided;
extern struct metrics_family sale_metrics_ready;
extern struct metrics_family sale_metrics_deciding;
extern struct metrics_family sale_metrics_callbacks;

enum sale_callback {
    SALE_CALLBACK_QUEUED,
    SALE_CALLBACK_UNKNOWN_ORDER,
    SALE_CALLBACK_UNDECIDED, /* 503: its order may be undecided */
    SALE_CALLBACK_FORGED,
    SALE_CALLBACK_COUNT
};

/* Time from receipt to the 202. */
void sale_metrics_add_taken(int64_t took_us);
/* A callback of a payment, by what became of it. */
void sale_metrics_add_callback(enum sale_callback result);
/* As bid_metrics_set_shard. */
void sale_metrics_set_shard(unsigned shard, int64_t age_ms, int64_t ready, bool decides);

#endif
