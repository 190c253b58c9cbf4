/*
 * The connections of one worker; see conn.h. The code relies on these properties of libevent 2.1.12:
 *
 *  - The bufferevent from the callback of evhttp_set_bevcb gets its descriptor, and evhttp as the argument of its
 *    callbacks, before control returns to the loop. Nothing is read before the next pass of the loop.
 *  - A listener that its callback disables accepts no more connections in this pass. So each pass accepts a few
 *    connections, open connections are served in between, and other workers get their share.
 *  - evhttp writes its error pages while writing is disabled. The write event needs another pass of the loop, so an
 *    event activated at the write sees the complete page and can replace it.
 *  - The close callback of an evhttp_connection is called once, before its memory is freed.
 *  - The callback of the input buffer runs before evhttp sees the bytes. The buffer of a socket holds memory of its
 *    own, which may be changed in place, and its front may be drained.
 */
#include "gateway/http/conn.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/timer.h"
#include "gateway/core/clients.h"
#include "gateway/http/cors.h"
#include "gateway/http/errors.h"
#include "gateway/http/head_origin.h"
#include "gateway/http/http_metrics.h"
#include "gateway/http/scanner.h"

enum {
    LISTENERS_MAX = 8,      /* systemd may hand over several addresses */
    SWEEP_MS = 100,         /* interval of the checks for slow clients */
    DRAIN_IDLE_MS = 500,    /* idle connections are closed this long after the drain began */
    ACCEPT_EACH = 64,       /* maximum of connections accepted in one pass of the loop */
    TURN_PAUSE_MS = 1,      /* while it is another worker's turn to accept */
    TURN_PAUSES_MAX = 5,    /* then this worker accepts anyway: the other may be busy */
    ACCEPT_PAUSE_MS = 1000, /* after EMFILE and similar errors */
    PAGE_STATUS_OFFSET = 9, /* "HTTP/1.1 400": offset of the status */
    UNSENT_BYTES = 65536,   /* of a file, in the kernel: beyond what the client has room for */
    PEEK_CHAINS = 4,        /* pieces of an input buffer that are scanned at a time */
};

enum conn_state {
    CONN_MADE,    /* evhttp has its bufferevent; the evhttp_connection is not known yet */
    CONN_IDLE,    /* no byte of a request was received yet; in the list `fresh` or `idle` */
    CONN_READING, /* between first and last byte of a request; in the list `reading` or `uploading` */
    CONN_BUSY,    /* its request is being answered */
    CONN_REFUSED, /* shut down; evhttp will notice and free it */
    CONN_TAKEN,   /* detached by conn_take, until conn_end */
};

struct conn {
    struct conns *conns;
    struct bufferevent *bev;
    struct evhttp_connection *evcon; /* NULL while CONN_MADE */
    int fd;
    enum conn_state state;
    struct client_keys peer; /* counted; without keys: not counted */
    bool kept;               /* counted in conns->kept: open and not refused */
    bool served;             /* it has had a request */
    void (*lost)(void *arg); /* see conn_watch; NULL: nothing */
    void *lost_arg;
    bool answering;         /* the gateway, not evhttp, is writing */
    bool has_page;          /* evhttp has written an error page of its own; in the list `chores` */
    bool chore;             /* is in the list `chores` */
    bool upload_known;      /* CONN_READING: `upload` is decided */
    bool upload;            /* counted in conns->uploads, until answered or closed */
    int64_t since_ms;       /* CONN_READING: time of the first byte; CONN_IDLE: of its begin */
    size_t read;            /* bytes since the last answer */
    size_t unscanned;       /* bytes at the end of the input buffer: of later requests, or about to be scanned */
    struct scanner scanner; /* of the request that is CONN_READING */
    struct head_origin head_origin;
    TAILQ_ENTRY(conn) all;
    TAILQ_ENTRY(conn) timed;
    TAILQ_ENTRY(conn) chores;
};

TAILQ_HEAD(conn_list, conn);

