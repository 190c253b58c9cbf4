/*
 * AMQP numbers and sizes shared by the files of the broker; no other file includes this. Each file calls only files
 * below it:
 *
 *     broker_consumer.c  consumers; assembles messages from frames
 *     broker_depths.c    the depths of queues
 *     broker.c           the public interface; which of two connections publishes
 *     broker_sender.c    one connection that publishes, and the frames of its publish channel
 *     broker_probe.c     prepares a connection for publishing
 *     broker_link.c      the connection: states, loop events, frames; calls the users of channels through a table
 *     broker_confirm.c   messages without a verdict
 *     broker_connect.c   the thread that connects, logs in and checks the topology
 *     broker_output.c    outgoing frames
 *     broker_url.c       the hosts
 *
 * librabbitmq reads and decodes frames. We encode frames with its codec into our own buffer and send that without
 * blocking, once per loop pass. Its own send functions can block in poll and need three system calls a message. Its
 * heartbeats are switched off after the login, because it would write one into the middle of our frames; we send our
 * own.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_INTERNAL_H
#define ROSTRUM_COMMON_IO_BROKER_INTERNAL_H

#include <amqp.h>
#include <amqp_framing.h>

enum {
    BROKER_CHANNELS_MAX = 255, /* channel numbers 1 to 255; librabbitmq keeps a frame buffer for each */
    BROKER_PUBLISH_CHANNEL = 1,
    BROKER_SCRATCH_CHANNEL = 2, /* used while connecting: a failed passive declare closes its channel */
    BROKER_BACKOFF_MIN_MS = 50,
    BROKER_BACKOFF_MAX_MS = 2000,
    BROKER_TEXT_SIZE = 256,  /* of an error text */
    BROKER_SHORT_SIZE = 256, /* of an AMQP short string with its terminator */
};

#endif
