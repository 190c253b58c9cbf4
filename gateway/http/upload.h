/*
 * The places of uploads in a worker, and the body of an upload. Caller: images.c.
 *
 * A place is held from the permission to the answer. One client address has a share of them (client_counts.h).
 */
#ifndef ROSTRUM_GATEWAY_HTTP_UPLOAD_H
#define ROSTRUM_GATEWAY_HTTP_UPLOAD_H

#include "gateway/http/errors.h"
#include "gateway/http/request.h"

struct evbuffer;

/* Takes a place, until the request ends. ERROR_COUNT: taken. ERROR_RATE_LIMITED: the client has its share. */
MUST_CHECK enum error_code upload_take_place(struct request *request);
/*
 * Reads the body, however long the client may take for it: the request has no deadline until `then` sets one. `body`
 * belongs to the callee; NULL: no memory. If the body does not arrive whole, the request ENDS with an error.
 */
void upload_read(struct request *request, size_t most, void (*then)(struct request *request, struct evbuffer *body));

#endif
