/*
 * Accepting of connections, and their admission by peer and number; see conn_accept.h. The code relies on
 * these properties of libevent 2.1.12:
 *
 *  - The bufferevent from the callback of evhttp_set_bevcb gets its descriptor, and evhttp as the argument of its
 *    callbacks, before control returns to the loop. Nothing is read before the next pass of the loop.
 *  - A listener that its callback disables accepts no more connections in this pass. So each pass accepts a few
 *    connections, open connections are served in between, and other workers get their share.
 */
#include "gateway/http/conn_accept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/log.h"
#include "common/io/timer.h"
#include "gateway/core/clients.h"
#include "gateway/http/conn_read.h"
#include "gateway/http/conn_upload.h"
#include "gateway/http/http_metrics.h"
#include "gateway/http/linger.h"

enum {
    ACCEPT_EACH = 64,       /* maximum of connections accepted in one pass of the loop */
    TURN_PAUSE_MS = 1,      /* while it is another worker's turn to accept */
    TURN_PAUSES_MAX = 5,    /* then this worker accepts anyway: the other may be busy */
    ACCEPT_PAUSE_MS = 1000, /* after EMFILE and similar errors */
};

/* A listener's error callback gets evhttp's argument instead of ours, so it needs this global. */
static struct conns *conns_of_process;

void conns_accept_switch(struct conns *conns, bool on)
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

/* Called by evhttp between accept(2) and making its connection. */
struct bufferevent *conn_make(struct event_base *base, void *arg)
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
        conns_accept_switch(conns, false);
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

static void conn_closed(struct evhttp_connection *evcon, void *arg)
{
    struct conn *conn = arg;
    (void)evcon;
    evbuffer_remove_cb(bufferevent_get_input(conn->bev), conn_input_changed, conn);
    evbuffer_remove_cb(bufferevent_get_output(conn->bev), conn_output_changed, conn);
    if (conn_upload_held(conn) && conn->state == CONN_REFUSED) {
        linger(conn->conns->lingers, conn->fd);
    }
    void (*lost)(void *) = conn->lost;
    void *lost_arg = conn->lost_arg;
    conn_free(conn);
    if (lost != NULL) {
        lost(lost_arg);
    }
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

void conn_adopt(struct conn *conn)
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

static void accept_pause(struct conns *conns, int ms)
{
    conns->paused = true;
    conns_accept_switch(conns, false);
    timer_set(conns->resume, ms);
}

void conns_accept_next(struct conns *conns)
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
    conns_accept_switch(conns, true);
}

void conns_accept_resume(evutil_socket_t fd, short what, void *arg)
{
    struct conns *conns = arg;
    (void)fd;
    (void)what;
    conns->paused = false;
    conns_accept_next(conns);
}

/* After EMFILE and similar errors the socket stays readable, so accepting again at once would be a busy loop. */
void conns_accept_failed(struct evconnlistener *listener, void *arg)
{
    struct conns *conns = conns_of_process;
    int error = errno;
    (void)listener;
    (void)arg;
    log_error("accepting paused for %d ms: %s", ACCEPT_PAUSE_MS, strerror(error));
    accept_pause(conns, ACCEPT_PAUSE_MS);
}

void conns_accept_serves(struct conns *conns)
{
    conns_of_process = conns;
}