struct conns {
    struct conns_options options;
    struct evhttp *http;
    struct evconnlistener *listeners[LISTENERS_MAX];
    size_t listener_count;
    struct event *sweep;  /* every SWEEP_MS */
    struct event *chore;  /* activated by conn_add_chore; it has no timeout */
    struct event *resume; /* after ACCEPT_PAUSE_MS or TURN_PAUSE_MS */
    struct conn_list all;
    struct conn_list fresh; /* idle since the accept; oldest first, as the next three */
    struct conn_list idle;  /* idle since an answer */
    struct conn_list reading;
    struct conn_list uploading;
    int uploads;
    struct conn_list chores;
    struct conn **by_fd; /* from a request's descriptor to its connection */
    size_t by_fd_size;
    size_t open;
    size_t kept; /* of these, not refused: those that are being closed make room at once */
    int taken;   /* connections accepted in this pass of the loop */
    bool paused; /* `resume` is pending */
    int turn_pauses;
    bool draining;
    int64_t drain_ms; /* when the drain began */
};

/* A listener's error callback gets evhttp's argument instead of ours, so it needs this global. */
static struct conns *conns_of_process;

static void accept_switch(struct conns *conns, bool on)
{
    for (size_t i = 0; i < conns->listener_count; i++) {
        int failed = on ? evconnlistener_enable(conns->listeners[i]) : evconnlistener_disable(conns->listeners[i]);
        if (failed != 0) {
            log_error("cannot %s accepting", on ? "resume" : "pause");
        }
    }
}

static bool has_turn(const struct conns *conns)
{
    return conns->options.turn == NULL || conns->options.turn(conns->open, conns->options.turn_arg);
}

static void conn_add_chore(struct conn *conn)
{
    if (!conn->chore) {
        conn->chore = true;
        TAILQ_INSERT_TAIL(&conn->conns->chores, conn, chores);
        event_active(conn->conns->chore, EV_TIMEOUT, 0);
    }
}

/* The list that orders connections of its state by time; NULL: none. */
static struct conn_list *conn_list(struct conn *conn)
{
    if (conn->state == CONN_IDLE) {
        return conn->served ? &conn->conns->idle : &conn->conns->fresh;
    }
    if (conn->state == CONN_READING) {
        return conn->upload ? &conn->conns->uploading : &conn->conns->reading;
    }
    return NULL;
}

static void conn_leave_list(struct conn *conn)
{
    struct conn_list *list = conn_list(conn);
    if (list != NULL) {
        TAILQ_REMOVE(list, conn, timed);
    }
}

static void conn_enter_list(struct conn *conn)
{
    struct conn_list *list = conn_list(conn);
    if (list != NULL) {
        conn->since_ms = clock_mono_ms();
        TAILQ_INSERT_TAIL(list, conn, timed);
    }
}

/* Takes a connection out of the counts, once it is refused or closed. */
static void conn_give_back(struct conn *conn)
{
    if (conn->kept) {
        conn->kept = false;
        conn->conns->kept--;
        client_counts_give(conn->conns->options.clients->counts, &conn->peer, CLIENT_CONNECTIONS, 1);
    }
}

static void conn_end_upload(struct conn *conn)
{
    if (conn->upload) {
        conn->upload = false;
        conn->conns->uploads--;
    }
}

/* The only function that changes a connection's state. */
static void conn_set_state(struct conn *conn, enum conn_state state)
{
    conn_leave_list(conn);
    conn->state = state;
    if (state == CONN_READING) {
        conn->upload_known = false;
        conn->served = true;
        head_origin_reset(&conn->head_origin);
    } else if (state == CONN_REFUSED) {
        conn_give_back(conn);
    }
    conn_enter_list(conn);
}

static void conn_free(struct conn *conn)
{
    struct conns *conns = conn->conns;
    conn_leave_list(conn);
    conn_give_back(conn);
    conn_end_upload(conn);
    if (conn->chore) {
        TAILQ_REMOVE(&conns->chores, conn, chores);
    }
    if (conn->evcon != NULL) {
        conns->by_fd[conn->fd] = NULL;
    }
    TAILQ_REMOVE(&conns->all, conn, all);
    conns->open--;
    head_origin_reset(&conn->head_origin);
    free(conn);
}

/* Discards bytes that evhttp must not parse. */
static void conn_discard(struct conn *conn, size_t length)
{
    if (length > 0 && evbuffer_drain(bufferevent_get_input(conn->bev), length) != 0) {
        log_error("received bytes could not be discarded");
    }
}

