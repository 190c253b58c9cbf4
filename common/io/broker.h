/*
 * RabbitMQ on an event base, through librabbitmq, which has no asynchronous interface: connecting and logging in is
 * done by a short-lived thread, everything after that by frames read and written without blocking. A struct broker
 * keeps one connection alive (back-off 50 ms doubling to 2 s). Publish and consume on separate brokers: under an alarm
 * the server stops reading from connections that publish. Consumers are in broker_consumer.h.
 *
 * Publishing is with confirms. Each message gets exactly one verdict, from the loop. What was unconfirmed when the
 * link broke is BROKER_UNKNOWN: it may or may not have arrived.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_H
#define ROSTRUM_COMMON_IO_BROKER_H

#include "common/base/base.h"
#include "common/io/broker_types.h"

struct broker_link;

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

/*
 * Persistent and mandatory. The message is copied before this returns; what one pass of the loop publishes is sent
 * together at its end. False: down, blocked, unconfirmed_max reached, 16 MiB unsent, or four times unconfirmed_max
 * messages published since the oldest unconfirmed one; then nothing was handed over and the callback will not come.
 * The property correlation_id is the broker's own.
 */
MUST_CHECK bool broker_publish(struct broker *broker, const struct broker_message *message,
                               broker_verdict_callback callback, void *arg);

/* Its connection: for broker_consumer.c. */
struct broker_link *broker_link_of(const struct broker *broker);

#endif
