/*
 * The connection to Redis of a worker: to it go the results of committed batches, the reports about its shards and the
 * snapshots that are published again (republish.h). What a result is, is the program's: results.c of bidworker and
 * saleworker.
 *
 * No reply from Redis is awaited. It may be down: gateways then read PostgreSQL. Callers: worker.c, cycle.c and these.
 */
#ifndef ROSTRUM_COMMON_WORKER_REDIS_RESULTS_H
#define ROSTRUM_COMMON_WORKER_REDIS_RESULTS_H

#include <event2/event.h>

#include "common/protocol/snapshot.h"
#include "common/service/config.h"
#include "common/service/shards.h"
#include "common/worker/decided_marks.h"
#include "common/worker/fanout.h"
#include "common/worker/republish.h"

struct redis_results {
    struct redis *redis;
    struct snapshot_writer snapshots;
    struct decided_marks marks;
    struct fanout *fanout;
    struct republish *republish; /* NULL until the number of shards is known */
    bool reported;               /* the failure of Redis was logged */
    struct redis_script scripts[2];
};

/* NULL without memory. */
MUST_CHECK struct redis_results *redis_results_new(struct event_base *base, const struct config *config);
/* Free the connections to PostgreSQL first. NULL is allowed. */
void redis_results_free(struct redis_results *results);
/* The number of shards is known: snapshots are published again. False without memory. */
MUST_CHECK bool redis_results_start(struct redis_results *results, const struct republish_options *republish);
/* Stores the report about a shard that this worker serves in the Redis hash `key`. */
void redis_results_report(struct redis_results *results, const char *key, unsigned shard,
                          const struct shards_report *report);

/* --- for the program; the first two return false if Redis takes no more --- */

/* Publishes a decision to the waiting gateway worker, if any. */
MUST_CHECK bool redis_results_reply(const struct redis_results *results, const struct uuid *reply_to,
                                    const struct fanout_kind *kind, const void *decision);
/* Publishes a decision to the gateways where the user is connected. */
MUST_CHECK bool redis_results_tell(const struct redis_results *results, const struct uuid *user,
                                   const struct fanout_kind *kind, const void *decision);
/* After all results of a batch: sends what is collected. `ok`: Redis took them. Logs the first failure. */
void redis_results_end(struct redis_results *results, bool ok);

#endif
