/*
 * A connection to RabbitMQ that is kept alive: made by broker_connect.c in a thread, then served here from the event
 * loop. One function ends a link (link_end), with a reason that reaches the log, the owner's trouble, every
 * unconfirmed message and every consumer. Frames are met in tables by channel and method.
 *
 * A link is given up, rather than mended, whenever the publish channel is closed by the server: its confirms are lost
 * with it, and connecting again also checks the topology again.
 */
#include "common/io/broker.h"

#include <assert.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/broker_internal.h"

static const struct timeval at_once = {0};

static struct timeval milliseconds(int ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
}

void broker_copy_short(char out[static BROKER_SHORT_SIZE], amqp_bytes_t bytes)
{
    size_t length = bytes.len < BROKER_SHORT_SIZE ? bytes.len : BROKER_SHORT_SIZE - 1;
    if (length > 0) {
        memcpy(out, bytes.bytes, length);
    }
    out[length] = '\0';
}

/* ---- states */

/* The one place where the state changes. */
static void set_state(struct broker *broker, enum broker_state state, const char *error)
{
    (void)snprintf(broker->error, sizeof broker->error, "%s", error);
    if (broker->state == state) {
        return;
    }
    broker->state = state;
    if (broker->on_change != NULL) {
        broker->on_change(broker, state, broker->arg);
    }
}

void broker_fail(struct broker *broker, const char *format, ...)
{
    if (broker->failure[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(broker->failure, sizeof broker->failure, format, arguments);
        va_end(arguments);
    }
    broker_flush_soon(broker);
}

static void retry_later(struct broker *broker)
{
    struct timeval after = milliseconds(broker->backoff_ms);
    broker->backoff_ms *= 2;
    if (broker->backoff_ms > BROKER_BACKOFF_MAX_MS) {
        broker->backoff_ms = BROKER_BACKOFF_MAX_MS;
    }
    if (evtimer_add(broker->retry, &after) != 0) {
        log_error("rabbitmq %s: no timer to connect again", broker->name);
    }
}

static void attempt_failed(struct broker *broker, const char *error)
{
    if (strcmp(broker->error, error) != 0) { /* the same trouble every two seconds is no news */
        log_warn("rabbitmq %s: cannot connect: %s", broker->name, error);
    }
    set_state(broker, BROKER_DOWN, error);
    retry_later(broker);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker *broker = arg;
    if (!broker_connect_start(broker->connect)) {
        attempt_failed(broker, "no thread to connect in");
    }
}

static void link_close(struct broker *broker)
{
    struct event **events[] = {&broker->readable, &broker->writable};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (*events[i] != NULL) {
            event_free(*events[i]);
            *events[i] = NULL;
        }
    }
    (void)event_del(broker->again);
    (void)event_del(broker->tick);
    if (broker->connection != NULL) {
        /* Never amqp_connection_close: on a broken link it can hang. */
        amqp_destroy_connection(broker->connection);
        broker->connection = NULL;
    }
    broker->fd = -1;
    broker->failure[0] = '\0';
    broker_output_clear(&broker->output);
}

/* The one place where a link ends while the broker lives on. */
static void link_end(struct broker *broker)
{
    char reason[BROKER_TEXT_SIZE];
    (void)snprintf(reason, sizeof reason, "%s", broker->failure);
    log_warn("rabbitmq %s: lost: %s (%zu unconfirmed)", broker->name, reason, broker->confirms.open);
    if (clock_mono_ms() - broker->up_since_ms > BROKER_BACKOFF_MAX_MS) {
        broker->backoff_ms = BROKER_BACKOFF_MIN_MS;
    }
    link_close(broker);
    set_state(broker, BROKER_DOWN, reason);
    broker_confirm_abandon(&broker->confirms);
    for (size_t channel = 0; channel < ARRAY_LEN(broker->consumers); channel++) {
        if (broker->consumers[channel] != NULL) {
            broker_consumer_link_lost(broker->consumers[channel]);
        }
    }
    retry_later(broker);
}

