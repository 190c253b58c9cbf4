/*
 * Deliveries that are no messages of ours: nothing in them can be decided, and no bid of ours is lost with them. A copy
 * goes to the dead-letter queue, with the reason, and only its confirm lets the delivery be acked. They wait beside the
 * bids, not between them: what comes behind is decided meanwhile, under the broker's alarm too.
 */
#ifndef ROSTRUM_BIDWORKER_UNDECODABLE_H
#define ROSTRUM_BIDWORKER_UNDECODABLE_H

#include <event2/event.h>

#include "common/io/broker.h"
#include "common/io/broker_consumer.h"

struct undecodable;

struct undecodable_options {
    struct event_base *base;
    struct broker *broker; /* the one that publishes */
    unsigned shards;
    /* The copy is safe: ack it. Called from the loop. */
    void (*kept)(unsigned shard, uint64_t tag, void *arg);
    void *arg;
};

MUST_CHECK struct undecodable *undecodable_new(const struct undecodable_options *options);
/* The broker is to be freed before. */
void undecodable_free(struct undecodable *undecodable);
/* Copies the body. Without memory the delivery stays unacked and comes again. `why` is static. */
void undecodable_add(struct undecodable *undecodable, unsigned shard, const struct broker_delivery *delivery,
                     const char *reason);
/* Deliveries of this shard that are not to be acked yet. */
size_t undecodable_count(const struct undecodable *undecodable, unsigned shard);
/* The shard's channel is gone: its deliveries come again, `kept` must not be called for them any more. */
void undecodable_forget(struct undecodable *undecodable, unsigned shard);

#endif
