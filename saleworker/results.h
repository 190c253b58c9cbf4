/*
 * Publishes the results of a committed batch in Redis: snapshots and live updates, marks of decided commands, and the
 * decisions that gateways wait for. Redis may be down: gateways then read PostgreSQL.
 * Called by saleworker.c and republish.c.
 */
#ifndef ROSTRUM_SALEWORKER_RESULTS_H
#define ROSTRUM_SALEWORKER_RESULTS_H

#include <event2/event.h>

#include "common/protocol/sale_snapshot.h"
#include "common/service/config.h"
#include "common/service/shards.h"
#include "saleworker/batch.h"

struct results;

/* `connected` is called when Redis is connected. NULL without memory. */
MUST_CHECK struct results *results_new(struct event_base *base, const struct config *config,
                                       void (*connected)(void *arg), void *arg);
void results_free(struct results *results);
/* The epoch of the rows that follow. Until it is known, no snapshot is published. */
void results_set_epoch(struct results *results, int64_t epoch);
bool results_connected(const struct results *results); /* to Redis */
/* Publishes one snapshot. False: Redis is down or takes no more. */
MUST_CHECK bool results_publish_snapshot(struct results *results, const struct sale_snapshot *snapshot);
/* Publishes each decision once, also if the batch needs several transactions. */
void results_publish(struct results *results, struct sale_batch *batch);
/* Stores the report about a shard that this worker serves. */
void results_publish_shard(struct results *results, unsigned shard, const struct shards_report *report);

#endif
