/*
 * Origins of requests: the deployment's own (setting public_url), and those whose scripts may read answers (CORS,
 * setting cors_origins; none by default). Cookies are never allowed across origins: such a script sends a bearer token.
 *
 * Scheme, host and port decide (common/base/origin.h). The header Host does not: the client chooses it.
 *
 * Callers: reply.c, conn_state.c, dispatch.c, session.c, websocket.c. This file does not include reply.h, which would
 * be a cycle: callers pass reply_header as `put`.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_CORS_H
#define ROSTRUM_GATEWAY_HTTP_CORS_H

#include "gateway/http/request.h"

/* Sets a header of the request's answer, as reply_header does. */
typedef void (*cors_put)(struct request *request, const char *name, const char *value);

/* Returns whether the setting lists any origin. */
MUST_CHECK bool cors_on(const char *cors_origins);
/* Returns the request's Origin if it is listed, else NULL. */
const char *cors_origin(const struct request *request);
/* Returns whether the request has an Origin that is not the deployment's own: another site's page has sent it. */
MUST_CHECK bool cors_is_foreign(const struct request *request);
/* Returns whether a browser asks for permission to send another request, whose path and method may be any. */
MUST_CHECK bool cors_is_preflight(const struct request *request);
/* Sets the additional headers of the answer to a preflight. */
void cors_preflight(struct request *request, cors_put put);
/*
 * Returns whether a WebSocket may be opened: from the own origin, from a listed origin without the cookie, or without
 * an Origin header (not a browser). Browsers send no preflight for WebSockets, and they send the cookie.
 */
MUST_CHECK bool cors_socket_allowed(const struct request *request);

#endif
