/*
 * Passes the bytes of a connection to its scanner. Callers: conn_read.c, conn_upload.c.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CONN_SCAN_H
#define ROSTRUM_GATEWAY_HTTP_CONN_SCAN_H

#include "gateway/http/conn_state.h"

/* Scans the unscanned bytes at the end of the buffer, in its memory, which the scanner changes. */
void conn_scan_bytes(struct conn *conn, struct evbuffer *buffer);

#endif