/* ---- frames out */

void broker_flush_soon(struct broker *broker)
{
    if (broker->failure[0] != '\0' || broker->writable == NULL || !event_pending(broker->writable, EV_WRITE, NULL)) {
        event_active(broker->flush, EV_TIMEOUT, 0); /* runs after what is active now: one send for this whole pass */
    }
}

void broker_send(struct broker *broker, uint16_t channel, amqp_method_number_t id, void *method)
{
    if (!broker_output_method(&broker->output, channel, id, method)) {
        broker_fail(broker, "no room for what is to be sent");
        return;
    }
    broker_flush_soon(broker);
}

static void flush(struct broker *broker)
{
    if (broker_output_empty(&broker->output)) {
        return;
    }
    switch (broker_output_send(&broker->output, broker->fd)) {
    case BROKER_SENT_ALL:
        broker->sent_ms = clock_mono_ms();
        break;
    case BROKER_SENT_PART:
        if (event_add(broker->writable, NULL) != 0) {
            broker_fail(broker, "cannot wait for the socket");
        }
        break;
    case BROKER_SENT_ERROR:
        broker_fail(broker, "sending failed");
        break;
    }
}

/* ---- frames in */

static void closed_by_server(struct broker *broker, const char *what, amqp_bytes_t text)
{
    broker_fail(broker, "%s closed by the server: %.*s", what, (int)text.len, text.len > 0 ? (char *)text.bytes : "");
}

static void on_connection_close(struct broker *broker, void *decoded)
{
    const amqp_connection_close_t *close = decoded;
    amqp_connection_close_ok_t close_ok = {0};
    broker_send(broker, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &close_ok);
    flush(broker); /* out of courtesy; the link ends in any case */
    closed_by_server(broker, "connection", close->reply_text);
}

static void on_blocked(struct broker *broker, void *decoded)
{
    const amqp_connection_blocked_t *blocked = decoded;
    char reason[BROKER_SHORT_SIZE];
    char error[BROKER_SHORT_SIZE + 16];
    broker_copy_short(reason, blocked->reason);
    (void)snprintf(error, sizeof error, "blocked: %s", reason);
    log_warn("rabbitmq %s: %s", broker->name, error);
    set_state(broker, BROKER_BLOCKED, error);
}

static void on_unblocked(struct broker *broker, void *decoded)
{
    (void)decoded;
    log_info("rabbitmq %s: unblocked", broker->name);
    set_state(broker, BROKER_UP, "");
}

static void settle(struct broker *broker, uint64_t tag, bool multiple, enum broker_verdict verdict)
{
    if (!broker_confirm_settle(&broker->confirms, tag, multiple, verdict)) {
        broker_fail(broker, "confirm of delivery tag %llu, which was never given", (unsigned long long)tag);
    }
}

static void on_ack(struct broker *broker, void *decoded)
{
    const amqp_basic_ack_t *ack = decoded;
    settle(broker, ack->delivery_tag, ack->multiple, BROKER_CONFIRMED);
}

static void on_nack(struct broker *broker, void *decoded)
{
    const amqp_basic_nack_t *nack = decoded;
    settle(broker, nack->delivery_tag, nack->multiple, BROKER_NACKED);
}

static void on_publish_channel_close(struct broker *broker, void *decoded)
{
    const amqp_channel_close_t *close = decoded;
    closed_by_server(broker, "publish channel", close->reply_text);
}

struct handler {
    amqp_method_number_t id;
    void (*handle)(struct broker *broker, void *decoded);
};

static void dispatch(struct broker *broker, const struct handler *handlers, size_t count, const amqp_method_t *method)
{
    for (size_t i = 0; i < count; i++) {
        if (handlers[i].id == method->id) {
            handlers[i].handle(broker, method->decoded);
            return;
        }
    }
}

