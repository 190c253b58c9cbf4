/*
 * What the files of the broker share, and nobody else includes:
 *
 *   broker.c           the connection's life: states, loop events, frames of the connection and the publish channel
 *   broker_connect.c   the thread that connects, logs in and checks the topology
 *   broker_output.c    frames on their way out
 *   broker_confirm.c   messages that wait for their verdict
 *   broker_consumer.c  consumers, and the gathering of a message from its frames
 *
 * Who reads and who writes: librabbitmq reads and decodes frames; we encode with its codec into a buffer of our own and
 * send that without blocking, once per loop pass. Its own send functions can block in poll, and cost three system
 * calls a message. Its heartbeats are therefore switched off after the login (it would write one into the middle of
 * our frames), and are ours.
 *
 * Nothing here ends the link from within a call of the owner: broker_fail() notes the reason, and the link is ended
 * from the loop.
 */
#ifndef ROSTRUM_COMMON_IO_BROKER_INTERNAL_H
#define ROSTRUM_COMMON_IO_BROKER_INTERNAL_H

#include <amqp.h>
#include <amqp_framing.h>
#include <event2/event.h>

#include "common/io/broker.h"

enum {
    BROKER_CHANNELS_MAX = 255, /* channel numbers 1 to 255; librabbitmq keeps a buffer of a frame for each */
    BROKER_PUBLISH_CHANNEL = 1,
    BROKER_SCRATCH_CHANNEL = 2, /* while connecting: a failed passive declare closes its channel */
    BROKER_CONSUMERS_FIRST_CHANNEL = 2,
    BROKER_FRAME_MAX_BYTES = 131072,            /* the server's default */
    BROKER_OUTPUT_MAX_BYTES = 16 * 1024 * 1024, /* unsent bytes of messages; then broker_publish says false */
    BROKER_OUTPUT_RESERVE_BYTES = 1024 * 1024,  /* above that, for acks and the like; then the link is given up */
    BROKER_OUTPUT_KEEP_BYTES = 256 * 1024,      /* of an empty buffer; what is above is freed */
    BROKER_BODY_MAX_BYTES = 128 * 1024 * 1024,  /* the server's own default; a longer delivery ends the link */
    BROKER_PASS_FRAMES_MAX = 512,               /* handled before other events of the loop get their turn */
    BROKER_BACKOFF_MIN_MS = 50,
    BROKER_BACKOFF_MAX_MS = 2000,
    BROKER_JOIN_MAX_MS = 500,    /* that broker_free waits for a connecting thread; then the thread frees its own */
    BROKER_GOODBYE_MAX_MS = 200, /* that broker_free waits for the server's close-ok, so that it gets our last acks */
    BROKER_TEXT_SIZE = 256,      /* of a trouble */
    BROKER_SHORT_SIZE = 256,     /* of a short string of AMQP with its terminator */
};

/* ---- broker_connect.c */

struct broker_connect;

/* What a finished attempt hands over. */
struct broker_link {
    amqp_connection_state_t connection; /* NULL: failed, see trouble */
    int heartbeat_s;                    /* as agreed with the server; 0: none */
    char error[BROKER_TEXT_SIZE];
};

/* NULL: without memory or descriptors, or the URL cannot be read (logged). */
MUST_CHECK struct broker_connect *broker_connect_new(const struct broker_options *options);
/* An attempt under way is told to stop and waited for at most BROKER_JOIN_MAX_MS. */
void broker_connect_free(struct broker_connect *connect);
/* Becomes readable when an attempt is finished. */
int broker_connect_fd(const struct broker_connect *connect);
/* Starts an attempt; there must be none. False: no thread to be had. */
MUST_CHECK bool broker_connect_start(struct broker_connect *connect);
/* After broker_connect_fd became readable. */
void broker_connect_take(struct broker_connect *connect, struct broker_link *link);

/* ---- broker_output.c */

struct broker_output {
    uint8_t *bytes;
    size_t start; /* of what is not sent yet */
    size_t end;
    size_t capacity;
};

enum broker_sent {
    BROKER_SENT_ALL,
    BROKER_SENT_PART, /* go on when the socket is writable */
    BROKER_SENT_ERROR,
};

