/*
 * Reads and discards for a moment what a client still sends after its last answer. If the socket were closed with
 * unread bytes, the kernel would reset the connection, and the client might lose the answer.
 *
 * Callers: conn.c, conn_accept.c.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_LINGER_H
#define ROSTRUM_GATEWAY_HTTP_LINGER_H

#include "common/base/base.h"

struct event_base;
struct lingers;

/* One per worker. Returns NULL only if out of memory. */
MUST_CHECK struct lingers *lingers_new(struct event_base *base);
void lingers_free(struct lingers *lingers);
/*
 * Sends nothing more on this socket, and reads from a copy of its descriptor, which the caller closes, until the client
 * closes: for at most 2 s and 8 MiB. No effect if 64 clients linger already.
 */
void linger(struct lingers *lingers, int fd);

#endif
