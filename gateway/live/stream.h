/*
 * A connection that stays: a WebSocket or an event stream, once HTTP has let it go (conn_take). What both need stands
 * here: reading, writing without waiting, what is done with a reader that is slow or gone, and the end. It is lean: no
 * buffer but for what the kernel did not take, one event for reading, and one for writing that is only entered then.
 *
 * A stream is OPEN until somebody finishes it, or it fails; then it is FINISHING: what it was told last is written,
 * what comes in is thrown away, until the other side closes, or for LINGER_MS. Memory goes from the loop, never from
 * within a call: whoever walks over many streams may finish any of them.
 *
 * Callers: websocket.c, eventstream.c (each owns its struct stream).
 */
#ifndef ROSTRUM_GATEWAY_LIVE_STREAM_H
#define ROSTRUM_GATEWAY_LIVE_STREAM_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "gateway/live/frame.h"

struct conn;
struct config;
struct event_base;
struct stream;
struct streams;

enum stream_end {
    STREAM_END_DRAIN,
    STREAM_END_SLOW,   /* more waits than live_buffer_bytes, or nothing was taken for live_stall_s */
    STREAM_END_SILENT, /* nothing came for live_idle_timeout_s, though it was asked */
};

/* Of one kind of stream. */
struct stream_kind {
    /* Bytes have come; borrowed. NULL: whatever comes is thrown away. */
    void (*input)(struct stream *stream, const uint8_t *bytes, size_t length);
    /* Everything that waited has been written. */
    void (*ready)(struct stream *stream);
    /* Nothing came for live_ping_interval_s, or was asked for so long: say something that shows whether it lives. */
    void (*beat)(struct stream *stream);
    /* The stream must end, for this reason: call stream_finish with the words for it. */
    void (*close)(struct stream *stream, enum stream_end end);
    /* It is closed: the last call, which frees it. */
    void (*ended)(struct stream *stream);
    bool answers; /* to a beat; then one that does not is gone */
};

enum stream_state { STREAM_OPEN, STREAM_FINISHING, STREAM_DEAD };

struct stream_waiting; /* one frame */

/* Owned by who embeds it. All of it belongs to stream.c but for `kind`. */
struct stream {
    const struct stream_kind *kind;
    struct streams *streams;
    struct conn *conn;
    enum stream_state state;
    int fd;
    bool asked;     /* a beat was sent and not answered */
    bool shut;      /* nothing more will be written */
    size_t waiting; /* bytes */
    size_t offset;  /* written of the first waiting frame */
    STAILQ_HEAD(, stream_waiting) queue;
    int64_t due_ms;     /* monotonic: beat, or end, as the list that it is in says */
    int64_t stalled_ms; /* since when the kernel takes nothing; 0: it does */
    struct event read;
    struct event write;
    TAILQ_ENTRY(stream) list;    /* quiet, asked or finishing; or dead */
    TAILQ_ENTRY(stream) stalled; /* while stalled_ms != 0 */
};

MUST_CHECK struct streams *streams_new(struct event_base *base, const struct config *config);
/* Closes all that are left, without a word. */
void streams_free(struct streams *streams);
/* Tells every stream to end, with a hint when to come back. */
void streams_drain(struct streams *streams);
size_t streams_open(const struct streams *streams);
/* live_connections_max are open. */
bool streams_full(const struct streams *streams);

/*
 * Begins with a connection that HTTP has let go, `first` being the first frame to write (its reference goes over).
 * `stream->kind` is set. If it cannot, it ends as any other: kind->ended comes from the loop.
 */
void stream_begin(struct streams *streams, struct stream *stream, struct conn *conn, struct frame *first);
/* Writes a frame, or keeps it until the kernel takes it; the caller keeps its reference. NULL: no memory, it fails. */
void stream_send(struct stream *stream, struct frame *frame);
/* Open, and nothing waits: news would go out at once. */
bool stream_is_clear(const struct stream *stream);
/* Something came of it: the silence is over. */
void stream_heard(struct stream *stream);
/* Writes `last` (may be NULL; its reference goes over) instead of all that waits, and closes. Harmless if it is
 * closing. */
void stream_finish(struct stream *stream, struct frame *last);

#endif