/* False: no memory, or more than the limits; then nothing was added. */
MUST_CHECK bool broker_output_method(struct broker_output *output, uint16_t channel, amqp_method_number_t id,
                                     void *method);
MUST_CHECK bool broker_output_heartbeat(struct broker_output *output);
MUST_CHECK bool broker_output_publish(struct broker_output *output, uint64_t tag, size_t frame_max,
                                      const struct broker_message *message);
MUST_CHECK enum broker_sent broker_output_send(struct broker_output *output, int fd);
bool broker_output_empty(const struct broker_output *output);
void broker_output_clear(struct broker_output *output); /* and frees its memory */

/* ---- broker_confirm.c */

struct broker_pending; /* one message without its verdict */

/* A ring over the delivery tags first_tag to next_tag - 1; confirms come back out of order. */
struct broker_confirms {
    struct broker_pending *ring;
    size_t mask;
    size_t max;  /* open messages */
    size_t open; /* without a verdict */
    uint64_t first_tag;
    uint64_t next_tag;
    int64_t latency_ms; /* of the last confirm */
};

MUST_CHECK bool broker_confirm_init(struct broker_confirms *confirms, size_t unconfirmed_max);
void broker_confirm_close(struct broker_confirms *confirms);
bool broker_confirm_full(const struct broker_confirms *confirms);
/* The message with the tag next_tag; not when full. */
void broker_confirm_add(struct broker_confirms *confirms, broker_verdict_callback callback, void *arg);
/* The message came back: its ack will be no confirm. */
void broker_confirm_returned(struct broker_confirms *confirms, uint64_t tag);
/* False: no such tag was ever given. */
MUST_CHECK bool broker_confirm_settle(struct broker_confirms *confirms, uint64_t tag, bool multiple,
                                      enum broker_verdict verdict);
/* The link is lost: BROKER_UNKNOWN for all; tags begin at 1 again. */
void broker_confirm_abandon(struct broker_confirms *confirms);

/* ---- broker.c */

struct broker {
    struct event_base *base;
    void (*on_change)(struct broker *broker, enum broker_state state, void *arg);
    void *arg;
    char name[BROKER_SHORT_SIZE]; /* for the log */

    enum broker_state state;
    char error[BROKER_TEXT_SIZE];   /* why not up */
    char failure[BROKER_TEXT_SIZE]; /* why the link is about to be ended; "" while it is sound */
    bool busy;                      /* in one of our callbacks: broker_free would pull the ground away */

    struct broker_connect *connect;
    struct event *connected; /* broker_connect_fd */
    struct event *retry;     /* next attempt */
    int backoff_ms;

    amqp_connection_state_t connection; /* NULL while down */
    int fd;
    int heartbeat_s;
    int64_t up_since_ms; /* these three on the monotonic clock */
    int64_t received_ms; /* last bytes from the server */
    int64_t sent_ms;     /* last bytes to it */
    struct event *readable;
    struct event *writable;
    struct event *again; /* frames are left over from this pass */
    struct event *flush; /* at the end of this pass: one send for all that was written in it */
    struct event *tick;  /* heartbeats */

    struct broker_output output;
    struct broker_confirms confirms;
    struct broker_consumer *consumers[BROKER_CHANNELS_MAX + 1]; /* by channel */
};

/* The link must go: noted, and done from the loop. The first reason counts. */
void broker_fail(struct broker *broker, const char *format, ...) PRINTF_LIKE(2, 3);
/* Frames were added to the output. */
void broker_flush_soon(struct broker *broker);
/* Adds a method, or fails the link. */
void broker_send(struct broker *broker, uint16_t channel, amqp_method_number_t id, void *method);

/* ---- broker_consumer.c */

/* A frame on the consumer's channel. */
void broker_consumer_frame(struct broker_consumer *consumer, const amqp_frame_t *frame);
/* The link is up. */
void broker_consumer_link_up(struct broker_consumer *consumer);
/* The link is lost; the consumer may be freed by this. */
void broker_consumer_link_lost(struct broker_consumer *consumer);
/* Without a word to the owner; only when there is no link. */
void broker_consumer_free(struct broker_consumer *consumer);

/* Copies a short string of AMQP. */
void broker_copy_short(char out[static BROKER_SHORT_SIZE], amqp_bytes_t bytes);

#endif
