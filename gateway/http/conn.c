/*
 * The connections of a worker, and their timeouts; see conn.h and conn_state.h.
 */
#include "gateway/http/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/http/conn_accept.h"
#include "gateway/http/conn_read.h"
#include "gateway/http/conn_upload.h"
#include "gateway/http/linger.h"

enum {
    SWEEP_MS = 100,       /* interval of the checks for slow clients */
    DRAIN_IDLE_MS = 500,  /* idle connections are closed this long after the drain began */
    UNSENT_BYTES = 65536, /* of a file, in the kernel: beyond what the client has room for */
};

static void do_chores(evutil_socket_t fd, short what, void *arg)
{
    struct conns *conns = arg;
    struct conn *conn = NULL;
    bool accepted = false;
    (void)fd;
    (void)what;
    while ((conn = TAILQ_FIRST(&conns->chores)) != NULL) {
        TAILQ_REMOVE(&conns->chores, conn, chores);
        conn->chore = false;
        if (conn->state == CONN_MADE) {
            conn_adopt(conn);
            accepted = true;
        } else if (conn->has_page) {
            conn_replace_page(conn);
        }
    }
    if (accepted) {
        conns_accept_next(conns);
    }
}

static void sweep_drain(struct conns *conns)
{
    struct conn *conn = NULL;
    if (clock_mono_ms() - conns->drain_ms < DRAIN_IDLE_MS) {
        return;
    }
    TAILQ_FOREACH(conn, &conns->all, all)
    {
        if (conn->state == CONN_IDLE) {
            conn_refuse(conn, ERROR_COUNT, "drain");
        }
    }
}

static void sweep_slow(struct conn_list *list, int timeout_ms, enum error_code code, const char *reason)
{
    struct conn *conn = NULL;
    int64_t late = clock_mono_ms() - timeout_ms;
    while ((conn = TAILQ_FIRST(list)) != NULL && conn->since_ms <= late) {
        conn_refuse(conn, code, reason);
    }
}

static void do_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct conns *conns = arg;
    (void)fd;
    (void)what;
    const struct conns_options *options = &conns->options;
    const char *late = "request not received in time";
    sweep_slow(&conns->fresh, options->first_byte_timeout_ms, ERROR_COUNT, "no byte received in time");
    sweep_slow(&conns->reading, options->read_timeout_ms, ERROR_REQUEST_TIMEOUT, late);
    conns_sweep_uploads(conns);
    if (conns->draining) {
        sweep_drain(conns);
    }
}

static bool conns_start(struct conns *conns)
{
    const struct timeval every = {0, SWEEP_MS * 1000L};
    const struct conns_options *options = &conns->options;
    conns->http = evhttp_new(options->base);
    conns->lingers = lingers_new(options->base);
    conns->sweep = event_new(options->base, -1, EV_PERSIST, do_sweep, conns);
    conns->chore = event_new(options->base, -1, 0, do_chores, conns);
    conns->resume = event_new(options->base, -1, 0, conns_accept_resume, conns);
    if (conns->http == NULL || conns->lingers == NULL || conns->sweep == NULL || conns->chore == NULL ||
        conns->resume == NULL || event_add(conns->sweep, &every) != 0) {
        return false;
    }
    evhttp_set_bevcb(conns->http, conn_make, conns);
    evhttp_set_gencb(conns->http, options->request, options->arg);
    evhttp_set_max_headers_size(conns->http, options->header_max_bytes);
    evhttp_set_max_body_size(conns->http, options->body_max_bytes);
    evhttp_set_timeout(conns->http, options->idle_timeout_s);
    evhttp_set_default_content_type(conns->http, NULL);
    /* All methods that evhttp can parse but CONNECT, which scanner.c refuses; the router answers 405. */
    evhttp_set_allowed_methods(conns->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                                EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                                EVHTTP_REQ_PATCH);
    /* Read a body that is too large to its end, so that a client that still sends gets its 413. The timeouts apply. */
    return evhttp_set_flags(conns->http, EVHTTP_SERVER_LINGERING_CLOSE) == 0;
}

struct conns *conns_new(const struct conns_options *options)
{
    struct conns *conns = calloc(1, sizeof(*conns));
    if (conns == NULL) {
        return NULL;
    }
    conns->options = *options;
    TAILQ_INIT(&conns->all);
    TAILQ_INIT(&conns->fresh);
    TAILQ_INIT(&conns->idle);
    TAILQ_INIT(&conns->reading);
    TAILQ_INIT(&conns->uploading);
    TAILQ_INIT(&conns->chores);
    if (!conns_start(conns)) {
        conns_free(conns);
        return NULL;
    }
    conns_accept_serves(conns);
    return conns;
}

