/*
 * The bytes of a connection before evhttp reads them, and what evhttp writes by itself; see conn_read.h.
 * The code relies on these properties of libevent 2.1.12:
 *
 *  - The callback of the input buffer runs before evhttp sees the bytes. The buffer of a socket holds memory of its
 *    own, which may be changed in place, and its front may be drained.
 *  - evhttp writes its error pages while writing is disabled. The write event needs another pass of the loop, so an
 *    event activated at the write sees the complete page and can replace it.
 */
#include "gateway/http/conn_read.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "gateway/http/conn_scan.h"
#include "gateway/http/conn_upload.h"

enum {
    PAGE_STATUS_OFFSET = 9, /* "HTTP/1.1 400": offset of the status */
};

/* Called when bytes arrive, before evhttp sees them: it takes a request line when it is complete. */
static void conn_detect_upload(struct conn *conn, struct evbuffer *input)
{
    char head[CONN_HEAD_BYTES];
    ev_ssize_t length = evbuffer_copyout(input, head, sizeof(head));
    if (length <= 0 || (length < CONN_HEAD_BYTES && memchr(head, '\n', (size_t)length) == NULL)) {
        return;
    }
    conn->upload_known = true;
    if (conn->conns->options.is_upload != NULL && conn->conns->options.is_upload(head, (size_t)length)) {
        conn_upload_begin(conn);
    }
}

/* Scans the bytes of the request that is being read, before evhttp gets them. Those of later requests wait. */
static void conn_scan(struct conn *conn, struct evbuffer *input)
{
    struct scanner *scanner = &conn->scanner;
    scanner->body_max = (size_t)conn->conns->options.body_max_bytes;
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

/* Bytes of the request that is being read have arrived. */
static void conn_read_on(struct conn *conn, struct evbuffer *input)
{
    if (conn->upload == NULL) {
        head_origin_read(&conn->head_origin, input, conn->conns->options.cors_origins);
    }
    if (!conn->upload_known) {
        conn_detect_upload(conn, input);
    }
    if (conn->upload != NULL) {
        conn_upload_head(conn, input);
    } else if (conn->state == CONN_READING) {
        conn_scan(conn, input);
    }
}

void conn_input_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct conn *conn = arg;
    if (info->n_added == 0 || conn->passing) {
        return;
    }
    conn->read += info->n_added;
    conn->unscanned += info->n_added;
    if (conn->state == CONN_IDLE) {
        conn_begin_request(conn);
    }
    if (conn->state == CONN_READING) {
        conn_read_on(conn, buffer);
    } else if (conn->state == CONN_REFUSED) {
        conn_discard(conn, evbuffer_get_length(buffer));
    }
}

void conn_read_next(struct conn *conn)
{
    conn_begin_request(conn);
    conn_read_on(conn, bufferevent_get_input(conn->bev));
}

void conn_output_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    struct conn *conn = arg;
    (void)buffer;
    if (info->n_added > 0 && !conn->answering && !conn->has_page) {
        conn->has_page = true;
        conn_add_chore(conn);
    }
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

void conn_replace_page(struct conn *conn)
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
