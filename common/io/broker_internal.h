/*
 * Numbers of AMQP and sizes that the files of the broker share; nobody else includes this. The files, each above those
 * that it calls, the highest first:
 *
 *   broker_consumer.c  consumers, and the gathering of a message from its frames
 *   broker.c           the owner's side; publishing, and the frames of the publish channel
 *   broker_link.c      the connection's life: states, loop events, frames; it calls the users of channels by a table
 *   broker_confirm.c   messages that wait for their verdict
 *   broker_connect.c   the thread that connects, logs in and checks the topology
 *   broker_output.c    frames on their way out
 *
 * Who reads and who writes: librabbitmq reads and decodes frames; we encode with its codec into a buffer of our own and
 * send that without blocking, once per loop pass. Its own send functions can block in poll, and cost three system
 * calls a message. Its heartbeats are therefore switched off after the login (it would write one into the middle of
 * our frames), and are ours.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_INTERNAL_H
#define ROSTRUM_COMMON_IO_BROKER_INTERNAL_H

#include <amqp.h>
#include <amqp_framing.h>

enum {
    BROKER_CHANNELS_MAX = 255, /* channel numbers 1 to 255; librabbitmq keeps a buffer of a frame for each */
    BROKER_PUBLISH_CHANNEL = 1,
    BROKER_SCRATCH_CHANNEL = 2, /* while connecting: a failed passive declare closes its channel */
    BROKER_BACKOFF_MIN_MS = 50,
    BROKER_BACKOFF_MAX_MS = 2000,
    BROKER_TEXT_SIZE = 256,  /* of an error's text */
    BROKER_SHORT_SIZE = 256, /* of a short string of AMQP with its terminator */
};

#endif
