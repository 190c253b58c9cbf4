/*
 * Cross-origin requests (CORS): the origins whose scripts may read answers (setting cors_origins; none by default).
 * Cookies are never allowed across origins: such a script sends a bearer token.
 *
 * Callers: reply.c, dispatch.c, websocket.c, eventstream.c. This file does not include reply.h, which would be a cycle:
 * callers pass reply_header as `put`.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CORS_H
#define ROSTRUM_GATEWAY_HTTP_CORS_H

#include "gateway/http/request.h"

/* Sets a header of the request's answer, as reply_header does. */
typedef void (*cors_put)(struct request *request, const char *name, const char *value);

/* Sets the CORS headers of any answer. Call it before the answer is sent. */
void cors_answer(struct request *request, cors_put put);
/* Sets the additional headers of a preflight's answer (OPTIONS); `methods` has the format of Allow. */
void cors_preflight(struct request *request, const char *methods, cors_put put);

/* Returns the request's Origin if it is listed, else NULL. For answers that do not go through reply.c. */
const char *cors_origin(const struct request *request);
/*
 * Returns whether a WebSocket may be opened: from the same origin, from a listed origin without the cookie, or without
 * an Origin header (not a browser). Browsers send no preflight for WebSockets, and they send the cookie.
 */
MUST_CHECK bool cors_socket_allowed(const struct request *request);

#endif
