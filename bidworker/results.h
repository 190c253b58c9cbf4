/*
 * What the world is told of a committed batch, besides the outbox: the snapshots by which gateways admit bids, the
 * entries by which they know that a bid is decided, and the decisions that they wait for. All of it goes to Redis, and
 * none of it matters if Redis is away: gateways then ask PostgreSQL.
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
/* Says how much of a shard is unacknowledged, for `rostrumctl shards`. */
void publish_shard(struct results *results, unsigned shard, const struct shards_report *report);

#endif
