/*
 * See conn_state.h. The code relies on one property of libevent 2.1.12: the close callback of an evhttp_connection is
 * called once, before its memory is freed.
 */
#include "gateway/http/conn_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/core/clients.h"
#include "gateway/http/cors.h"
#include "gateway/http/http_metrics.h"

void conn_add_chore(struct conn *conn)
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
        return &conn->conns->reading;
    }
    if (conn->state == CONN_RECEIVING) {
        return &conn->conns->uploading;
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

void conn_upload_free(struct conn *conn)
{
    struct conn_upload *upload = conn->upload;
    if (upload != NULL) {
        conn->upload = NULL;
        evbuffer_free(upload->held);
        evbuffer_free(upload->content);
        free(upload);
    }
}

void conn_set_state(struct conn *conn, enum conn_state state)
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

void conn_free(struct conn *conn)
{
    struct conns *conns = conn->conns;
    conn_leave_list(conn);
    conn_give_back(conn);
    conn_upload_free(conn);
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

void conn_discard(struct conn *conn, size_t length)
{
    if (length > 0 && evbuffer_drain(bufferevent_get_input(conn->bev), length) != 0) {
        log_error("received bytes could not be discarded");
    }
}

/* The bound that the error names; 0: none. */
static int64_t bound_of(const struct conn *conn, enum error_code code)
{
    const struct conns_options *options = &conn->conns->options;
    switch (code) {
    case ERROR_BODY_TOO_LARGE:
        return (int64_t)conn->scanner.body_max;
    case ERROR_HEADERS_TOO_LARGE:
        return options->header_max_bytes;
    case ERROR_REQUEST_TIMEOUT:
        return options->read_timeout_ms;
    default:
        return 0;
    }
}

size_t conn_write_error(const struct conn *conn, enum error_code code, char text[static ERRORS_RAW_SIZE])
{
    const char *cors_origins = conn->conns->options.cors_origins;
    const struct answer_headers headers = {
        .confidential = true,
        .cors = cors_on(cors_origins),
        .origin = head_origin_allowed(&conn->head_origin, cors_origins),
    };
    http_metrics_refused(code);
    return errors_raw(code, bound_of(conn, code), &headers, text);
}

void conn_close(struct conn *conn, enum error_code code)
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

void conn_refuse(struct conn *conn, enum error_code code, const char *reason)
{
    log_info("connection closed: %s", reason);
    conn_close(conn, code);
}
