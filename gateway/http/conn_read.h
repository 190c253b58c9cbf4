/*
 * The bytes of a connection before evhttp reads them, and what evhttp writes by itself. Callers: conn_accept.c, conn.c.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONN_READ_H
#define ROSTRUM_GATEWAY_HTTP_CONN_READ_H

#include "gateway/http/conn_state.h"

/* Callbacks of the input and the output buffer. */
void conn_input_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg);
void conn_output_changed(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg);
/* Begins the next request, whose first bytes are in the buffer. */
void conn_read_next(struct conn *conn);
/* Replaces evhttp's error page, which is complete in the output buffer, by JSON with the same status. */
void conn_replace_page(struct conn *conn);

#endif
