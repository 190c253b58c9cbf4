/*
 * Consumers on a broker, one channel each. A hand-over is: finish, ack, close the channel (basic.cancel and
 * nack(requeue) break the order). After a reconnect a consumer subscribes again automatically. Before that it calls
 * `gone`: the owner must drop its unacked deliveries, because they will be redelivered.
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
    const char *reason;     /* header of a dead letter, cut at 255 bytes; "" when absent */
    const void *body;       /* borrowed for the call */
    size_t length;
};

struct broker_consumer_options {
    const char *queue;
    uint16_t prefetch;
    void (*deliver)(struct broker_consumer *consumer, const struct broker_delivery *delivery, void *arg);
    void (*gone)(struct broker_consumer *consumer, void *arg); /* the channel is gone, see above; may be NULL */
    void *arg;
};

/* NULL: no memory or too many channels (255). Subscribes as soon as the broker is up. */
MUST_CHECK struct broker_consumer *broker_consume(struct broker *broker, const struct broker_consumer_options *options);
/*
 * Acks `tag`, and with `multiple` all earlier ones. False: the channel is gone and the delivery will be redelivered.
 *
 * Use one ack with `multiple` for a batch. For a quorum queue RabbitMQ 3.10 processes 32 single acks and holds the
 * others back. It drops those, and redelivers their messages, if the channel is closed right after them.
 */
MUST_CHECK bool broker_ack(struct broker_consumer *consumer, uint64_t tag, bool multiple);
/*
 * Requests the number of ready (undelivered) messages of the queue; the reply updates broker_consumer_ready. Does
 * nothing if the consumer is not subscribed.
 */
void broker_consumer_ask_ready(struct broker_consumer *consumer);
/* The last reply; -1 if there was none since the consumer subscribed. */
int64_t broker_consumer_ready(const struct broker_consumer *consumer);
/* Closes the channel; unacked messages return to the queue in order. No callback follows. */
void broker_consumer_close(struct broker_consumer *consumer);

#endif
