/*
 * Publishes the results of a committed batch in Redis:
 *   - the snapshots by which gateways admit bids,
 *   - the entries that mark a bid as decided,
 *   - the decisions that gateways wait for.
 * Redis may be down: gateways then read PostgreSQL. Called by worker.c.
 */
#ifndef ROSTRUM_BIDWORKER_RESULTS_H
#define ROSTRUM_BIDWORKER_RESULTS_H

#include <event2/event.h>

#include "bidworker/batch.h"
#include "common/service/config.h"
#include "common/service/shards.h"

struct results;

MUST_CHECK struct results *results_new(struct event_base *base, const struct config *config);
void results_free(struct results *results);
void results_publish(struct results *results, const struct batch *batch);
/* Stores the report about a shard that this worker serves. */
void publish_shard(struct results *results, unsigned shard, const struct shards_report *report);

#endif