/* Writes an answer to a request that was not read completely: nobody knows whether it has credentials. */
static size_t conn_write_error(const struct conn *conn, enum error_code code, char text[static ERRORS_RAW_SIZE])
{
    const char *cors_origins = conn->conns->options.cors_origins;
    const struct answer_headers headers = {
        .confidential = true,
        .cors = cors_on(cors_origins),
        .origin = head_origin_allowed(&conn->head_origin, cors_origins),
    };
    http_metrics_refused(code);
    return errors_raw(code, &headers, text);
}

/* Sends an answer without evhttp and shuts the socket down. evhttp notices and frees the connection. */
static void conn_close(struct conn *conn, enum error_code code)
{
    char text[ERRORS_RAW_SIZE];
    int fd = bufferevent_getfd(conn->bev);
    conn_set_state(conn, CONN_REFUSED);
    conn_discard(conn, evbuffer_get_length(bufferevent_get_input(conn->bev)));
    if (fd < 0) {
        return;
    }
    /* Within the rest of an earlier answer, another one would be read as a part of it. */
    if (code != ERROR_COUNT && evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0) {
        size_t length = conn_write_error(conn, code, text);
        /* Best effort: the connection is closed even if the client does not receive the answer. */
        if (send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            log_debug("refusal not sent: %s", strerror(errno));
        }
    }
    shutdown(fd, SHUT_RDWR);
}

static void conn_refuse(struct conn *conn, enum error_code code, const char *reason)
{
    log_info("connection closed: %s", reason);
    conn_close(conn, code);
}

static void conn_begin_upload(struct conn *conn)
{
    struct conns *conns = conn->conns;
    if (conns->uploads >= conns->options.uploads_max) {
        conn_refuse(conn, ERROR_UNAVAILABLE, "uploads_max reached");
        return;
    }
    conn_leave_list(conn);
    conns->uploads++;
    conn->upload = true;
    conn_enter_list(conn);
    evhttp_connection_set_max_body_size(conn->evcon, conns->options.upload_max_bytes);
}

/*
 * Called when bytes arrive, before evhttp sees them. evhttp removes a complete line from the buffer. So after a short
 * request line this may examine a header instead and allow a larger body by mistake. That costs only memory, because
 * dispatch.c checks the limit again for each route.
 */
static void conn_detect_upload(struct conn *conn, struct evbuffer *input)
{
    char head[CONN_HEAD_BYTES];
    ev_ssize_t length = evbuffer_copyout(input, head, sizeof(head));
    if (length <= 0 || (length < CONN_HEAD_BYTES && memchr(head, '\n', (size_t)length) == NULL)) {
        return;
    }
    conn->upload_known = true;
    if (conn->conns->options.is_upload != NULL && conn->conns->options.is_upload(head, (size_t)length)) {
        conn_begin_upload(conn);
    }
}

/* Passes unscanned bytes to the scanner, in the memory of the buffer, which it changes. */
static void conn_scan_bytes(struct conn *conn, struct evbuffer *input)
{
    struct evbuffer_iovec pieces[PEEK_CHAINS];
    struct evbuffer_ptr from;
    size_t taken = 1;
    while (conn->unscanned > 0 && taken > 0) {
        taken = 0;
        if (evbuffer_ptr_set(input, &from, evbuffer_get_length(input) - conn->unscanned, EVBUFFER_PTR_SET) != 0) {
            conn->scanner.error = ERROR_INTERNAL_ERROR;
            return;
        }
        int count = evbuffer_peek(input, -1, &from, pieces, PEEK_CHAINS);
        for (int i = 0; i < count && i < PEEK_CHAINS; i++) {
            taken += scanner_read(&conn->scanner, pieces[i].iov_base, pieces[i].iov_len);
        }
        conn->unscanned -= taken;
    }
}

