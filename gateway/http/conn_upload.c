/*
 * See conn_upload.h. The code relies on these properties of libevent 2.1.12:
 *
 *  - A request with a Content-Length of 0 is passed to its handler as soon as its head was read.
 *  - Until the answer evhttp does not read, and its callbacks of the bufferevent may be exchanged for others.
 *  - The buffer of a socket is frozen at its end, except during a read.
 */
#include "gateway/http/conn_upload.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "gateway/http/conn_scan.h"
#include "gateway/http/conn_state.h"

enum { GRACE_MS = 5000, MS_PER_S = 1000 };

/* ---- head ---- */

void conn_upload_begin(struct conn *conn)
{
    struct conn_upload *upload = calloc(1, sizeof(*upload));
    struct evbuffer *held = evbuffer_new();
    struct evbuffer *content = evbuffer_new();
    if (upload == NULL || held == NULL || content == NULL) {
        free(upload);
        if (held != NULL) {
            evbuffer_free(held);
        }
        if (content != NULL) {
            evbuffer_free(content);
        }
        conn_refuse(conn, ERROR_UNAVAILABLE, "no memory");
        return;
    }
    *upload = (struct conn_upload){.held = held, .content = content};
    conn->upload = upload;
    conn->scanner.stops = true;
    conn->scanner.body_max = (size_t)conn->conns->options.upload_max_bytes;
}

/* Adds bytes to the input buffer that are not counted and scanned again. */
static bool pass(struct conn *conn, struct evbuffer *bytes)
{
    struct evbuffer *input = bufferevent_get_input(conn->bev);
    conn->passing = true;
    bool passed = evbuffer_unfreeze(input, 0) == 0 && evbuffer_add_buffer(input, bytes) == 0;
    conn->passing = false;
    return evbuffer_freeze(input, 0) == 0 && passed;
}

