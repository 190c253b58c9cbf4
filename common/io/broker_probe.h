/*
 * Prepares a connection for publishing to quorum queues. RabbitMQ's channel opens a session with the queue's leader at
 * the first message for that queue. While the leader's node is silent, that fails: measured with RabbitMQ 3.10, the
 * channel was blocked for 63 s, for all its queues. A session that exists learns of each new leader, and confirms came
 * after 7 s. So a connection sends a probe to each queue when it comes up, and is proved once all are answered.
 *
 * A nack may mean that the queue is full, which proves the session as well. Such a probe is sent again, up to
 * PROBE_NACKS_MAX times.
 *
 * Caller: broker_sender.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_PROBE_H
#define ROSTRUM_COMMON_IO_BROKER_PROBE_H

#include "common/io/broker_types.h"

struct broker_prober;

/* Publishes on the connection that is probed. */
typedef bool (*broker_probe_publish)(void *connection, const struct broker_message *message,
                                     broker_verdict_callback callback, void *arg);

/* NULL: no memory. */
MUST_CHECK struct broker_prober *broker_prober_new(struct event_base *base, broker_probe_publish publish,
                                                   void *connection);
/* See broker_prepare. */
MUST_CHECK bool broker_prober_add(struct broker_prober *prober, const char *exchange, const char *routing_key);
void broker_prober_free(struct broker_prober *prober);
/* The connection is up: sends all probes. */
void broker_prober_start(struct broker_prober *prober);
/* The connection is lost, and its messages have their verdicts. */
void broker_prober_stop(struct broker_prober *prober);
bool broker_prober_proved(const struct broker_prober *prober);

#endif