static void on_connection_frame(struct broker *broker, const amqp_frame_t *frame)
{
    static const struct handler handlers[] = {
        {AMQP_CONNECTION_CLOSE_METHOD, on_connection_close},
        {AMQP_CONNECTION_BLOCKED_METHOD, on_blocked},
        {AMQP_CONNECTION_UNBLOCKED_METHOD, on_unblocked},
    };
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        dispatch(broker, handlers, ARRAY_LEN(handlers), &frame->payload.method);
    }
}

/* The only headers that come on this channel are those of returned messages; their bodies are passed over. */
static void on_returned(struct broker *broker, const amqp_basic_properties_t *properties)
{
    if ((properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) == 0) {
        return;
    }
    char tag[BROKER_SHORT_SIZE];
    broker_copy_short(tag, properties->correlation_id);
    broker_confirm_returned(&broker->confirms, strtoull(tag, NULL, 10));
}

static void on_publish_frame(struct broker *broker, const amqp_frame_t *frame)
{
    static const struct handler handlers[] = {
        {AMQP_BASIC_ACK_METHOD, on_ack},
        {AMQP_BASIC_NACK_METHOD, on_nack},
        {AMQP_CHANNEL_CLOSE_METHOD, on_publish_channel_close},
    };
    if (frame->frame_type == AMQP_FRAME_METHOD) {
        dispatch(broker, handlers, ARRAY_LEN(handlers), &frame->payload.method);
    } else if (frame->frame_type == AMQP_FRAME_HEADER) {
        on_returned(broker, frame->payload.properties.decoded);
    }
}

static void on_frame(struct broker *broker, const amqp_frame_t *frame)
{
    if (frame->channel == 0) {
        on_connection_frame(broker, frame);
    } else if (frame->channel == BROKER_PUBLISH_CHANNEL) {
        on_publish_frame(broker, frame);
    } else if (frame->channel < ARRAY_LEN(broker->consumers) && broker->consumers[frame->channel] != NULL) {
        broker_consumer_frame(broker->consumers[frame->channel], frame);
    }
    /* Else it is the rest of a channel that was closed. */
}

static bool frames_left(const struct broker *broker)
{
    return amqp_frames_enqueued(broker->connection) || amqp_data_in_buffer(broker->connection);
}

/* Reads the socket once and handles the frames in it; the rest of a long pass waits for the next. */
static void drain(struct broker *broker)
{
    int frames = 0;
    do {
        amqp_frame_t frame;
        int status = amqp_simple_wait_frame_noblock(broker->connection, &frame, &at_once);
        if (status == AMQP_STATUS_TIMEOUT) {
            return;
        }
        if (status != AMQP_STATUS_OK) {
            broker_fail(broker, "%s", amqp_error_string2(status));
            return;
        }
        on_frame(broker, &frame);
        amqp_maybe_release_buffers_on_channel(broker->connection, frame.channel);
        frames++;
    } while (broker->failure[0] == '\0' && frames < BROKER_PASS_FRAMES_MAX && frames_left(broker));
    if (frames_left(broker) && evtimer_add(broker->again, &at_once) != 0) {
        broker_fail(broker, "no timer to read on");
    }
}

/* ---- the loop's events; each ends the link if it has failed meanwhile */

static void enter(struct broker *broker)
{
    assert(!broker->busy);
    broker->busy = true;
}

static void leave(struct broker *broker)
{
    if (broker->connection != NULL && broker->failure[0] != '\0') {
        link_end(broker);
    }
    broker->busy = false;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker *broker = arg;
    enter(broker);
    broker->received_ms = clock_mono_ms();
    drain(broker);
    leave(broker);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker *broker = arg;
    enter(broker);
    drain(broker);
    leave(broker);
}