/* Whether a line of a head describes the body. Its end is a line feed. */
static bool describes_body(const char *line)
{
    static const char *const names[] = {"Content-Length:", "Transfer-Encoding:", "Expect:"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strncasecmp(line, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Writes the lines of a head, which the scanner has found valid, as a head without a body. */
static bool write_head(const char *head, struct evbuffer *out)
{
    static const char end[] = "Content-Length: 0\r\n\r\n";
    const char *line = head;
    bool written = true;
    while (written && strncmp(line, "\r\n", 2) != 0) {
        const char *next = strchr(line, '\n');
        if (next == NULL) {
            return false;
        }
        next++;
        written = describes_body(line) || evbuffer_add(out, line, (size_t)(next - line)) == 0;
        line = next;
    }
    return written && evbuffer_add(out, end, sizeof(end) - 1) == 0;
}

/* Passes the head on, and what follows a request without a body. */
static bool pass_head(struct conn *conn)
{
    struct conn_upload *upload = conn->upload;
    size_t length = evbuffer_get_length(upload->held) - conn->unscanned;
    char *head = malloc(length + 1);
    struct evbuffer *out = evbuffer_new();
    bool passed = head != NULL && out != NULL && evbuffer_remove(upload->held, head, length) == (int)length;
    if (passed) {
        head[length] = '\0';
        upload->read = conn->scanner.ended;
        passed =
            write_head(head, out) && (!upload->read || evbuffer_add_buffer(out, upload->held) == 0) && pass(conn, out);
    }
    free(head);
    if (out != NULL) {
        evbuffer_free(out);
    }
    return passed;
}

void conn_upload_head(struct conn *conn, struct evbuffer *input)
{
    struct conn_upload *upload = conn->upload;
    const struct scanner *scanner = &conn->scanner;
    size_t most = (size_t)conn->conns->options.header_max_bytes;
    if (evbuffer_add_buffer(upload->held, input) != 0) {
        conn_refuse(conn, ERROR_UNAVAILABLE, "no memory");
        return;
    }
    head_origin_read(&conn->head_origin, upload->held, conn->conns->options.cors_origins);
    conn_scan_bytes(conn, upload->held);
    if (scanner->error != ERROR_COUNT) {
        log_debug("invalid HTTP refused");
        conn_close(conn, scanner->error);
    } else if (evbuffer_get_length(upload->held) - conn->unscanned > most) {
        conn_close(conn, ERROR_HEADERS_TOO_LARGE);
    } else if (scanner->headed && scanner->expects_other && !scanner->version_10) {
        conn_close(conn, ERROR_EXPECTATION_FAILED);
    } else if (scanner->headed && !pass_head(conn)) {
        conn_refuse(conn, ERROR_UNAVAILABLE, "no memory");
    }
}

/* ---- body ---- */

bool conn_upload_held(const struct conn *conn)
{
    return conn->upload != NULL && !conn->upload->read;
}

/* Takes one piece of what was received: content is copied, framing is skipped. */
static bool take_piece(struct conn *conn, char *bytes, size_t length)
{
    struct scanner *scanner = &conn->scanner;
    size_t at = 0;
    while (at < length && !scanner->ended && scanner->error == ERROR_COUNT) {
        uint64_t content = scanner_content(scanner);
        size_t size = content == 0 ? 1 : content < length - at ? (size_t)content : length - at;
        if (content > 0 && evbuffer_add(conn->upload->content, bytes + at, size) != 0) {
            return false;
        }
        at += scanner_read(scanner, bytes + at, size);
    }
    conn->upload->received += at;
    return evbuffer_drain(conn->upload->held, at) == 0;
}

static enum error_code scan_body(struct conn *conn)
{
    struct conn_upload *upload = conn->upload;
    struct evbuffer_iovec piece;
    while (!conn->scanner.ended && evbuffer_peek(upload->held, -1, NULL, &piece, 1) > 0 && piece.iov_len > 0) {
        if (!take_piece(conn, piece.iov_base, piece.iov_len)) {
            return ERROR_UNAVAILABLE;
        }
        if (conn->scanner.error != ERROR_COUNT) {
            return conn->scanner.error;
        }
        if (evbuffer_get_length(upload->content) > upload->content_max) {
            return ERROR_BODY_TOO_LARGE;
        }
    }
    return ERROR_COUNT;
}

/* After the body evhttp gets the bytes of the next request, which it reads after the answer. */
static enum error_code end_body(struct conn *conn)
{
    struct conn_upload *upload = conn->upload;
    conn->unscanned = evbuffer_get_length(upload->held);
    upload->read = pass(conn, upload->held);
    return upload->read ? ERROR_COUNT : ERROR_UNAVAILABLE;
}

/* Gives the connection back to evhttp, and calls the handler. */
static void finish(struct conn *conn, enum error_code code)
{
    struct conn_upload *upload = conn->upload;
    (void)bufferevent_disable(conn->bev, EV_READ);
    bufferevent_setcb(conn->bev, upload->evhttp_read, upload->evhttp_write, upload->evhttp_event, conn->evcon);
    conn->unscanned = 0;
    if (code == ERROR_COUNT) {
        code = end_body(conn);
    }
    conn_set_state(conn, CONN_BUSY);
    upload->done(code, upload->content, upload->arg);
}

static void receive(struct conn *conn)
{
    enum error_code code = scan_body(conn);
    if (code != ERROR_COUNT || conn->scanner.ended) {
        finish(conn, code);
    }
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct conn *conn = arg;
    if (evbuffer_add_buffer(conn->upload->held, bufferevent_get_input(bev)) != 0) {
        finish(conn, ERROR_UNAVAILABLE);
    } else {
        receive(conn);
    }
}

/* The client has closed, or was silent for as long as an idle connection may be. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)bev;
    finish(arg, (what & BEV_EVENT_TIMEOUT) != 0 ? ERROR_REQUEST_TIMEOUT : ERROR_BAD_REQUEST);
}

/* The few bytes fit into the empty buffer of the kernel; else the connection is of no use. */
static bool send_continue(const struct conn *conn)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    return send(conn->fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(text) - 1;
}

void conn_upload_receive(struct conn *conn, size_t most,
                         void (*done)(enum error_code code, struct evbuffer *content, void *arg), void *arg)
{
    struct conn_upload *upload = conn->upload;
    struct scanner *scanner = &conn->scanner;
    upload->content_max = most;
    upload->done = done;
    upload->arg = arg;
    bufferevent_getcb(conn->bev, &upload->evhttp_read, &upload->evhttp_write, &upload->evhttp_event, NULL);
    conn_set_state(conn, CONN_RECEIVING);
    scanner->stops = false;
    bool waits = scanner->expects && !scanner->version_10 && evbuffer_get_length(upload->held) == 0;
    if (scanner->length > most) {
        finish(conn, ERROR_BODY_TOO_LARGE);
        return;
    }
    if (waits && !send_continue(conn)) {
        finish(conn, ERROR_BAD_REQUEST);
        return;
    }
    bufferevent_setcb(conn->bev, on_read, NULL, on_event, conn);
    if (bufferevent_enable(conn->bev, EV_READ) != 0) {
        finish(conn, ERROR_UNAVAILABLE);
    } else {
        receive(conn);
    }
}

/* ---- slow clients ---- */

/* The time for what was received so far. */
static int64_t time_ms(const struct conn *conn)
{
    const struct conns_options *options = &conn->conns->options;
    int64_t paid_ms = GRACE_MS + (int64_t)conn->upload->received * MS_PER_S / options->upload_min_bytes_per_s;
    return paid_ms < options->upload_timeout_ms ? paid_ms : options->upload_timeout_ms;
}

int64_t conn_upload_bound(const struct conn *conn, enum error_code code)
{
    switch (code) {
    case ERROR_BODY_TOO_LARGE:
        return (int64_t)conn->upload->content_max;
    case ERROR_REQUEST_TIMEOUT:
        return time_ms(conn);
    default:
        return 0;
    }
}

void conns_sweep_uploads(struct conns *conns)
{
    struct conn *next = NULL;
    int64_t now_ms = clock_mono_ms();
    for (struct conn *conn = TAILQ_FIRST(&conns->uploading); conn != NULL; conn = next) {
        next = TAILQ_NEXT(conn, timed);
        if (now_ms - conn->since_ms >= time_ms(conn)) {
            log_info("upload ended: not received in time");
            finish(conn, ERROR_REQUEST_TIMEOUT);
        }
    }
}
