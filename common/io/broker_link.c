/*
 * A connection to RabbitMQ that reconnects: created by broker_connect.c in a thread, then served here from the event
 * loop. Only link_end ends a link, with a reason for the owner and for every channel in use. Frames of the connection
 * itself are dispatched by method; all others go to the user of their channel.
 */
#include "common/io/broker_link.h"

#include <assert.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/broker_connect.h"
#include "common/io/broker_output.h"
#include "common/io/broker_url.h"
#include "common/io/timer.h"

enum {
    PASS_FRAMES_MAX = 512, /* frames in one pass, before other events of the loop run */
    CLOSE_MAX_MS = 200, /* broker_link_free waits at most this long for the server's close-ok, so that the server gets
                           our last acks */
};

/* A channel; calls is NULL if it is not in use. */
struct channel {
    const struct broker_channel_calls *calls;
    void *arg;
};

struct broker_link {
    struct event_base *base;
    void (*on_change)(enum broker_state state, void *arg);
    void *arg;
    char name[BROKER_SHORT_SIZE];    /* for the log */
    char address[BROKER_SHORT_SIZE]; /* host:port of the last connection */

    enum broker_state state;
    char error[BROKER_TEXT_SIZE];   /* the reason why it is not up */
    char failure[BROKER_TEXT_SIZE]; /* the reason to end the link; "" if there is none */
    bool busy;                      /* inside one of our callbacks: broker_link_free is not allowed */

    struct broker_connect *connect;
    struct event *connected; /* broker_connect_fd */
    struct event *retry;     /* next attempt */
    int backoff_ms;
    struct broker_link *peer; /* connects to another host; may be NULL */
    size_t host;              /* the one that is connected, or is tried next; see broker_url.h */
    size_t tries;             /* hosts that failed since the link was up */

    amqp_connection_state_t connection; /* NULL while down */
    int fd;
    int heartbeat_s;
    int64_t up_since_ms; /* these three on the monotonic clock */
    int64_t received_ms; /* last bytes from the server */
    int64_t sent_ms;     /* last bytes to it */
    struct event *readable;
    struct event *writable;
    struct event *again; /* frames remain from this pass */
    struct event *flush; /* one send at the end of the pass for everything written in it */
    struct event *tick;  /* heartbeats */

    struct broker_output output;
    struct channel channels[BROKER_CHANNELS_MAX + 1]; /* by number; 0 is the connection itself */
};

static const struct timeval at_once = {0};

void broker_copy_short(char out[static BROKER_SHORT_SIZE], amqp_bytes_t bytes)
{
    size_t length = bytes.len < BROKER_SHORT_SIZE ? bytes.len : BROKER_SHORT_SIZE - 1;
    if (length > 0) {
        memcpy(out, bytes.bytes, length);
    }
    out[length] = '\0';
}

/* ---- states */

/* Only this function changes the state. */
static void set_state(struct broker_link *link, enum broker_state state, const char *error)
{
    (void)snprintf(link->error, sizeof link->error, "%.*s", (int)sizeof link->error - 1, error);
    if (link->state == state) {
        return;
    }
    link->state = state;
    link->on_change(state, link->arg);
}

/* Frames were added to the output, or the link failed. */
static void flush_soon(struct broker_link *link)
{
    if (link->failure[0] != '\0' || link->writable == NULL || !event_pending(link->writable, EV_WRITE, NULL)) {
        event_active(link->flush, EV_TIMEOUT,
                     0); /* runs after the events that are active now: one send for the whole pass */
    }
}

