/*
 * A connection to RabbitMQ that reconnects, and its channels. Called by broker.c, broker_sender.c, broker_consumer.c
 * and broker_depths.c, and independent of them. The user of a channel passes a table of functions, which are called
 * from the loop.
 *
 * A call of the owner never ends the connection: broker_link_fail records the reason and the loop ends it. "Up" and
 * "lost" describe the connection; the struct exists until broker_link_free.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_LINK_H
#define ROSTRUM_COMMON_IO_BROKER_LINK_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker_internal.h"
#include "common/io/broker_types.h"

struct broker_link;

/* Callbacks of a channel's user. Each may release its own channel, and take and release others. */
struct broker_channel_calls {
    void (*frame)(const amqp_frame_t *frame, void *arg);
    void (*up)(void *arg);    /* the connection is up; may be NULL */
    void (*lost)(void *arg);  /* the connection is lost */
    void (*freed)(void *arg); /* the link is being freed: nothing can be sent any more */
};

/*
 * Makes the `connection`-th connection of the program to these hosts. Uses all options but on_change, unconfirmed_max,
 * confirm_deadline_ms and arg. The loop calls `on_change` at each change of the state: for
 * BROKER_DOWN before the channels' `lost`, for BROKER_UP before their `up`. NULL: no memory or descriptors, or the URL
 * cannot be parsed (logged).
 */
MUST_CHECK struct broker_link *broker_link_new(const struct broker_options *options, size_t connection,
                                               void (*on_change)(enum broker_state state, void *arg), void *arg);
/* Two links that never connect to the same host; the URL has several. */
void broker_link_set_peer(struct broker_link *link, struct broker_link *peer);
/* See broker_free. Calls `freed` of every channel. on_change is not called any more. */
void broker_link_free(struct broker_link *link);

enum broker_state broker_link_state(const struct broker_link *link);
/* True after broker_link_fail: the loop is about to end the connection. */
bool broker_link_failing(const struct broker_link *link);
const char *broker_link_error(const struct broker_link *link);   /* the reason why it is not up */
const char *broker_link_name(const struct broker_link *link);    /* for the log */
const char *broker_link_address(const struct broker_link *link); /* host:port of the last connection; "" before it */
/* For how long nothing was received from the server, in milliseconds; only while connected. */
int64_t broker_link_silent_ms(const struct broker_link *link);
/* The server has sent bytes that were not read yet: not the server is late, but this loop. */
bool broker_link_has_unread(const struct broker_link *link);
struct event_base *broker_link_base(const struct broker_link *link);

/* Allocates the lowest free channel number; the first one is BROKER_PUBLISH_CHANNEL. 0: no number is free. */
MUST_CHECK uint16_t broker_link_take_channel(struct broker_link *link, const struct broker_channel_calls *calls,
                                             void *arg);
void broker_link_give_channel(struct broker_link *link, uint16_t channel);

/* Queues a method for the end of this loop pass. On failure it fails the link. */
void broker_link_send(struct broker_link *link, uint16_t channel, amqp_method_number_t id, void *method);
/* Queues a message. False: the link is not up, or the buffer is full; then nothing was queued. */
MUST_CHECK bool broker_link_publish(struct broker_link *link, uint64_t tag, const struct broker_message *message);
/* Requests the end of the connection, which the loop performs. The first reason is kept. */
void broker_link_fail(struct broker_link *link, const char *format, ...) PRINTF_LIKE(2, 3);

/* Copies an AMQP short string. */
void broker_copy_short(char out[static BROKER_SHORT_SIZE], amqp_bytes_t bytes);

#endif
