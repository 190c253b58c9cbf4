/*
 * See stream.h.
 */
#include "gateway/live/stream.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/service/config.h"
#include "gateway/http/conn.h"

enum {
    READ_BYTES = 16384, /* per call; then other connections are served */
    SWEEP_MS = 100,     /* delay at most of a beat or an end */
    LINGER_MS = 5000,   /* for the other side to read the last frame and close */
    PARTS_MAX = 32,     /* frames written in one call */
    DRAIN_EACH = 500,   /* streams finished per sweep of a drain */
};

struct stream_waiting {
    struct frame *frame;
    STAILQ_ENTRY(stream_waiting) list;
};

TAILQ_HEAD(stream_list, stream);

struct streams {
    struct event_base *base;
    const struct config *config;
    const struct clients *clients;
    struct event *sweep;
    struct event *reap;           /* activated by a dead stream */
    struct stream_list quiet;     /* ordered by due_ms, as the next two */
    struct stream_list asked;     /* waiting for the answer to a beat */
    struct stream_list finishing; /* waiting for the other side to close */
    struct stream_list dead;
    struct stream_list stalled; /* ordered by stalled_ms */
    size_t open;                /* not dead */
    bool draining;
    uint8_t bytes[READ_BYTES];
};

static struct stream_list *list_of(struct stream *stream)
{
    struct streams *streams = stream->streams;
    if (stream->state == STREAM_DEAD) {
        return &streams->dead;
    }
    if (stream->state == STREAM_FINISHING) {
        return &streams->finishing;
    }
    return stream->asked ? &streams->asked : &streams->quiet;
}

static int64_t due_after(const struct stream *stream)
{
    const struct config *config = stream->streams->config;
    if (stream->state != STREAM_OPEN) {
        return LINGER_MS;
    }
    return INT64_C(1000) * (stream->asked ? config->live_idle_timeout_s : config->live_ping_interval_s);
}

/* The only function that moves a stream between the lists. */
static void stream_set_state(struct stream *stream, enum stream_state state, bool asked)
{
    TAILQ_REMOVE(list_of(stream), stream, list);
    if (state == STREAM_DEAD && stream->state != STREAM_DEAD) {
        stream->streams->open--;
        event_active(stream->streams->reap, EV_TIMEOUT, 0);
    }
    stream->state = state;
    stream->asked = asked;
    stream->due_ms = clock_mono_ms() + due_after(stream);
    TAILQ_INSERT_TAIL(list_of(stream), stream, list);
}

static void set_stalled(struct stream *stream, bool stalled)
{
    struct streams *streams = stream->streams;
    if (stream->stalled_ms != 0) {
        TAILQ_REMOVE(&streams->stalled, stream, stalled);
        stream->stalled_ms = 0;
    }
    if (stalled) {
        stream->stalled_ms = clock_mono_ms();
        TAILQ_INSERT_TAIL(&streams->stalled, stream, stalled);
    }
}

static void stream_die(struct stream *stream)
{
    if (stream->state != STREAM_DEAD) {
        stream_set_state(stream, STREAM_DEAD, false);
    }
}

/* ---- writing ---- */

static void pop_waiting(struct stream *stream)
{
    struct stream_waiting *waiting = STAILQ_FIRST(&stream->queue);
    STAILQ_REMOVE_HEAD(&stream->queue, list);
    stream->waiting -= waiting->frame->length - stream->offset;
    stream->offset = 0;
    frame_unref(waiting->frame);
    free(waiting);
}

static void drop_waiting(struct stream *stream)
{
    while (!STAILQ_EMPTY(&stream->queue)) {
        pop_waiting(stream);
    }
}

/* The queue was written: shut down if the stream is finishing, else notify the owner. */
static void written(struct stream *stream)
{
    set_stalled(stream, false);
    if (event_del(&stream->write) != 0) {
        log_error("cannot remove the write event of a stream");
    }
    if (stream->state == STREAM_FINISHING && !stream->shut) {
        stream->shut = true;
        (void)shutdown(stream->fd, SHUT_WR); /* fails if the other side has closed, which the next read shows */
    }
}

