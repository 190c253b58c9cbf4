/*
 * Uploads: requests whose body is held back until a handler asks for it. So it is read only after the request was
 * authenticated and authorised, however large it is.
 *
 * evhttp calls a handler when it has read the body. So it gets a head that declares none, and calls the handler at
 * once. Then reading stops, and what the client sends waits in the kernel. conn_upload_receive reads the body without
 * evhttp. An upload that is answered without it closes its connection: what follows the head is no request.
 *
 * Callers: conn_read.c (head), conn.c (timeouts), upload.c.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONN_UPLOAD_H
#define ROSTRUM_GATEWAY_HTTP_CONN_UPLOAD_H

#include "common/base/base.h"
#include "gateway/http/errors.h"

struct conn;
struct conns;
struct evbuffer;

/* The request that is being read is an upload: its first bytes are in the input buffer. */
void conn_upload_begin(struct conn *conn);
/* Takes bytes of its head out of the input buffer, and passes the head to evhttp once it is complete. */
void conn_upload_head(struct conn *conn, struct evbuffer *input);

/* Whether the body of the present request is held back: it was not read to its end. */
bool conn_upload_held(const struct conn *conn);
/*
 * Reads the body. `done` is called once, perhaps at once: with the content, which it may move away, or with an error.
 * That is 413 for a body that is too large, 408 if it is too slow, 400 if it is invalid or cut short. Only while
 * conn_upload_held.
 */
void conn_upload_receive(struct conn *conn, size_t most,
                         void (*done)(enum error_code code, struct evbuffer *content, void *arg), void *arg);
/* For `done`: the number that the sentence of this error has; 0: none. */
int64_t conn_upload_bound(const struct conn *conn, enum error_code code);
/* Ends the uploads that are too slow. */
void conns_sweep_uploads(struct conns *conns);

#endif
