/*
 * The table of all gateway metrics. Each layer counts its own (*_metrics.h). All workers add to the same cells, in
 * memory that the master allocates before it forks. So any process can report them for all.
 *
 * Callers: master.c and worker.c.
 */
#ifndef ROSTRUM_GATEWAY_GATEWAY_METRICS_H
#define ROSTRUM_GATEWAY_GATEWAY_METRICS_H

#include "common/base/metrics.h"

extern struct metrics_family *const gateway_metrics_families[]; /* terminated by NULL */

/* Gauge: number of workers that accept connections. */
void gateway_metrics_workers(size_t serving);

#endif
