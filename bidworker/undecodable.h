/*
 * Deliveries that are no messages of ours: nothing in them can be decided, and no bid of ours is lost with them. A copy
 * goes to the dead-letter queue, with the reason, and only its confirm lets the delivery be acked. They wait beside the
 * bids, not between them: what comes behind is decided meanwhile, under the broker's alarm too.
 */
#ifndef ROSTRUM_BIDWORKER_UNDECODABLE_H
#define ROSTRUM_BIDWORKER_UNDECODABLE_H

#include <event2/event.h>

#include "common/io/broker.h"

struct garbage;

struct garbage_options {
    struct event_base *base;
    struct broker *broker; /* the one that publishes */
    unsigned shards;
    /* The copy is safe: ack it. Called from the loop. */
    void (*kept)(unsigned shard, uint64_t tag, void *arg);
    void *arg;
};

MUST_CHECK struct garbage *garbage_new(const struct garbage_options *options);
/* The broker is to be freed before. */
void garbage_free(struct garbage *garbage);
/* Copies the body. Without memory the delivery stays unacked and comes again. `why` is static. */
void garbage_add(struct garbage *garbage, unsigned shard, const struct broker_delivery *delivery, const char *why);
/* Deliveries of this shard that are not to be acked yet. */
size_t garbage_count(const struct garbage *garbage, unsigned shard);
/* The shard's channel is gone: its deliveries come again, `kept` must not be called for them any more. */
void garbage_forget(struct garbage *garbage, unsigned shard);

#endif
