/*
 * Publishes the results of a committed batch in Redis (common/worker/redis_results.h): snapshots and live updates,
 * marks of decided commands, and the decisions that gateways wait for. Called by saleworker.c.
 */
#ifndef ROSTRUM_SALEWORKER_RESULTS_H
#define ROSTRUM_SALEWORKER_RESULTS_H

#include "common/worker/redis_results.h"
#include "saleworker/batch.h"

extern const struct republish_pages results_pages;

/* Publishes each decision once, also if the batch needs several transactions. */
void results_publish(struct redis_results *results, struct sale_batch *batch);

#endif