void conns_free(struct conns *conns)
{
    if (conns == NULL) {
        return;
    }
    if (conns->http != NULL) {
        evhttp_free(conns->http); /* frees the listeners, and calls the close callback of every connection */
    }
    struct conn *next = NULL;
    for (struct conn *conn = TAILQ_FIRST(&conns->all); conn != NULL; conn = next) {
        next = TAILQ_NEXT(conn, all);
        conn_free(conn); /* accepted, but conn_adopt has not run yet */
    }
    lingers_free(conns->lingers);
    struct event *events[] = {conns->sweep, conns->chore, conns->resume};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    conns_accept_serves(NULL);
    free(conns->by_fd);
    free(conns);
}

bool conns_listen(struct conns *conns, int fd)
{
    if (conns->listener_count == CONN_LISTENERS_MAX) {
        log_error("more than %d listening sockets", CONN_LISTENERS_MAX);
        return false;
    }
    struct evconnlistener *listener = evconnlistener_new(conns->options.base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (listener == NULL) {
        return false;
    }
    if (evhttp_bind_listener(conns->http, listener) == NULL) {
        evconnlistener_free(listener);
        return false;
    }
    evconnlistener_set_error_cb(listener, conns_accept_failed);
    conns->listeners[conns->listener_count++] = listener;
    return true;
}

void conns_drain(struct conns *conns)
{
    conns->draining = true;
    conns->drain_ms = clock_mono_ms();
    conns_accept_switch(conns, false);
}

size_t conns_open(const struct conns *conns)
{
    return conns->open;
}

struct conn *conns_find(const struct conns *conns, struct evhttp_request *evreq)
{
    struct evhttp_connection *evcon = evhttp_request_get_connection(evreq);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(evcon));
    if (fd < 0 || (size_t)fd >= conns->by_fd_size || conns->by_fd[fd] == NULL ||
        conns->by_fd[fd]->state == CONN_REFUSED) {
        return NULL;
    }
    return conns->by_fd[fd];
}

void conn_request_read(struct conn *conn)
{
    conn_set_state(conn, CONN_BUSY);
}

void conn_answer_begin(struct conn *conn)
{
    conn->answering = true;
}

void conn_watch(struct conn *conn, void (*lost)(void *arg), void *arg)
{
    const int unsent = UNSENT_BYTES;
    conn->lost = lost;
    conn->lost_arg = arg;
    if (setsockopt(conn->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent)) != 0) {
        log_debug("cannot bound the unsent bytes of a connection: %s", strerror(errno));
    }
}

/* evhttp notices when it writes. */
void conn_cut(struct conn *conn, const char *reason)
{
    log_info("connection closed: %s", reason);
    (void)shutdown(conn->fd, SHUT_RDWR); /* fails if the other side has closed, which the next write shows */
}

/*
 * Writes the answer at once instead of in the next pass of the loop. If all was written, evhttp gets its write callback
 * from the loop. Otherwise the bufferevent writes the rest.
 */
static void conn_flush(struct conn *conn)
{
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    if (evbuffer_unfreeze(output, 1) != 0) {
        return;
    }
    int written = evbuffer_write(output, conn->fd);
    (void)evbuffer_freeze(output, 1);
    if (written > 0 && evbuffer_get_length(output) == 0) {
        bufferevent_trigger(conn->bev, EV_WRITE, BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
    }
}

void conn_answer_end(struct conn *conn)
{
    conn->answering = false;
    conn->lost = NULL;
    conn->read = evbuffer_get_length(bufferevent_get_input(conn->bev));
    conn_flush(conn);
    if (conn->state != CONN_BUSY) {
        return;
    }
    if (conn_upload_held(conn)) {
        conn_set_state(conn, CONN_REFUSED); /* what follows is no request; evhttp closes after the answer */
        return;
    }
    conn_upload_free(conn);
    conn_set_state(conn, CONN_IDLE);
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    if (evbuffer_get_length(input) != conn->unscanned) {
        /* Scanner and evhttp disagree on the end of the request, so the next one cannot be found. */
        conn_refuse(conn, ERROR_COUNT, "the end of a request is ambiguous");
    } else if (conn->unscanned > 0) {
        conn_read_next(conn);
    }
}

/*
 * evhttp cannot release a connection: freeing it shuts down the socket, even if another descriptor refers to it. So the
 * evhttp_connection stays idle: its bufferevent has neither callbacks nor events.
 */
int conn_take(struct conn *conn, uint8_t *rest, size_t size, size_t *length)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    conn_set_state(conn, CONN_TAKEN);
    conn_upload_free(conn);
    (void)bufferevent_disable(conn->bev, EV_READ | EV_WRITE);
    bufferevent_setcb(conn->bev, NULL, NULL, NULL, NULL);
    *length = evbuffer_get_length(input);
    if (*length <= size && *length > 0 && evbuffer_remove(input, rest, *length) != (int)*length) {
        *length = size + 1;
    }
    return conn->fd;
}

void conn_end(struct conn *conn)
{
    evhttp_connection_free(conn->evcon); /* calls conn_closed */
}