void broker_link_fail(struct broker_link *link, const char *format, ...)
{
    if (link->failure[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(link->failure, sizeof link->failure, format, arguments);
        va_end(arguments);
    }
    flush_soon(link);
}

/* Number of hosts that are tried before one is tried again. */
static size_t round_length(const struct broker_link *link)
{
    return broker_connect_hosts(link->connect) - (link->peer == NULL ? 0 : 1);
}

/* The host that failed is tried last: the next one is tried at once, and a back-off follows a whole round. */
static void retry_later(struct broker_link *link)
{
    size_t hosts = broker_connect_hosts(link->connect);
    int64_t after_ms = 0;
    link->host = broker_url_next(hosts, link->host, link->peer == NULL ? hosts : link->peer->host);
    link->tries++;
    if (link->tries % round_length(link) == 0) {
        after_ms = link->backoff_ms;
        link->backoff_ms *= 2;
        if (link->backoff_ms > BROKER_BACKOFF_MAX_MS) {
            link->backoff_ms = BROKER_BACKOFF_MAX_MS;
        }
    }
    timer_set(link->retry, after_ms);
}

static void attempt_failed(struct broker_link *link, const char *error)
{
    /* The same error is logged once, not every two seconds; with several hosts, those of the first round. */
    if (link->tries < round_length(link) ||
        (broker_connect_hosts(link->connect) == 1 && strcmp(link->error, error) != 0)) {
        log_warn("rabbitmq %s: cannot connect: %s", link->name, error);
    }
    set_state(link, BROKER_DOWN, error);
    retry_later(link);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker_link *link = arg;
    if (!broker_connect_start(link->connect, link->host)) {
        attempt_failed(link, "the connecting thread cannot be started");
    }
}

static void link_close(struct broker_link *link)
{
    struct event **events[] = {&link->readable, &link->writable};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (*events[i] != NULL) {
            event_free(*events[i]);
            *events[i] = NULL;
        }
    }
    (void)event_del(link->again);
    (void)event_del(link->tick);
    if (link->connection != NULL) {
        /* Never amqp_connection_close: on a broken link it can hang. */
        amqp_destroy_connection(link->connection);
        link->connection = NULL;
    }
    link->fd = -1;
    link->failure[0] = '\0';
    broker_output_clear(&link->output);
}

/* Only this function ends a link while the broker exists. */
static void link_end(struct broker_link *link)
{
    char reason[BROKER_TEXT_SIZE];
    (void)snprintf(reason, sizeof reason, "%s", link->failure);
    /* Otherwise a server that accepts connections and ends them would be tried without a pause. */
    if (clock_mono_ms() - link->up_since_ms > BROKER_BACKOFF_MAX_MS) {
        link->backoff_ms = BROKER_BACKOFF_MIN_MS;
        link->tries = 0;
    }
    link_close(link);
    set_state(link, BROKER_DOWN, reason);
    for (size_t i = 0; i < ARRAY_LEN(link->channels); i++) {
        const struct channel *channel = &link->channels[i];
        if (channel->calls != NULL) {
            channel->calls->lost(channel->arg);
        }
    }
    retry_later(link);
}

/* ---- outgoing frames */

void broker_link_send(struct broker_link *link, uint16_t channel, amqp_method_number_t id, void *method)
{
    if (!broker_output_method(&link->output, channel, id, method)) {
        broker_link_fail(link, "the output buffer is full");
        return;
    }
    flush_soon(link);
}

static void flush(struct broker_link *link)
{
    if (broker_output_empty(&link->output)) {
        return;
    }
    switch (broker_output_send(&link->output, link->fd)) {
    case BROKER_SENT_ALL:
        link->sent_ms = clock_mono_ms();
        break;
    case BROKER_SENT_PART:
        if (event_add(link->writable, NULL) != 0) {
            broker_link_fail(link, "cannot wait for the socket");
        }
        break;
    case BROKER_SENT_ERROR:
        broker_link_fail(link, "sending failed");
        break;
    }
}

/* ---- incoming frames */

static void on_connection_close(struct broker_link *link, void *decoded)
{
    const amqp_connection_close_t *close = decoded;
    amqp_connection_close_ok_t close_ok = {0};
    broker_link_send(link, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &close_ok);
    flush(link); /* not required by the protocol; the link ends in any case */
    broker_link_fail(link, "connection closed by the server: %.*s", (int)close->reply_text.len,
                     close->reply_text.len > 0 ? (char *)close->reply_text.bytes : "");
}

