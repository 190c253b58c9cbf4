/*
 * A long-lived connection: a WebSocket or an event stream, after HTTP has released it (conn_take). This module does
 * what both need: reading, non-blocking writing, slow and lost readers, closing. It saves memory per connection. It
 * buffers only bytes that the kernel refused, and registers the write event only then.
 *
 * A stream is OPEN until it is finished or fails. Then it is FINISHING: the last frame is written, and input is
 * discarded, until the other side closes or LINGER_MS have passed. Memory is freed from the loop, never within a call,
 * so a caller may finish any stream while it iterates over many.
 *
 * Callers: websocket.c, eventstream.c (each owns its struct stream).
 */
#ifndef ROSTRUM_GATEWAY_LIVE_STREAM_H
#define ROSTRUM_GATEWAY_LIVE_STREAM_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "gateway/core/clients.h"
#include "gateway/live/frame.h"

struct conn;
struct config;
struct event_base;
struct stream;
struct streams;

/* A gateway that restarts needs about a second, so an earlier reconnect would often be refused. */
enum { STREAMS_RECONNECT_LEAST_MS = 1000 };

enum stream_end {
    STREAM_END_DRAIN,
    STREAM_END_SLOW,   /* more than live_buffer_bytes are queued, or nothing was written for live_stall_s */
    STREAM_END_SILENT, /* no input for live_idle_timeout_s, although a beat was sent */
};

/* The functions of one kind of stream. */
struct stream_kind {
    /* Called with input, which is borrowed. NULL: input is discarded. */
    void (*input)(struct stream *stream, const uint8_t *bytes, size_t length);
    /* Called when the queue has been written. */
    void (*ready)(struct stream *stream);
    /*
     * Called after live_ping_interval_s without input, or since the last beat: send a message that keeps the connection
     * alive.
     */
    void (*beat)(struct stream *stream);
    /* Called when the stream must end: call stream_finish with a suitable last frame. */
    void (*close)(struct stream *stream, enum stream_end end);
    /* Called last, after closing: frees the object that embeds the stream. */
    void (*ended)(struct stream *stream);
    bool answers; /* clients answer beats; one that does not is closed */
};

enum stream_state { STREAM_OPEN, STREAM_FINISHING, STREAM_DEAD };

struct stream_waiting; /* one frame */

/* Embedded in its owner's object. Private to stream.c, except `kind`. */
struct stream {
    const struct stream_kind *kind;
    struct streams *streams;
    struct conn *conn;
    struct client_keys client; /* counted; without keys: not counted */
    enum stream_state state;
    int fd;
    bool asked;     /* a beat was sent and not answered */
    bool shut;      /* the writing side is shut down */
    size_t waiting; /* bytes in the queue */
    size_t offset;  /* written of the first waiting frame */
    STAILQ_HEAD(, stream_waiting) queue;
    int64_t due_ms;     /* monotonic; time of the next beat, or of the end, depending on the list */
    int64_t stalled_ms; /* monotonic; since when the kernel accepts nothing, 0: it does */
    struct event read;
    struct event write;
    TAILQ_ENTRY(stream) list;    /* quiet, asked, finishing or dead */
    TAILQ_ENTRY(stream) stalled; /* while stalled_ms != 0 */
};

MUST_CHECK struct streams *streams_new(struct event_base *base, const struct config *config,
                                       const struct clients *clients);
/* Closes all remaining streams without a last frame. */
void streams_free(struct streams *streams);
/* Finishes every stream. Clients receive a hint when to reconnect. */
void streams_drain(struct streams *streams);
/* A random delay for the hint: at least STREAMS_RECONNECT_LEAST_MS, up to live_reconnect_ms more. */
uint32_t streams_reconnect_ms(const struct streams *streams);
size_t streams_open(const struct streams *streams);
/* True if live_connections_max are open. */
bool streams_full(const struct streams *streams);

/*
 * Counts a live connection for the client of a request: its address and, if `user` is not NULL, that user. False: one
 * of them has as many as it may have. After true the stream must begin.
 */
MUST_CHECK bool stream_admit(struct streams *streams, struct stream *stream, const char *address,
                             const struct uuid *user);
/*
 * Counts an admitted stream for the user who has authenticated on it, and no longer for the one before. False: the user
 * has as many as allowed; then it is counted for none.
 */
MUST_CHECK bool stream_count_user(struct stream *stream, const struct uuid *user);
/*
 * Starts a stream on a connection released by HTTP, with `first` as its first frame (takes over the reference).
 * `stream->kind` must be set. On failure the stream ends like any other: kind->ended is called from the loop.
 */
void stream_begin(struct streams *streams, struct stream *stream, struct conn *conn, struct frame *first);
/*
 * Writes a frame, or queues it until the kernel accepts it. The caller keeps its reference. NULL means no memory: the
 * stream fails.
 */
void stream_send(struct stream *stream, struct frame *frame);
/* True if the stream is open and its queue is empty. */
bool stream_is_clear(const struct stream *stream);
/* Records a sign of life: resets the idle time. */
void stream_reset_idle(struct stream *stream);
/*
 * Replaces the queue by `last` (may be NULL; takes over the reference), writes it and closes. No effect if the stream
 * is closing.
 */
void stream_finish(struct stream *stream, struct frame *last);

#endif
