/*
 * The Origin of a request that evhttp refuses by itself, before anyone can ask it for the headers. It is looked up in
 * the bytes of the request's head as they arrive, and only if other sites may call at all.
 *
 * Caller: conn_read.c; each connection owns one, zeroed at first.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_HEAD_ORIGIN_H
#define ROSTRUM_GATEWAY_HTTP_HEAD_ORIGIN_H

#include "common/base/base.h"

struct evbuffer;

struct head_origin {
    char *listed;  /* the Origin, if it is a listed one; owned */
    bool found;    /* there is an Origin, listed or not */
    bool complete; /* the head was read to its end */
};

/* Call it before the first byte of each request, and at the end. */
void head_origin_reset(struct head_origin *head);
/*
 * Call it when bytes of the request were added to the connection's input. evhttp removes whole lines only, so the
 * buffer begins with a line.
 */
void head_origin_read(struct head_origin *head, struct evbuffer *input, const char *cors_origins);
/*
 * Returns the Origin that may read an error page: NULL for none. It is "*" if the request is refused before its Origin
 * could be read: such a page says nothing about anyone.
 */
const char *head_origin_allowed(const struct head_origin *head, const char *cors_origins);

#endif
