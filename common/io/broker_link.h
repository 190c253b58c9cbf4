/*
 * A connection to RabbitMQ that is kept alive, and its channels. Called by broker.c and broker_consumer.c; it knows
 * neither. The user of a channel gives a table of functions, which are called from the loop.
 *
 * Nothing here ends the connection from within a call of the owner: broker_link_fail notes the reason, and it is ended
 * from the loop. "The link is up" and "lost" are of the connection; the struct lives until broker_link_free.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_LINK_H
#define ROSTRUM_COMMON_IO_BROKER_LINK_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/broker_internal.h"
#include "common/io/broker_types.h"

struct broker_link;

/* What the user of a channel is called for. Each may give back its own channel, and take and give back others. */
struct broker_channel_calls {
    void (*frame)(const amqp_frame_t *frame, void *arg);
    void (*up)(void *arg);    /* the link is up; may be NULL */
    void (*lost)(void *arg);  /* the link is lost */
    void (*freed)(void *arg); /* the link is freed: nothing can be sent any more */
};

/*
 * Takes of the options all but on_change, unconfirmed_max and arg. `on_change` is called from the loop at each change,
 * for BROKER_DOWN before the channels' `lost`, for BROKER_UP before their `up`. NULL: without memory or descriptors, or
 * the URL cannot be read (logged).
 */
MUST_CHECK struct broker_link *broker_link_new(const struct broker_options *options,
                                               void (*on_change)(enum broker_state state, void *arg), void *arg);
/* See broker_free. Calls `freed` of every channel, and on_change no more. */
void broker_link_free(struct broker_link *link);

enum broker_state broker_link_state(const struct broker_link *link);
/* broker_link_fail was called: the loop is about to end the connection. */
bool broker_link_failing(const struct broker_link *link);
const char *broker_link_error(const struct broker_link *link); /* why not up */
const char *broker_link_name(const struct broker_link *link);  /* for the log */
struct event_base *broker_link_base(const struct broker_link *link);

/* The lowest free number, the first is BROKER_PUBLISH_CHANNEL; 0: none is left. */
MUST_CHECK uint16_t broker_link_take_channel(struct broker_link *link, const struct broker_channel_calls *calls,
                                             void *arg);
void broker_link_give_channel(struct broker_link *link, uint16_t channel);

/* Adds a method to what is sent at the end of this pass, or fails the link. */
void broker_link_send(struct broker_link *link, uint16_t channel, amqp_method_number_t id, void *method);
/* Likewise a message. False: the link is not up, or there is no room; then nothing was added. */
MUST_CHECK bool broker_link_publish(struct broker_link *link, uint64_t tag, const struct broker_message *message);
/* The link must go: noted, and done from the loop. The first reason counts. */
void broker_link_fail(struct broker_link *link, const char *format, ...) PRINTF_LIKE(2, 3);

/* Copies a short string of AMQP. */
void broker_copy_short(char out[static BROKER_SHORT_SIZE], amqp_bytes_t bytes);

#endif