static void on_blocked(struct broker_link *link, void *decoded)
{
    const amqp_connection_blocked_t *blocked = decoded;
    char reason[BROKER_SHORT_SIZE];
    char error[BROKER_SHORT_SIZE + 16];
    broker_copy_short(reason, blocked->reason);
    (void)snprintf(error, sizeof error, "blocked: %s", reason);
    log_warn("rabbitmq %s: %s", link->name, error);
    set_state(link, BROKER_BLOCKED, error);
}

static void on_unblocked(struct broker_link *link, void *decoded)
{
    (void)decoded;
    log_info("rabbitmq %s: unblocked", link->name);
    set_state(link, BROKER_UP, "");
}

struct handler {
    amqp_method_number_t id;
    void (*handle)(struct broker_link *link, void *decoded);
};

static void dispatch(struct broker_link *link, const struct handler *handlers, size_t count,
                     const amqp_method_t *method)
{
    for (size_t i = 0; i < count; i++) {
        if (handlers[i].id == method->id) {
            handlers[i].handle(link, method->decoded);
            return;
        }
    }
}

static void on_connection_frame(struct broker_link *link, const amqp_frame_t *frame)
{
    static const struct handler handlers[] = {
        {AMQP_CONNECTION_CLOSE_METHOD, on_connection_close},
        {AMQP_CONNECTION_BLOCKED_METHOD, on_blocked},
        {AMQP_CONNECTION_UNBLOCKED_METHOD, on_unblocked},
    };
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        dispatch(link, handlers, ARRAY_LEN(handlers), &frame->payload.method);
    }
}

static void on_frame(struct broker_link *link, const amqp_frame_t *frame)
{
    if (frame->channel == 0) {
        on_connection_frame(link, frame);
    } else if (frame->channel < ARRAY_LEN(link->channels) && link->channels[frame->channel].calls != NULL) {
        const struct channel *channel = &link->channels[frame->channel];
        channel->calls->frame(frame, channel->arg);
    }
    /* Others are late frames of a closed channel. */
}

static bool frames_left(const struct broker_link *link)
{
    return amqp_frames_enqueued(link->connection) || amqp_data_in_buffer(link->connection);
}

/* Reads the socket once and handles its frames. After PASS_FRAMES_MAX the next pass continues. */
static void drain(struct broker_link *link)
{
    int frames = 0;
    do {
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(link->connection, &frame, &at_once);
        if (status == AMQP_STATUS_TIMEOUT) {
            return;
        }
        if (status != AMQP_STATUS_OK) {
            broker_link_fail(link, "%s", amqp_error_string2(status));
            return;
        }
        on_frame(link, &frame);
        amqp_maybe_release_buffers_on_channel(link->connection, frame.channel);
        frames++;
    } while (link->failure[0] == '\0' && frames < PASS_FRAMES_MAX && frames_left(link));
    if (frames_left(link) && evtimer_add(link->again, &at_once) != 0) {
        broker_link_fail(link, "no timer to read on");
    }
}

/* ---- events of the loop; each ends the link if it has failed */

static void enter(struct broker_link *link)
{
    assert(!link->busy);
    link->busy = true;
}

static void leave(struct broker_link *link)
{
    if (link->connection != NULL && link->failure[0] != '\0') {
        link_end(link);
    }
    link->busy = false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker_link *link = arg;
    enter(link);
    link->received_ms = clock_mono_ms();
    drain(link);
    leave(link);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker_link *link = arg;
    enter(link);
    drain(link);
    leave(link);
}

