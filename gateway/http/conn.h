/*
 * The connections of one worker: accepting, counting, limits and timeouts, built around evhttp, which has no hooks for
 * them. Callers: components.c, worker.c, dispatch.c, reply.c, stream.c.
 *
 * evhttp gets each connection's bufferevent from us (evhttp_set_bevcb) and becomes the argument of its callbacks. An
 * event that runs right after the accept reads the evhttp_connection from there. A callback on the input buffer then
 * records when the first byte of a request arrives, and has each byte checked (scanner.h). A callback on the output
 * buffer detects error pages that evhttp writes itself (400, 413, 417, 501, in HTML); JSON errors replace them before
 * they are sent.
 *
 * A peer with more than its share of the connections: a raw 429, then close. Over connections_max: the oldest idle
 * connection is closed for the new one; if none is idle, a raw 503, then close. Over uploads_max: a raw 503, then
 * close. No byte within first_byte_timeout_ms: close. A request not fully read within request_read_timeout_ms: a raw
 * 408, then close. No descriptors left: accepting pauses for one second.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONN_H
#define ROSTRUM_GATEWAY_HTTP_CONN_H

#include <event2/event.h>
#include <event2/http.h>

#include "common/base/base.h"
#include "gateway/http/conns_options.h"

struct conn;
struct conns;

/* One per process. Returns NULL only if out of memory. */
MUST_CHECK struct conns *conns_new(const struct conns_options *options);
void conns_free(struct conns *conns);
/* Accepts connections from a listening, non-blocking socket. The caller keeps ownership of it. */
MUST_CHECK bool conns_listen(struct conns *conns, int fd);
/*
 * Stops accepting and closes each connection after its answer. Idle connections are closed after a short delay, because
 * a client may be about to use them.
 */
void conns_drain(struct conns *conns);
size_t conns_open(const struct conns *conns);

/* Returns the connection of a request that evhttp has passed on. NULL: it was over the limit and got its 503. */
struct conn *conns_find(const struct conns *conns, struct evhttp_request *evreq);
/* Call it when the request was read completely: its read timeout stops. */
void conn_request_read(struct conn *conn);
/* Enclose the code that writes an answer. After the end the read timeout of the next request may start. */
void conn_answer_begin(struct conn *conn);
void conn_answer_end(struct conn *conn);

/*
 * Between conn_answer_begin and conn_answer_end: `lost` is called if the connection closes before the end. evhttp has
 * then given up its request, which must be freed by evhttp_send_reply_end.
 */
void conn_watch(struct conn *conn, void (*lost)(void *arg), void *arg);
/* Closes a connection whose answer was begun. evhttp notices when it writes or reads next. */
void conn_cut(struct conn *conn, const char *reason);

/*
 * Detaches a connection from evhttp. Call it from the handler of its request, which must not be answered any more.
 * evhttp keeps the descriptor but neither reads nor writes.
 *
 * Returns the descriptor. `rest` (`size` bytes) receives the bytes that followed the request; `*length` is more than
 * `size` if they did not fit. The caller then does all I/O and closes with conn_end. Until then it counts as open.
 */
MUST_CHECK int conn_take(struct conn *conn, uint8_t *rest, size_t size, size_t *length);
/* Closes a connection that was detached. Must not be called from the handler of its request. */
void conn_end(struct conn *conn);

#endif