/* Scans the bytes of the request that is being read, before evhttp gets them. Those of later requests wait. */
static void conn_scan(struct conn *conn, struct evbuffer *input)
{
    struct scanner *scanner = &conn->scanner;
    const struct conns_options *options = &conn->conns->options;
    scanner->body_max = (size_t)(conn->upload ? options->upload_max_bytes : options->body_max_bytes);
    conn_scan_bytes(conn, input);
    if (scanner->error != ERROR_COUNT) {
        log_debug("invalid HTTP refused");
        conn_close(conn, scanner->error);
        return;
    }
    /* evhttp has taken all bytes before, so the empty lines are the first ones in the buffer. */
    size_t empty = scanner->empty_bytes;
    scanner->empty_bytes = 0;
    conn_discard(conn, empty);
}

/* Begins to read a request whose first bytes are in the buffer. */
static void conn_begin_request(struct conn *conn)
{
    conn_set_state(conn, CONN_READING);
    scanner_begin(&conn->scanner, 0);
}

static void conn_input_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct conn *conn = arg;
    if (info->n_added == 0) {
        return;
    }
    conn->read += info->n_added;
    conn->unscanned += info->n_added;
    if (conn->state == CONN_IDLE) {
        conn_begin_request(conn);
    }
    if (conn->state == CONN_READING) {
        head_origin_read(&conn->head_origin, buffer, conn->conns->options.cors_origins);
    }
    if (conn->state == CONN_READING && !conn->upload_known) {
        conn_detect_upload(conn, buffer);
    }
    if (conn->state == CONN_READING) {
        conn_scan(conn, buffer);
    } else if (conn->state == CONN_REFUSED) {
        conn_discard(conn, evbuffer_get_length(buffer));
    }
}

static void conn_output_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct conn *conn = arg;
    (void)buffer;
    if (info->n_added > 0 && !conn->answering && !conn->has_page) {
        conn->has_page = true;
        conn_add_chore(conn);
    }
}

static void conn_closed(struct evhttp_connection *evcon, void *arg)
{
    struct conn *conn = arg;
    (void)evcon;
    evbuffer_remove_cb(bufferevent_get_input(conn->bev), conn_input_changed, conn);
    evbuffer_remove_cb(bufferevent_get_output(conn->bev), conn_output_changed, conn);
    void (*lost)(void *) = conn->lost;
    void *lost_arg = conn->lost_arg;
    conn_free(conn);
    if (lost != NULL) {
        lost(lost_arg);
    }
}

/* Called by evhttp between accept(2) and making its connection. */
static struct bufferevent *conn_make(struct event_base *base, void *arg)
{
    struct conns *conns = arg;
    struct conn *conn = calloc(1, sizeof(*conn));
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (conn == NULL || bev == NULL) {
        goto fail;
    }
    *conn = (struct conn){.conns = conns, .bev = bev, .state = CONN_MADE};
    TAILQ_INSERT_TAIL(&conns->all, conn, all);
    conns->open++;
    bufferevent_incref(bev); /* released by conn_adopt */
    conn_add_chore(conn);
    if (++conns->taken == ACCEPT_EACH || !has_turn(conns)) {
        accept_switch(conns, false);
    }
    return bev;
fail:
    log_error("out of memory for a connection");
    free(conn);
    if (bev != NULL) {
        bufferevent_free(bev);
    }
    return NULL; /* evhttp then creates its own bufferevent; conns_find does not find it, so its requests get 503 */
}

static bool by_fd_reserve(struct conns *conns, int fd)
{
    size_t need = (size_t)fd + 1;
    if (need <= conns->by_fd_size) {
        return true;
    }
    size_t size = need * 2;
    struct conn **grown = realloc(conns->by_fd, size * sizeof(struct conn *));
    if (grown == NULL) {
        return false;
    }
    memset(grown + conns->by_fd_size, 0, (size - conns->by_fd_size) * sizeof(struct conn *));
    conns->by_fd = grown;
    conns->by_fd_size = size;
    return true;
}

/* Closes the connection that has been idle for longest. False: none is idle. */
static bool give_way(struct conns *conns)
{
    struct conn *fresh = TAILQ_FIRST(&conns->fresh);
    struct conn *oldest = TAILQ_FIRST(&conns->idle);
    if (oldest == NULL || (fresh != NULL && fresh->since_ms < oldest->since_ms)) {
        oldest = fresh;
    }
    if (oldest != NULL) {
        conn_refuse(oldest, ERROR_COUNT, "idle, and connections_max reached");
    }
    return oldest != NULL;
}

