/*
 * All metrics of the gateway in one table; each is counted by the layer that it is about (*_metrics.h). All workers add
 * to the same cells, in memory that the master makes before it forks; any of them answers for all.
 *
 * Callers: master.c and worker.c.
 */
#ifndef ROSTRUM_GATEWAY_GATEWAY_METRICS_H
#define ROSTRUM_GATEWAY_GATEWAY_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family *const gateway_metrics_families[]; /* NULL-ended */

/* Gauge: workers that accept connections. */
void gateway_metrics_workers(size_t serving);

#endif