/* The number of bytes written; negative if the connection is lost. */
static ssize_t bytes_written(struct stream *stream, ssize_t sent)
{
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (sent < 0) {
        stream_die(stream);
    }
    return sent;
}

static bool enqueue(struct stream *stream, struct frame *frame, size_t offset)
{
    struct stream_waiting *waiting = malloc(sizeof(*waiting));
    if (waiting == NULL || (stream->waiting == 0 && event_add(&stream->write, NULL) != 0)) {
        free(waiting);
        return false;
    }
    waiting->frame = frame_ref(frame);
    if (STAILQ_EMPTY(&stream->queue)) {
        stream->offset = offset;
        set_stalled(stream, true);
    }
    stream->waiting += frame->length - offset;
    STAILQ_INSERT_TAIL(&stream->queue, waiting, list);
    return true;
}

void stream_send(struct stream *stream, struct frame *frame)
{
    ssize_t sent = 0;
    if (stream->state != STREAM_OPEN) {
        return;
    }
    if (frame == NULL) {
        stream_die(stream);
        return;
    }
    if (stream->waiting + frame->length > (size_t)stream->streams->config->live_buffer_bytes && stream->waiting > 0) {
        stream->kind->close(stream, STREAM_END_SLOW);
        return;
    }
    if (stream->waiting == 0) {
        sent = bytes_written(stream, send(stream->fd, frame->bytes, frame->length, MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    if (sent >= 0 && (size_t)sent < frame->length && !enqueue(stream, frame, (size_t)sent)) {
        stream_die(stream);
    }
}

/*
 * Writes many frames in one call, because the kernel's buffer has an overhead for each small write. False: the kernel
 * accepts no more now.
 */
static bool push_waiting(struct stream *stream)
{
    struct iovec parts[PARTS_MAX];
    struct msghdr message = {.msg_iov = parts};
    struct stream_waiting *waiting = NULL;
    size_t offset = stream->offset;
    STAILQ_FOREACH(waiting, &stream->queue, list)
    {
        if (message.msg_iovlen == PARTS_MAX) {
            break;
        }
        parts[message.msg_iovlen++] =
            (struct iovec){.iov_base = waiting->frame->bytes + offset, .iov_len = waiting->frame->length - offset};
        offset = 0;
    }
    ssize_t sent = bytes_written(stream, sendmsg(stream->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (sent <= 0) {
        return false;
    }
    set_stalled(stream, true);
    for (size_t left = (size_t)sent; left > 0;) {
        size_t rest = STAILQ_FIRST(&stream->queue)->frame->length - stream->offset;
        size_t part = left < rest ? left : rest;
        stream->offset += part;
        stream->waiting -= part;
        left -= part;
        if (part == rest) {
            pop_waiting(stream);
        }
    }
    return true;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    (void)fd;
    (void)what;
    while (stream->state != STREAM_DEAD && !STAILQ_EMPTY(&stream->queue)) {
        if (!push_waiting(stream)) {
            return;
        }
    }
    if (stream->state == STREAM_DEAD) {
        return;
    }
    written(stream);
    if (stream->state == STREAM_OPEN && stream->kind->ready != NULL) {
        stream->kind->ready(stream);
    }
}

bool stream_is_clear(const struct stream *stream)
{
    return stream->state == STREAM_OPEN && stream->waiting == 0;
}

/* ---- reading ---- */

void stream_reset_idle(struct stream *stream)
{
    if (stream->state == STREAM_OPEN) {
        stream_set_state(stream, STREAM_OPEN, false);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    uint8_t *bytes = stream->streams->bytes;
    (void)what;
    ssize_t got = recv(fd, bytes, READ_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        stream_die(stream);
    } else if (stream->state == STREAM_OPEN && stream->kind->input != NULL) {
        stream_reset_idle(stream);
        stream->kind->input(stream, bytes, (size_t)got);
    }
}

/* ---- start and end ---- */

/*
 * A small kernel buffer: what it holds for a slow reader is memory, and outdated. No Nagle delay: the second of two
 * messages must not wait up to 40 ms for the acknowledgement of the first.
 */
static void set_socket(int fd, const struct config *config)
{
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &config->live_kernel_buffer_bytes,
                   sizeof(config->live_kernel_buffer_bytes)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        log_debug("cannot set socket options of a stream: %s", strerror(errno));
    }
}

bool stream_admit(struct streams *streams, struct stream *stream, const char *address, const struct uuid *user)
{
    const struct clients *clients = streams->clients;
    struct client_keys client = clients_of_address(clients, address);
    if (client.count > 0 && user != NULL) {
        client_add_user(&client, user);
    }
    if (!client_counts_take(clients->counts, &client, CLIENT_LIVE, 1)) {
        return false;
    }
    stream->streams = streams;
    stream->client = client;
    return true;
}

bool stream_count_user(struct stream *stream, const struct uuid *user)
{
    const struct clients *clients = stream->streams->clients;
    struct client_keys *client = &stream->client;
    if (client->count > 0 && client->keys[client->count - 1].scope == CLIENT_USER) {
        struct client_keys former = {.count = 1, .keys = {client->keys[--client->count]}};
        client_counts_give(clients->counts, &former, CLIENT_LIVE, 1);
    }
    return clients_take_user(clients, client, user, CLIENT_LIVE);
}

void stream_begin(struct streams *streams, struct stream *stream, struct conn *conn, struct frame *first)
{
    const struct config *config = streams->config;
    uint8_t rest[READ_BYTES];
    size_t length = 0;
    int fd = conn_take(conn, rest, sizeof(rest), &length);
    assert(stream->streams == streams); /* it was admitted */
    stream->conn = conn;
    stream->fd = fd;
    stream->state = STREAM_OPEN;
    STAILQ_INIT(&stream->queue);
    set_socket(fd, config);
    if (event_assign(&stream->read, streams->base, fd, EV_READ | EV_PERSIST, on_readable, stream) != 0 ||
        event_assign(&stream->write, streams->base, fd, EV_WRITE | EV_PERSIST, on_writable, stream) != 0) {
        abort(); /* fails only for invalid arguments */
    }
    stream->due_ms = clock_mono_ms() + due_after(stream);
    TAILQ_INSERT_TAIL(&streams->quiet, stream, list);
    streams->open++;
    stream_send(stream, first);
    frame_unref(first);
    if (length > sizeof(rest) || event_add(&stream->read, NULL) != 0) {
        stream_die(stream);
    } else if (length > 0 && stream->state == STREAM_OPEN && stream->kind->input != NULL) {
        stream->kind->input(stream, rest, length);
    }
}

void stream_finish(struct stream *stream, struct frame *last)
{
    if (stream->state != STREAM_OPEN) {
        frame_unref(last);
        return;
    }
    /* A frame that was partly written must be completed; the rest of the queue is dropped. */
    struct frame *begun = stream->offset > 0 ? frame_ref(STAILQ_FIRST(&stream->queue)->frame) : NULL;
    size_t offset = stream->offset;
    if (stream->waiting > 0) {
        drop_waiting(stream);
        (void)event_del(&stream->write);
    }
    set_stalled(stream, false);
    bool ok = begun == NULL || enqueue(stream, begun, offset);
    ok = ok && (last == NULL || enqueue(stream, last, 0) || last->length == 0);
    frame_unref(begun);
    frame_unref(last);
    stream_set_state(stream, ok ? STREAM_FINISHING : STREAM_DEAD, false);
    if (ok) {
        on_writable(stream->fd, EV_WRITE, stream);
    }
}

static void reap(struct streams *streams, struct stream *stream)
{
    TAILQ_REMOVE(&streams->dead, stream, list);
    set_stalled(stream, false);
    drop_waiting(stream);
    (void)event_del(&stream->read);
    (void)event_del(&stream->write);
    conn_end(stream->conn);
    client_counts_give(streams->clients->counts, &stream->client, CLIENT_LIVE, 1);
    stream->kind->ended(stream);
}

static void do_reap(evutil_socket_t fd, short what, void *arg)
{
    struct streams *streams = arg;
    (void)fd;
    (void)what;
    while (!TAILQ_EMPTY(&streams->dead)) {
        reap(streams, TAILQ_FIRST(&streams->dead));
    }
}

/* ---- time ---- */

static void sweep_silent(struct streams *streams, int64_t now)
{
    struct stream *stream = NULL;
    while ((stream = TAILQ_FIRST(&streams->asked)) != NULL && stream->due_ms <= now) {
        stream->kind->close(stream, STREAM_END_SILENT);
        assert(stream->state != STREAM_OPEN);
    }
    while ((stream = TAILQ_FIRST(&streams->quiet)) != NULL && stream->due_ms <= now) {
        stream_set_state(stream, STREAM_OPEN, stream->kind->answers);
        stream->kind->beat(stream);
    }
    while ((stream = TAILQ_FIRST(&streams->finishing)) != NULL && stream->due_ms <= now) {
        stream_die(stream);
    }
}

static void sweep_stalled(struct streams *streams, int64_t now)
{
    struct stream *stream = NULL;
    int64_t late = now - INT64_C(1000) * streams->config->live_stall_s;
    while ((stream = TAILQ_FIRST(&streams->stalled)) != NULL && stream->stalled_ms <= late) {
        if (stream->state == STREAM_OPEN) {
            stream->kind->close(stream, STREAM_END_SLOW);
        }
        set_stalled(stream, false); /* the stream is finishing, with a deadline of its own */
    }
}

static void sweep_drain(struct streams *streams)
{
    struct stream_list *lists[] = {&streams->quiet, &streams->asked};
    int finished = 0;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (!TAILQ_EMPTY(lists[i]) && finished < DRAIN_EACH) {
            struct stream *stream = TAILQ_FIRST(lists[i]);
            stream->kind->close(stream, STREAM_END_DRAIN);
            assert(stream->state != STREAM_OPEN);
            finished++;
        }
    }
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct streams *streams = arg;
    int64_t now = clock_mono_ms();
    (void)fd;
    (void)what;
    sweep_silent(streams, now);
    sweep_stalled(streams, now);
    if (streams->draining) {
        sweep_drain(streams);
    }
}

struct streams *streams_new(struct event_base *base, const struct config *config, const struct clients *clients)
{
    const struct timeval every = {0, SWEEP_MS * 1000L};
    struct streams *streams = calloc(1, sizeof(*streams));
    if (streams == NULL) {
        return NULL;
    }
    streams->base = base;
    streams->config = config;
    streams->clients = clients;
    struct stream_list *lists[] = {&streams->quiet, &streams->asked, &streams->finishing, &streams->dead,
                                   &streams->stalled};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        TAILQ_INIT(lists[i]);
    }
    streams->sweep = event_new(base, -1, EV_PERSIST, do_sweep, streams);
    streams->reap = event_new(base, -1, 0, do_reap, streams);
    if (streams->sweep == NULL || streams->reap == NULL || event_add(streams->sweep, &every) != 0) {
        streams_free(streams);
        return NULL;
    }
    return streams;
}

void streams_free(struct streams *streams)
{
    if (streams == NULL) {
        return;
    }
    struct stream_list *lists[] = {&streams->quiet, &streams->asked, &streams->finishing};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (!TAILQ_EMPTY(lists[i])) {
            stream_die(TAILQ_FIRST(lists[i]));
        }
    }
    while (!TAILQ_EMPTY(&streams->dead)) {
        reap(streams, TAILQ_FIRST(&streams->dead));
    }
    struct event *events[] = {streams->sweep, streams->reap};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    free(streams);
}

void streams_drain(struct streams *streams)
{
    streams->draining = true;
}

uint32_t streams_reconnect_ms(const struct streams *streams)
{
    return STREAMS_RECONNECT_LEAST_MS + randombytes_uniform((uint32_t)streams->config->live_reconnect_ms + 1);
}

size_t streams_open(const struct streams *streams)
{
    return streams->open;
}

bool streams_full(const struct streams *streams)
{
    return streams->open >= (size_t)streams->config->live_connections_max;
}
