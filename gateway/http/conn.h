/*
 * The connections of one worker: accepting, counting, and guarding them, around evhttp, which has no hooks for that.
 *
 * How: evhttp asks us for each connection's bufferevent (evhttp_set_bevcb) and then makes itself the argument of its
 * callbacks; an event that runs right after the accept finds the evhttp_connection there. From then on a callback on
 * the input buffer notes when a request's first byte came, and a callback on the output buffer notices pages that
 * evhttp writes by itself (400, 413, 417, 501, in HTML), which are replaced by the contract's JSON before they leave.
 *
 * Answers: over connections_max, or uploads_max, a raw 503 and close; a request not wholly read within
 * request_read_timeout_ms a raw 408 and close; no descriptors left: a pause of a second in accepting.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONN_H
#define ROSTRUM_GATEWAY_HTTP_CONN_H

#include <event2/event.h>
#include <event2/http.h>

#include "common/base/base.h"

struct conn;
struct conns;

enum { CONN_HEAD_BYTES = 128 }; /* of a request line, to tell an upload by */

struct conns_options {
    struct event_base *base;
    int connections_max;
    int header_max_bytes;
    int body_max_bytes;
    int read_timeout_ms; /* from a request's first byte to its last */
    int idle_timeout_s;  /* without any byte in or out */
    /*
     * Whether a request that begins so may have a larger body and more time: evhttp knows one limit for a connection,
     * so it is changed before evhttp reads the line. Asked with CONN_HEAD_BYTES of it, or a whole line. NULL: never.
     */
    bool (*is_upload)(const char *head, size_t length);
    int upload_max_bytes;
    int upload_timeout_ms; /* as read_timeout_ms */
    int uploads_max;       /* until they are answered; more are told 503 at once */
    void (*request)(struct evhttp_request *evreq, void *arg);
    void *arg;
    /*
     * Asked after each connection: whether it is this worker's turn to take another, so that none takes them all. A
     * "no" delays accepting by some ms and is no veto. NULL: always.
     */
    bool (*turn)(size_t open, void *arg);
    void *turn_arg;
};

/* One per process. NULL only without memory. */
MUST_CHECK struct conns *conns_new(const struct conns_options *options);
void conns_free(struct conns *conns);
/* Accepts on a listening, non-blocking socket, which stays the caller's. */
MUST_CHECK bool conns_listen(struct conns *conns, int fd);
/*
 * Accepts no more, and closes every connection as soon as it has been answered; those that stay without a request are
 * closed after a moment (a client may be about to use them).
 */
void conns_drain(struct conns *conns);
size_t conns_open(const struct conns *conns);

/* The connection of a request that evhttp has handed out. NULL: over the limit, and already told so. */
struct conn *conns_find(const struct conns *conns, struct evhttp_request *evreq);
/* The request was read to its end: the clock of the slow-client guard stops. */
void conn_request_read(struct conn *conn);
/* Stands around whatever writes an answer of ours; at the end the next request's clock may start. */
void conn_answer_begin(struct conn *conn);
void conn_answer_end(struct conn *conn);

/*
 * Takes a connection out of HTTP, from within the handling of its request, which must not be answered any more: evhttp
 * keeps the descriptor and reads and writes nothing. Returns the descriptor, and in `rest` (room for `size` bytes) what
 * had come behind the request; `*length` is more than `size` if it did not fit. From then on the caller reads and
 * writes, and ends it with conn_end. It counts as open until then.
 */
MUST_CHECK int conn_take(struct conn *conn, uint8_t *rest, size_t size, size_t *length);
/* Closes a connection that was taken. Not from within the handling of its request. */
void conn_end(struct conn *conn);

#endif
