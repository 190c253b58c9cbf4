/*
 * Dead letters: copies of messages that cannot be read or handled, published with the reason until the broker confirms
 * them. Only then may the message itself be acked, so that nothing is ever dropped in between.
 *
 * Callers: endworker and notifyworker, each for the queue it consumes; what waits here is bounded by their prefetch.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_DEADLETTER_H
#define ROSTRUM_COMMON_PROTOCOL_DEADLETTER_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker.h"

/*
 * Of a copy's body; what is above is cut off. Far above any message of ours, and far below BROKER_MESSAGE_MAX_BYTES:
 * what somebody else put into a queue must not be more than we can publish.
 */
enum { DEADLETTER_BODY_MAX_BYTES = 1024 * 1024 };

/* How much of a body is kept. No character of UTF-8 is cut in two. */
size_t deadletter_length(const void *body, size_t length);

struct deadletters;

/* The letter is in the dead-letter queue. Comes from the loop. */
typedef void (*deadletter_callback)(void *arg);

/* `broker` is one that publishes. NULL only without memory. */
MUST_CHECK struct deadletters *deadletters_new(struct event_base *base, struct broker *broker);
/* Free the broker before. Letters not yet confirmed are forgotten without a callback: their messages were not acked. */
void deadletters_free(struct deadletters *dead_letters);
/* `routing_key` and `reason` are static texts; the body is copied. False only without memory. */
MUST_CHECK bool deadletters_send(struct deadletters *dead_letters, const char *routing_key, const void *body,
                                 size_t length, const char *reason, deadletter_callback callback, void *arg);

#endif