/* The socket is writable, or something was written in this pass. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker *broker = arg;
    enter(broker);
    if (broker->connection != NULL && broker->failure[0] == '\0') {
        flush(broker);
    }
    leave(broker);
}

/* Four times in a heartbeat: ours goes out at half of it, the server's is missed after two. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker *broker = arg;
    enter(broker);
    int64_t now_ms = clock_mono_ms();
    char byte;
    if (now_ms - broker->received_ms > broker->heartbeat_s * 2000LL &&
        recv(broker->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) { /* else it is our loop that was late */
        broker_fail(broker, "no heartbeat for %d s", broker->heartbeat_s * 2);
    } else if (now_ms - broker->sent_ms >= broker->heartbeat_s * 500LL && broker_output_empty(&broker->output)) {
        if (!broker_output_heartbeat(&broker->output)) {
            broker_fail(broker, "no room for a heartbeat");
        }
        flush(broker);
    }
    leave(broker);
}

static bool link_watch(struct broker *broker)
{
    broker->readable = event_new(broker->base, broker->fd, EV_READ | EV_PERSIST, on_readable, broker);
    broker->writable = event_new(broker->base, broker->fd, EV_WRITE, on_flush, broker);
    if (broker->readable == NULL || broker->writable == NULL || event_add(broker->readable, NULL) != 0 ||
        evtimer_add(broker->again, &at_once) != 0) { /* frames may have come while it was connecting */
        return false;
    }
    struct timeval tick = milliseconds(broker->heartbeat_s * 250);
    return broker->heartbeat_s == 0 || event_add(broker->tick, &tick) == 0;
}

static void link_begin(struct broker *broker, const struct broker_link *link)
{
    broker->connection = link->connection;
    broker->fd = amqp_get_sockfd(link->connection);
    broker->heartbeat_s = link->heartbeat_s;
    broker->failure[0] = '\0';
    broker->up_since_ms = clock_mono_ms();
    broker->received_ms = broker->up_since_ms;
    broker->sent_ms = broker->up_since_ms;
    if (!link_watch(broker)) {
        link_close(broker);
        attempt_failed(broker, "no events for the connection");
        return;
    }
    log_info("rabbitmq %s: connected", broker->name);
    set_state(broker, BROKER_UP, "");
    for (size_t channel = 0; channel < ARRAY_LEN(broker->consumers); channel++) {
        if (broker->consumers[channel] != NULL) {
            broker_consumer_link_up(broker->consumers[channel]);
        }
    }
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct broker *broker = arg;
    struct broker_link link;
    enter(broker);
    broker_connect_take(broker->connect, &link);
    if (link.connection == NULL) {
        attempt_failed(broker, link.error);
    } else {
        link_begin(broker, &link);
    }
    leave(broker);
}

/* ---- the owner's side */

static bool make_events(struct broker *broker)
{
    broker->connected =
        event_new(broker->base, broker_connect_fd(broker->connect), EV_READ | EV_PERSIST, on_connected, broker);
    broker->retry = evtimer_new(broker->base, on_retry, broker);
    broker->again = evtimer_new(broker->base, on_again, broker);
    broker->flush = event_new(broker->base, -1, 0, on_flush, broker);
    broker->tick = event_new(broker->base, -1, EV_PERSIST, on_tick, broker);
    return broker->connected != NULL && broker->retry != NULL && broker->again != NULL && broker->flush != NULL &&
           broker->tick != NULL && event_add(broker->connected, NULL) == 0 && evtimer_add(broker->retry, &at_once) == 0;
}

static void destroy(struct broker *broker)
{
    struct event *events[] = {broker->connected, broker->retry, broker->again, broker->flush, broker->tick};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    if (broker->connect != NULL) {
        broker_connect_free(broker->connect);
    }
    broker_confirm_close(&broker->confirms);
    free(broker);
}

struct broker *broker_new(const struct broker_options *options)
{
    struct broker *broker = calloc(1, sizeof *broker);
    if (broker == NULL) {
        return NULL;
    }
    broker->base = options->base;
    broker->on_change = options->on_change;
    broker->arg = options->arg;
    broker->state = BROKER_DOWN;
    broker->backoff_ms = BROKER_BACKOFF_MIN_MS;
    broker->fd = -1;
    (void)snprintf(broker->name, sizeof broker->name, "%s", options->name);
    (void)snprintf(broker->error, sizeof broker->error, "connecting");
    broker->connect = broker_connect_new(options);
    if (broker->connect == NULL || !broker_confirm_init(&broker->confirms, options->unconfirmed_max) ||
        !make_events(broker)) {
        destroy(broker);
        return NULL;
    }
    return broker;
}

