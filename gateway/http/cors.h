/*
 * Cross-origin requests: which other sites' scripts may read our answers (setting cors_origins; none by default).
 * Cookies are never shared: such a script sends a bearer token. Callers: reply.c, which asks here what to say and so is
 * not known here; dispatch.c; websocket.c and eventstream.c.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CORS_H
#define ROSTRUM_GATEWAY_HTTP_CORS_H

#include "gateway/http/request.h"

/* Sets a header of the request's answer: reply_header. */
typedef void (*cors_put)(struct request *request, const char *name, const char *value);

/* The headers of any answer, before it is sent. */
void cors_answer(struct request *request, cors_put put);
/* Besides, those of the answer to a preflight (OPTIONS); `methods` as in Allow. */
void cors_preflight(struct request *request, const char *methods, cors_put put);

/* Its Origin if it is listed, else NULL: for answers that are written by hand. */
const char *cors_origin(const struct request *request);
/*
 * Whether a WebSocket may be opened from there: from our own site, from one that is listed but without the cookie, or
 * by no browser. Browsers ask nobody before they open one, and send the cookie along.
 */
MUST_CHECK bool cors_socket_allowed(const struct request *request);

#endif