/* The socket is writable, or something was written in this pass. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker_link *link = arg;
    enter(link);
    if (link->connection != NULL && link->failure[0] == '\0') {
        flush(link);
    }
    leave(link);
}

int64_t broker_link_silent_ms(const struct broker_link *link)
{
    return clock_mono_ms() - link->received_ms;
}

bool broker_link_has_unread(const struct broker_link *link)
{
    char byte;
    return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Runs four times per heartbeat interval. We send at half the interval; the server may miss two. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker_link *link = arg;
    enter(link);
    int64_t now_ms = clock_mono_ms();
    if (now_ms - link->received_ms > link->heartbeat_s * 2000LL && !broker_link_has_unread(link)) {
        broker_link_fail(link, "no heartbeat for %d s", link->heartbeat_s * 2);
    } else if (now_ms - link->sent_ms >= link->heartbeat_s * 500LL && broker_output_empty(&link->output)) {
        if (!broker_output_heartbeat(&link->output)) {
            broker_link_fail(link, "the output buffer is full, no heartbeat was sent");
        }
        flush(link);
    }
    leave(link);
}

static bool link_watch(struct broker_link *link)
{
    link->readable = event_new(link->base, link->fd, EV_READ | EV_PERSIST, on_readable, link);
    link->writable = event_new(link->base, link->fd, EV_WRITE, on_flush, link);
    if (link->readable == NULL || link->writable == NULL || event_add(link->readable, NULL) != 0 ||
        evtimer_add(link->again, &at_once) != 0) { /* frames may have arrived during connecting */
        return false;
    }
    struct timeval tick = clock_timeval(link->heartbeat_s * INT64_C(250));
    return link->heartbeat_s == 0 || event_add(link->tick, &tick) == 0;
}

static void link_begin(struct broker_link *link, const struct broker_login *login)
{
    link->connection = login->connection;
    link->fd = amqp_get_sockfd(login->connection);
    link->heartbeat_s = login->heartbeat_s;
    link->failure[0] = '\0';
    link->up_since_ms = clock_mono_ms();
    link->received_ms = link->up_since_ms;
    link->sent_ms = link->up_since_ms;
    if (!link_watch(link)) {
        link_close(link);
        attempt_failed(link, "no events for the connection");
        return;
    }
    (void)snprintf(link->address, sizeof link->address, "%s:%d", login->host, login->port);
    log_info("rabbitmq %s: connected to %s", link->name, link->address);
    set_state(link, BROKER_UP, "");
    for (size_t i = 0; i < ARRAY_LEN(link->channels); i++) {
        const struct channel *channel = &link->channels[i];
        if (channel->calls != NULL && channel->calls->up != NULL) {
            channel->calls->up(channel->arg);
        }
    }
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker_link *link = arg;
    struct broker_login login;
    enter(link);
    broker_connect_take(link->connect, &login);
    if (login.connection == NULL) {
        attempt_failed(link, login.error);
    } else {
        link_begin(link, &login);
    }
    leave(link);
}

/* ---- public interface */

static bool make_events(struct broker_link *link)
{
    link->connected = event_new(link->base, broker_connect_fd(link->connect), EV_READ | EV_PERSIST, on_connected, link);
    link->retry = evtimer_new(link->base, on_retry, link);
    link->again = evtimer_new(link->base, on_again, link);
    link->flush = event_new(link->base, -1, 0, on_flush, link);
    link->tick = event_new(link->base, -1, EV_PERSIST, on_tick, link);
    return link->connected != NULL && link->retry != NULL && link->again != NULL && link->flush != NULL &&
           link->tick != NULL && event_add(link->connected, NULL) == 0 && evtimer_add(link->retry, &at_once) == 0;
}

static void destroy(struct broker_link *link)
{
    struct event *events[] = {link->connected, link->retry, link->again, link->flush, link->tick};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    if (link->connect != NULL) {
        broker_connect_free(link->connect);
    }
    free(link);
}

struct broker_link *broker_link_new(const struct broker_options *options, size_t connection,
                                    void (*on_change)(enum broker_state state, void *arg), void *arg)
{
    struct broker_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return NULL;
    }
    link->base = options->base;
    link->on_change = on_change;
    link->arg = arg;
    link->state = BROKER_DOWN;
    link->backoff_ms = BROKER_BACKOFF_MIN_MS;
    link->fd = -1;
    (void)snprintf(link->name, sizeof link->name, "%s", options->name);
    (void)snprintf(link->error, sizeof link->error, "connecting");
    link->connect = broker_connect_new(options);
    if (link->connect == NULL || !make_events(link)) {
        destroy(link);
        return NULL;
    }
    link->host = broker_url_first(broker_connect_hosts(link->connect), (int)getpid(), connection);
    return link;
}

void broker_link_set_peer(struct broker_link *link, struct broker_link *peer)
{
    assert(broker_connect_hosts(link->connect) > 1 && link->host != peer->host);
    link->peer = peer;
    peer->peer = link;
}