/* True when the server has answered our connection.close, or can no longer. */
static bool is_last_frame(struct broker *broker)
{
    amqp_frame_t frame;
    int status;
    while ((status = amqp_simple_wait_frame_noblock(broker->connection, &frame, &at_once)) == AMQP_STATUS_OK) {
        if (frame.channel == 0 && frame.frame_type == AMQP_FRAME_METHOD &&
            frame.payload.method.id == AMQP_CONNECTION_CLOSE_OK_METHOD) {
            return true;
        }
        amqp_maybe_release_buffers_on_channel(broker->connection, frame.channel);
    }
    return status != AMQP_STATUS_TIMEOUT;
}

/*
 * Says goodbye and waits a moment for the answer: closing a socket that still has unread bytes resets the connection,
 * and the server might never see our last acks. A blocked connection is not read by the server: no use waiting.
 */
static void goodbye(struct broker *broker)
{
    amqp_connection_close_t close = {.reply_code = AMQP_REPLY_SUCCESS, .reply_text = amqp_cstring_bytes("done")};
    if (broker->connection == NULL || broker->failure[0] != '\0' || broker->state != BROKER_UP ||
        !broker_output_method(&broker->output, 0, AMQP_CONNECTION_CLOSE_METHOD, &close)) {
        return;
    }
    int64_t until_ms = clock_mono_ms() + BROKER_GOODBYE_MAX_MS;
    for (int64_t left_ms = BROKER_GOODBYE_MAX_MS; left_ms > 0; left_ms = until_ms - clock_mono_ms()) {
        if (broker_output_send(&broker->output, broker->fd) == BROKER_SENT_ERROR || is_last_frame(broker)) {
            return;
        }
        struct pollfd wait = {.fd = broker->fd,
                              .events = (short)(POLLIN | (broker_output_empty(&broker->output) ? 0 : POLLOUT))};
        if (poll(&wait, 1, (int)left_ms) < 0) {
            return;
        }
    }
}

void broker_free(struct broker *broker)
{
    if (broker == NULL) {
        return;
    }
    assert(!broker->busy);
    goodbye(broker);
    broker->state = BROKER_DOWN;
    (void)snprintf(broker->failure, sizeof broker->failure, "closed by its owner"); /* acks say false from here on */
    broker_confirm_abandon(&broker->confirms);
    for (size_t channel = 0; channel < ARRAY_LEN(broker->consumers); channel++) {
        if (broker->consumers[channel] != NULL) {
            broker_consumer_free(broker->consumers[channel]);
        }
    }
    link_close(broker);
    destroy(broker);
}

enum broker_state broker_state(const struct broker *broker)
{
    return broker->state;
}

size_t broker_unconfirmed(const struct broker *broker)
{
    return broker->confirms.open;
}

int64_t broker_latency_ms(const struct broker *broker)
{
    return broker->confirms.latency_ms;
}

const char *broker_error(const struct broker *broker)
{
    return broker->error;
}

bool broker_publish(struct broker *broker, const struct broker_message *message, broker_verdict_callback callback,
                    void *arg)
{
    assert(callback != NULL && message->length <= BROKER_MESSAGE_MAX_BYTES);
    if (broker->state != BROKER_UP || broker->failure[0] != '\0' || broker_confirm_full(&broker->confirms) ||
        !broker_output_publish(&broker->output, broker->confirms.next_tag,
                               (size_t)amqp_get_frame_max(broker->connection), message)) {
        return false;
    }
    broker_confirm_add(&broker->confirms, callback, arg);
    broker_flush_soon(broker);
    return true;
}