/* Counts a new connection, or refuses it. The peer comes first: who is over the share must not make others give way. */
static void conn_admit(struct conn *conn)
{
    struct conns *conns = conn->conns;
    const struct clients *clients = conns->options.clients;
    conn->peer = clients_of_peer(clients, conn->fd);
    if (!client_counts_take(clients->counts, &conn->peer, CLIENT_CONNECTIONS, 1)) {
        conn_refuse(conn, ERROR_RATE_LIMITED, "share of connections_max reached by its peer");
        return;
    }
    conn->kept = true;
    if (conns->kept++ >= (size_t)conns->options.connections_max && !give_way(conns)) {
        conn_refuse(conn, ERROR_UNAVAILABLE, "connections_max reached");
        return;
    }
    conn_set_state(conn, CONN_IDLE);
}

static void conn_enter(struct conn *conn, struct evhttp_connection *evcon, int fd)
{
    struct conns *conns = conn->conns;
    conn->evcon = evcon;
    conn->fd = fd;
    conns->by_fd[fd] = conn;
    evhttp_connection_set_closecb(evcon, conn_closed, conn);
    if (evbuffer_add_cb(bufferevent_get_input(conn->bev), conn_input_changed, conn) == NULL ||
        evbuffer_add_cb(bufferevent_get_output(conn->bev), conn_output_changed, conn) == NULL) {
        conn_refuse(conn, ERROR_UNAVAILABLE, "no memory");
    } else {
        conn_admit(conn);
    }
    http_metrics_connected(conn->state == CONN_IDLE);
}

/* Runs right after the accept, when the evhttp_connection is available for the first time. */
static void conn_adopt(struct conn *conn)
{
    struct bufferevent *bev = conn->bev;
    void *evcon = NULL;

    bufferevent_getcb(bev, NULL, NULL, NULL, &evcon);
    int fd = bufferevent_getfd(bev);
    if (evcon != NULL && fd >= 0 && by_fd_reserve(conn->conns, fd)) {
        conn_enter(conn, evcon, fd);
    } else {
        log_error("a new connection could not be registered");
        if (fd >= 0) {
            shutdown(fd, SHUT_RDWR); /* evhttp notices and frees it */
        }
        conn_free(conn);
    }
    bufferevent_decref(bev);
}

/* Returns the status of the answer in `output`, 0 if there is none. */
static int page_status(struct evbuffer *output)
{
    char head[PAGE_STATUS_OFFSET + 4] = "";
    if (evbuffer_copyout(output, head, sizeof(head) - 1) != (ev_ssize_t)sizeof(head) - 1) {
        return 0;
    }
    return (int)strtol(head + PAGE_STATUS_OFFSET, NULL, 10);
}

/* evhttp answers 400 also for headers that are too long. Then more than header_max_bytes were read. */
static enum error_code page_error(const struct conn *conn, int status)
{
    bool long_headers = status == 400 && conn->read > (size_t)conn->conns->options.header_max_bytes;
    return long_headers ? ERROR_HEADERS_TOO_LARGE : errors_of_status(status);
}

/* Replaces evhttp's error page, which is complete in the output buffer, by JSON with the same status. */
static void conn_replace_page(struct conn *conn)
{
    char text[ERRORS_RAW_SIZE];
    struct evbuffer *output = bufferevent_get_output(conn->bev);
    conn->has_page = false;
    /* The bufferevent of a socket keeps the front of its output buffer frozen except while it writes. */
    if (evbuffer_unfreeze(output, 1) != 0) {
        log_error("an error page of evhttp could not be replaced");
        return;
    }
    int status = page_status(output);
    if (status >= 400) { /* not 100 Continue */
        size_t length = conn_write_error(conn, page_error(conn, status), text);
        conn_set_state(conn, CONN_BUSY);
        conn->answering = true;
        if (evbuffer_drain(output, evbuffer_get_length(output)) != 0 || evbuffer_add(output, text, length) != 0) {
            log_error("an error page of evhttp could not be replaced");
        }
        conn->answering = false;
    }
    (void)evbuffer_freeze(output, 1);
}

