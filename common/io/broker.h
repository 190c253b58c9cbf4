/*
 * RabbitMQ on an event base, through librabbitmq, which has no asynchronous interface: connecting and logging in is
 * done by a short-lived thread, everything after that by frames read and written without blocking. A struct broker
 * keeps one connection alive (back-off 50 ms doubling to 2 s). Publish and consume on separate brokers: under an alarm
 * the server stops reading from connections that publish.
 *
 * Publishing is with confirms. Each message gets exactly one verdict, from the loop. What was unconfirmed when the
 * link broke is BROKER_UNKNOWN: it may or may not have arrived.
 *
 * Consuming: one channel per consumer, so that a hand-over is "finish, ack, close the channel" (basic.cancel and
 * nack(requeue) break the order). After a reconnect a consumer subscribes again by itself; before that `gone` tells
 * its owner to forget what it has not acked: those deliveries will come again.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_H
#define ROSTRUM_COMMON_IO_BROKER_H

#include <event2/event.h>

#include "common/base/base.h"

struct broker;
struct broker_consumer;
struct metrics_family;

extern struct metrics_family broker_metrics; /* messages published, by verdict */

enum broker_state {
    BROKER_DOWN, /* not connected */
    BROKER_UP,
    BROKER_BLOCKED, /* connected, but the server's alarm forbids publishing */
};

struct broker_options {
    struct event_base *base;
    const char *url;  /* amqp://user:password@host:port/vhost */
    const char *name; /* connection_name in the server's list */
    int heartbeat_s;
    int connect_timeout_ms;
    size_t unconfirmed_max; /* messages in flight, at least 1; then broker_publish says false */
    /* Exchanges and queues that must exist before the broker counts as up (passive declare); NULL-ended; may be NULL.
     */
    const char *const *require_exchanges;
    const char *const *require_queues;
    void (*on_change)(struct broker *broker, enum broker_state state, void *arg); /* may be NULL */
    void *arg;
};

enum broker_verdict {
    BROKER_CONFIRMED,
    BROKER_NACKED,   /* the queue is full (reject-publish) */
    BROKER_RETURNED, /* mandatory, and no queue is bound */
    BROKER_UNKNOWN,  /* link lost before the confirm */
    BROKER_VERDICT_COUNT
};

struct broker_message {
    const char *exchange;
    const char *routing_key;
    const void *body;
    size_t length;
    const char *message_id;  /* may be NULL */
    const char *traceparent; /* header of that name; may be NULL */
    const char *reason;      /* header "reason" of a dead letter; may be NULL */
};

typedef void (*broker_verdict_callback)(enum broker_verdict verdict, void *arg);

/* NULL: without memory or descriptors, or the URL is none (logged). Options are copied. */
MUST_CHECK struct broker *broker_new(const struct broker_options *options);
/*
 * Unconfirmed messages get BROKER_UNKNOWN; consumers are freed without a word. Not from within one of the broker's own
 * callbacks. Sends what was acked and waits up to 200 ms for the server's goodbye, up to 500 ms for a thread that is
 * connecting: for after the loop, or close to it. NULL is allowed.
 */
void broker_free(struct broker *broker);
enum broker_state broker_state(const struct broker *broker);
size_t broker_unconfirmed(const struct broker *broker);
int64_t broker_latency_ms(const struct broker *broker); /* of the last confirm */
/* Why it is down, for /ready and the log; "" when up. */
const char *broker_error(const struct broker *broker);

enum { BROKER_MESSAGE_MAX_BYTES = 8 * 1024 * 1024 }; /* a body; more is a programmer's error */

/*
 * Persistent and mandatory. The message is copied before this returns; what one pass of the loop publishes is sent
 * together at its end. False: down, blocked, unconfirmed_max reached, 16 MiB unsent, or four times unconfirmed_max
 * messages published since the oldest unconfirmed one; then nothing was handed over and the callback will not come.
 * The property correlation_id is the broker's own.
 */
MUST_CHECK bool broker_publish(struct broker *broker, const struct broker_message *message,
                               broker_verdict_callback callback, void *arg);

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
