/*
 * Publishes the results of a committed batch in Redis (common/worker/redis_results.h):
 *   - the snapshots by which gateways admit bids,
 *   - the entries that mark a bid as decided,
 *   - the decisions that gateways wait for.
 * Called by bidworker.c.
 */
#ifndef ROSTRUM_BIDWORKER_RESULTS_H
#define ROSTRUM_BIDWORKER_RESULTS_H

#include "bidworker/batch.h"
#include "common/worker/redis_results.h"

extern const struct republish_pages results_pages;

void results_publish(struct redis_results *results, const struct batch *batch);

#endif