static void accept_pause(struct conns *conns, int ms)
{
    conns->paused = true;
    accept_switch(conns, false);
    timer_set(conns->resume, ms);
}

/* Called after connections were accepted and after a pause. */
static void accept_next(struct conns *conns)
{
    conns->taken = 0;
    if (conns->paused || conns->draining) {
        return;
    }
    if (conns->turn_pauses < TURN_PAUSES_MAX && !has_turn(conns)) {
        conns->turn_pauses++;
        accept_pause(conns, TURN_PAUSE_MS);
        return;
    }
    conns->turn_pauses = 0;
    accept_switch(conns, true);
}

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
        accept_next(conns);
    }
}

static void accept_resume(evutil_socket_t fd, short what, void *arg)
{
    struct conns *conns = arg;
    (void)fd;
    (void)what;
    conns->paused = false;
    accept_next(conns);
}

/* After EMFILE and similar errors the socket stays readable, so accepting again at once would be a busy loop. */
static void accept_failed(struct evconnlistener *listener, void *arg)
{
    struct conns *conns = conns_of_process;
    int error = errno;
    (void)listener;
    (void)arg;
    log_error("accepting paused for %d ms: %s", ACCEPT_PAUSE_MS, strerror(error));
    accept_pause(conns, ACCEPT_PAUSE_MS);
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
    sweep_slow(&conns->uploading, options->upload_timeout_ms, ERROR_REQUEST_TIMEOUT, late);
    if (conns->draining) {
        sweep_drain(conns);
    }
}

static bool conns_start(struct conns *conns)
{
    const struct timeval every = {0, SWEEP_MS * 1000L};
    const struct conns_options *options = &conns->options;
    conns->http = evhttp_new(options->base);
    conns->sweep = event_new(options->base, -1, EV_PERSIST, do_sweep, conns);
    conns->chore = event_new(options->base, -1, 0, do_chores, conns);
    conns->resume = event_new(options->base, -1, 0, accept_resume, conns);
    if (conns->http == NULL || conns->sweep == NULL || conns->chore == NULL || conns->resume == NULL ||
        event_add(conns->sweep, &every) != 0) {
        return false;
    }
    evhttp_set_bevcb(conns->http, conn_make, conns);
    evhttp_set_gencb(conns->http, options->request, options->arg);
    evhttp_set_max_headers_size(conns->http, options->header_max_bytes);
    evhttp_set_max_body_size(conns->http, options->body_max_bytes);
    evhttp_set_timeout(conns->http, options->idle_timeout_s);
    evhttp_set_default_content_type(conns->http, NULL);
    /* All methods that evhttp can parse but CONNECT, which it answers itself by 501; the router answers 405. */
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
    conns_of_process = conns;
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
    struct event *events[] = {conns->sweep, conns->chore, conns->resume};
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    conns_of_process = NULL;
    free(conns->by_fd);
    free(conns);
}

bool conns_listen(struct conns *conns, int fd)
{
    if (conns->listener_count == LISTENERS_MAX) {
        log_error("more than %d listening sockets", LISTENERS_MAX);
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
    evconnlistener_set_error_cb(listener, accept_failed);
    conns->listeners[conns->listener_count++] = listener;
    return true;
}

void conns_drain(struct conns *conns)
{
    conns->draining = true;
    conns->drain_ms = clock_mono_ms();
    accept_switch(conns, false);
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
    conn_set_state(conn, CONN_IDLE);
    if (conn->upload) {
        conn_end_upload(conn);
        evhttp_connection_set_max_body_size(conn->evcon, conn->conns->options.body_max_bytes);
    }
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    if (evbuffer_get_length(input) != conn->unscanned) {
        /* Scanner and evhttp disagree on the end of the request, so the next one cannot be found. */
        conn_refuse(conn, ERROR_COUNT, "the end of a request is ambiguous");
    } else if (conn->unscanned > 0) {
        conn_begin_request(conn); /* bytes of the next request are in the buffer */
        head_origin_read(&conn->head_origin, input, conn->conns->options.cors_origins);
        conn_detect_upload(conn, input);
        if (conn->state == CONN_READING) {
            conn_scan(conn, input);
        }
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
    conn_end_upload(conn);
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
