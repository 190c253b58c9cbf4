/*
 * RabbitMQ on an event base, through librabbitmq. The library has no asynchronous interface: a short-lived thread
 * connects and logs in, then frames are read and written without blocking. A struct broker keeps one connection alive,
 * or two to different hosts if it publishes to a cluster (broker.c). The next host is tried at once, and after all of
 * them a back-off of 50 ms, which doubles to 2 s. Publish and consume on separate brokers: under an alarm the server
 * stops reading from connections that publish. Consumers are in broker_consumer.h.
 *
 * Publishing uses confirms. The loop reports exactly one verdict for each message. A message that was unconfirmed when
 * its connection broke, or was given up for the standby, gets BROKER_UNKNOWN: it may or may not have arrived. In the
 * callback broker_state shows whether it can be published again.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_H
#define ROSTRUM_COMMON_IO_BROKER_H

#include "common/base/base.h"
#include "common/io/broker_types.h"

struct broker_link;

/* NULL: no memory or descriptors, or the URL cannot be parsed (logged). Options are copied. */
MUST_CHECK struct broker *broker_new(const struct broker_options *options);
/*
 * Unconfirmed messages get BROKER_UNKNOWN; consumers are freed without a callback. Do not call it from a callback of
 * this broker. It sends pending acks. It may block for each connection: up to 200 ms for the server's close-ok, or up
 * to 500 ms for a thread that is connecting. So call it at or after the end of the loop. NULL is allowed.
 */
void broker_free(struct broker *broker);
enum broker_state broker_state(const struct broker *broker);
/* Whether it has a second connection: it publishes, and the URL has several hosts. */
bool broker_has_standby(const struct broker *broker);
/*
 * If the broker has a standby: prepares both connections for publishing to the queue that is bound there, now and each
 * time they come up (broker_probe.h). False: no memory, or more than 128 queues.
 */
MUST_CHECK bool broker_prepare(struct broker *broker, const char *exchange, const char *routing_key);
size_t broker_unconfirmed(const struct broker *broker); /* messages without a verdict, and probes */
int64_t broker_latency_ms(const struct broker *broker); /* of the last confirm or nack, also of a probe */
/* host:port to which it publishes, or did last; "" before the first connection. */
const char *broker_address(const struct broker *broker);
/* The reason why it is down, for /ready and the log; "" when up. */
const char *broker_error(const struct broker *broker);

/*
 * Publishes a persistent, mandatory message. It is copied before this returns. All messages of one pass of the loop are
 * sent together at its end. The broker sets the property correlation_id itself.
 *
 * False: nothing was queued and the callback is not called. Reasons: down, blocked, no memory, unconfirmed_max
 * reached, 16 MiB unsent, or too many messages published since the oldest unconfirmed one (at least four times
 * unconfirmed_max).
 */
MUST_CHECK bool broker_publish(struct broker *broker, const struct broker_message *message,
                               broker_verdict_callback callback, void *arg);

/* The connection, for broker_consumer.c. Not allowed with a standby. */
struct broker_link *broker_link_of(const struct broker *broker);

#endif
