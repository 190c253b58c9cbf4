/*
 * Deliveries that cannot be decoded as a message of commands. They contain nothing to decide. A copy with the reason is
 * published to the dead-letter queue. The delivery is acked only after the broker confirmed the copy.
 *
 * They are kept apart from the buffers of commands: later deliveries are decided meanwhile, also during a broker alarm.
 * Called by shard_reader.c.
 */
#ifndef ROSTRUM_COMMON_WORKER_UNDECODABLE_H
#define ROSTRUM_COMMON_WORKER_UNDECODABLE_H

#include <event2/event.h>

#include "common/io/broker.h"
#include "common/io/broker_consumer.h"

struct undecodable;

struct undecodable_options {
    struct event_base *base;
    struct broker *broker;   /* a broker connection that publishes */
    const char *routing_key; /* of the dead letters; kept */
    unsigned shards;
    /* The copy is confirmed: the delivery may be acked. Called from the loop. */
    void (*kept)(unsigned shard, uint64_t tag, void *arg);
    void *arg;
};

MUST_CHECK struct undecodable *undecodable_new(const struct undecodable_options *options);
/* The broker must be freed before. */
void undecodable_free(struct undecodable *undecodable);
/*
 * Copies the body. `reason` is static. False: no memory; then no later delivery of the channel may be acked, because an
 * ack may cover this one.
 */
MUST_CHECK bool undecodable_add(struct undecodable *undecodable, unsigned shard, const struct broker_delivery *delivery,
                                const char *reason);
/* Number of deliveries of this shard that may not be acked yet. */
size_t undecodable_count(const struct undecodable *undecodable, unsigned shard);
/* To be called if the shard's channel is gone: its deliveries are redelivered, so `kept` is not called for them. */
void undecodable_forget(struct undecodable *undecodable, unsigned shard);

#endif
