/*
 * One connection that publishes: its link, its publish channel with the messages that have no verdict yet, and its
 * probes. A broker has one, or two to different hosts. Caller: broker.c.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_SENDER_H
#define ROSTRUM_COMMON_IO_BROKER_SENDER_H

#include "common/io/broker_link.h"

struct broker_sender;

/*
 * The `connection`-th connection of the broker. `on_change` is called at each change of the link's state, before the
 * verdicts of a lost link. NULL as in broker_new.
 */
MUST_CHECK struct broker_sender *broker_sender_new(const struct broker_options *options, size_t connection,
                                                   void (*on_change)(struct broker_sender *sender, void *arg),
                                                   void *arg);
/* See broker_free. NULL is allowed. */
void broker_sender_free(struct broker_sender *sender);
struct broker_link *broker_sender_link(const struct broker_sender *sender);
size_t broker_sender_unconfirmed(const struct broker_sender *sender);
int64_t broker_sender_latency_ms(const struct broker_sender *sender); /* of the last confirm */
/* See broker_confirm_stalled_ms. */
int64_t broker_sender_stalled_ms(const struct broker_sender *sender);
/* The link is up, and all its probes were answered. */
bool broker_sender_proved(const struct broker_sender *sender);
/* See broker_prober_fresh, broker_prober_renew and broker_prober_waiting_ms. */
bool broker_sender_fresh(const struct broker_sender *sender, int64_t ms);
void broker_sender_renew(struct broker_sender *sender);
int64_t broker_sender_unproved_ms(const struct broker_sender *sender);
/* Whether any message was confirmed or nacked within the last `ms`. */
bool broker_sender_answers(const struct broker_sender *sender, int64_t ms);
/* Messages that have waited for `ms` get BROKER_UNKNOWN. The connection stays. */
void broker_sender_expire(struct broker_sender *sender, int64_t ms);
/* See broker_prepare. */
MUST_CHECK bool broker_sender_prepare(struct broker_sender *sender, const char *exchange, const char *routing_key);
/* See broker_publish. */
MUST_CHECK bool broker_sender_publish(struct broker_sender *sender, const struct broker_message *message,
                                      broker_verdict_callback callback, void *arg);
/* Ends the connection; its messages get BROKER_UNKNOWN within this call. The loop then connects to the next host. */
void broker_sender_leave(struct broker_sender *sender, const char *reason);

#endif
