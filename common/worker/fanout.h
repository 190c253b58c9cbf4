/*
 * Fan-out of committed results to current subscribers: a live update to the gateways whose clients watch, a decision to
 * the gateways where its user is connected. Most channels have no subscriber, and one PUBSUB NUMSUB for many channels
 * is cheaper than publishing to each. So a message is only built for channels with subscribers.
 *
 * A gateway that subscribes after the query reads PostgreSQL afterwards, where the batch is already committed.
 *
 * Callers: redis_results.c, results.c of bidworker and saleworker.
 */
#ifndef ROSTRUM_COMMON_WORKER_FANOUT_H
#define ROSTRUM_COMMON_WORKER_FANOUT_H

#include "common/base/json.h"
#include "common/io/redis.h"

struct fanout;

enum { FANOUT_ITEM_SIZE = 1280 }; /* bytes of an item */

/* How an item becomes a message. */
struct fanout_kind {
    size_t size; /* of an item, at most FANOUT_ITEM_SIZE */
    void (*write)(struct jsonw *writer, const void *item);
};

/* `redis` is borrowed, and must be freed before the fan-out: freeing it ends all pending queries. */
MUST_CHECK struct fanout *fanout_new(struct redis *redis);
void fanout_free(struct fanout *fanout);
/*
 * Copies channel and item, keeps the kind, and may send a query. False: Redis takes no more, or no memory; some
 * messages are lost.
 */
MUST_CHECK bool fanout_add(struct fanout *fanout, const char *channel, const struct fanout_kind *kind,
                           const void *item);
/* Publishes at once, without a query. False: Redis takes no more, or no memory. */
MUST_CHECK bool fanout_publish(struct fanout *fanout, const char *channel, const struct fanout_kind *kind,
                               const void *item);
/* Sends the query for the collected channels. False: Redis takes no more; the collected messages are lost. */
MUST_CHECK bool fanout_flush(struct fanout *fanout);

#endif