/* True if the server has replied to our connection.close, or the connection is broken. */
static bool is_last_frame(struct broker_link *link)
{
    amqp_frame_t frame;
    int status;
    while ((status = amqp_simple_wait_frame_noblock(link->connection, &frame, &at_once)) == AMQP_STATUS_OK) {
        if (frame.channel == 0 && frame.frame_type == AMQP_FRAME_METHOD &&
            frame.payload.method.id == AMQP_CONNECTION_CLOSE_OK_METHOD) {
            return true;
        }
        amqp_maybe_release_buffers_on_channel(link->connection, frame.channel);
    }
    return status != AMQP_STATUS_TIMEOUT;
}

/*
 * Closes the connection and waits briefly for the reply. Closing a socket with unread bytes resets the connection, and
 * the server might then not receive our last acks. The server does not read a blocked connection, so it is not waited
 * for.
 */
static void close_gracefully(struct broker_link *link)
{
    amqp_connection_close_t close = {.reply_code = AMQP_REPLY_SUCCESS, .reply_text = amqp_cstring_bytes("done")};
    if (link->connection == NULL || link->failure[0] != '\0' || link->state != BROKER_UP ||
        !broker_output_method(&link->output, 0, AMQP_CONNECTION_CLOSE_METHOD, &close)) {
        return;
    }
    int64_t until_ms = clock_mono_ms() + CLOSE_MAX_MS;
    for (int64_t left_ms = CLOSE_MAX_MS; left_ms > 0; left_ms = until_ms - clock_mono_ms()) {
        if (broker_output_send(&link->output, link->fd) == BROKER_SENT_ERROR || is_last_frame(link)) {
            return;
        }
        struct pollfd wait = {.fd = link->fd,
                              .events = (short)(POLLIN | (broker_output_empty(&link->output) ? 0 : POLLOUT))};
        if (poll(&wait, 1, (int)left_ms) < 0) {
            return;
        }
    }
}

void broker_link_free(struct broker_link *link)
{
    assert(!link->busy);
    close_gracefully(link);
    link->state = BROKER_DOWN;
    (void)snprintf(link->failure, sizeof link->failure, "closed by its owner"); /* acks return false from here on */
    for (size_t i = 0; i < ARRAY_LEN(link->channels); i++) {
        const struct channel *channel = &link->channels[i];
        if (channel->calls != NULL) {
            channel->calls->freed(channel->arg);
        }
    }
    link_close(link);
    destroy(link);
}

enum broker_state broker_link_state(const struct broker_link *link)
{
    return link->state;
}

bool broker_link_failing(const struct broker_link *link)
{
    return link->failure[0] != '\0';
}

const char *broker_link_error(const struct broker_link *link)
{
    return link->error;
}

const char *broker_link_name(const struct broker_link *link)
{
    return link->name;
}

const char *broker_link_address(const struct broker_link *link)
{
    return link->address;
}

struct event_base *broker_link_base(const struct broker_link *link)
{
    return link->base;
}

uint16_t broker_link_take_channel(struct broker_link *link, const struct broker_channel_calls *calls, void *arg)
{
    static_assert(ARRAY_LEN(link->channels) <= UINT16_MAX, "AMQP numbers channels with 16 bits");
    for (size_t number = 1; number < ARRAY_LEN(link->channels); number++) {
        if (link->channels[number].calls == NULL) {
            link->channels[number] = (struct channel){.calls = calls, .arg = arg};
            return (uint16_t)number;
        }
    }
    return 0;
}

void broker_link_give_channel(struct broker_link *link, uint16_t channel)
{
    assert(link->channels[channel].calls != NULL);
    link->channels[channel] = (struct channel){0};
}

bool broker_link_publish(struct broker_link *link, uint64_t tag, const struct broker_message *message)
{
    if (link->state != BROKER_UP || broker_link_failing(link) ||
        !broker_output_publish(&link->output, tag, (size_t)amqp_get_frame_max(link->connection), message)) {
        return false;
    }
    flush_soon(link);
    return true;
}
