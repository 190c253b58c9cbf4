/*
 * Prepares a connection for publishing to quorum queues. RabbitMQ's channel opens a session with the queue's leader at
 * the first message for that queue. While the leader's node is silent, that fails: measured with RabbitMQ 3.10, the
 * channel was blocked for 63 s, for all its queues. A session that exists learns of each new leader, and confirms came
 * after 7 s. So a connection sends a probe to each queue when it comes up, and is proved once all are answered. A proof
 * says nothing about later: broker_prober_renew shows whether the node can still confirm.
 *
 * A nacked probe is sent again every 500 ms, because the queue may elect a leader. The 16th nack, after 8 s, counts as
 * an answer: an election is shorter, so the queue is full.
 *
 * Caller: broker_sender.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_PROBE_H
#define ROSTRUM_COMMON_IO_BROKER_PROBE_H

#include "common/io/broker_types.h"

enum { BROKER_PROBE_RENEW_MS = 500 }; /* between two renewals */

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
/*
 * Sends each answered probe again, unless its renewal before still waits for a verdict. No effect within
 * BROKER_PROBE_RENEW_MS of the last renewal.
 */
void broker_prober_renew(struct broker_prober *prober);
/* All probes were answered since the connection came up. */
bool broker_prober_proved(const struct broker_prober *prober);
/* Whether a probe was confirmed within the last `ms`, or there are no probes. A node without a majority confirms none.
 */
bool broker_prober_fresh(const struct broker_prober *prober, int64_t ms);
/* The server takes messages again, after an alarm: the time to be proved begins anew. */
void broker_prober_resume(struct broker_prober *prober);
/* For how long the connection has waited to be proved, in ms; 0 if it is proved or down. */
int64_t broker_prober_waiting_ms(const struct broker_prober *prober);

#endif
