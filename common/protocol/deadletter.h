/*
 * Publishes dead letters: copies of messages that cannot be decoded or handled, with the reason. Each is published
 * until the broker confirms it. The caller acks the original message only after that, so no message is lost.
 *
 * Callers: endworker and notifyworker, each for the queue it consumes. Their prefetch bounds the number of dead letters
 * that wait here.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_DEADLETTER_H
#define ROSTRUM_COMMON_PROTOCOL_DEADLETTER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"

/*
 * Maximum size of a copy's body; the rest is cut off. It is far above any message of the deployment, and far below
 * BROKER_MESSAGE_MAX_BYTES: a large foreign message in a queue must not become a copy that we cannot publish.
 */
enum { DEADLETTER_BODY_MAX_BYTES = 1024 * 1024 };

/* The length of the body's copy in bytes. It never ends within a UTF-8 character. */
size_t deadletter_length(const void *body, size_t length);

struct deadletters;

/* The broker confirmed the dead letter. Called from the loop. */
typedef void (*deadletter_callback)(void *arg);

/* `broker` is a connection that publishes; borrowed. NULL only without memory. */
MUST_CHECK struct deadletters *deadletters_new(struct event_base *base, struct broker *broker);
/* Free the broker before. Unconfirmed dead letters are dropped without a callback: their messages were not acked. */
void deadletters_free(struct deadletters *dead_letters);
/* `routing_key` and `reason` are static texts; the body is copied. False only without memory. */
MUST_CHECK bool deadletters_send(struct deadletters *dead_letters, const char *routing_key, const void *body,
                                 size_t length, const char *reason, deadletter_callback callback, void *arg);

#endif
