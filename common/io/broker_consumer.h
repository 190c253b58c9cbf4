/*
 * Consumers on a broker: one channel per consumer, so that a hand-over is "finish, ack, close the channel"
 * (basic.cancel and nack(requeue) break the order). After a reconnect a consumer subscribes again by itself; before
 * that `gone` lets its owner forget what it has not acked: those deliveries will come again.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_CONSUMER_H
#define ROSTRUM_COMMON_IO_BROKER_CONSUMER_H

#include "common/base/base.h"

struct broker;
struct broker_consumer;

struct broker_delivery {
    uint64_t tag;
    bool redelivered;
    int64_t delivery_count; /* x-delivery-count, 0 when absent */
    const char *routing_key;
    const char *message_id; /* "" when absent */
    const char *reason;     /* of a dead letter, cut at 255 bytes; "" when absent */
    const void *body;       /* borrowed for the call */
    size_t length;
};

struct broker_consumer_options {
    const char *queue;
    uint16_t prefetch;
    void (*deliver)(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg);
    void (*gone)(struct broker_consumer *consumer, void *arg); /* see above; may be NULL */
    void *arg;
};

/* NULL only without memory or with too many channels (255). Subscribes as soon as the broker is up. */
MUST_CHECK struct broker_consumer *broker_consume(struct broker *broker, const struct broker_consumer_options *options);
/*
 * Acks `tag`, and with `multiple` all before it. False: the channel is gone, and so is the delivery; it comes again.
 * Take `multiple` once for a batch: RabbitMQ 3.10 sends 32 single acks to a quorum queue and keeps further ones back,
 * which are forgotten (and their messages delivered again) when the channel is closed right behind them.
 */
MUST_CHECK bool broker_ack(struct broker_consumer *consumer, uint64_t tag, bool multiple);
/*
 * Asks how many messages the queue holds that nobody has been given yet; the answer changes broker_consumer_ready.
 * Nothing is asked of a consumer that is not subscribed.
 */
void broker_consumer_ask_ready(struct broker_consumer *consumer);
/* The last answer, -1: none since it subscribed. */
int64_t broker_consumer_ready(const struct broker_consumer *consumer);
/* Closes the channel; what was not acked goes back to the queue in order. No callback comes any more. */
void broker_consumer_close(struct broker_consumer *consumer);

#endif
