/*
 * See cors.h.
 */
#include "gateway/http/cors.h"

#include <event2/http.h>
#include <string.h>

#include "common/base/origin.h"
#include "gateway/http/http.h"

/* What scripts of other sites may send, besides what CORS always allows: all methods and headers of the API. */
static const char methods[] = "GET, HEAD, POST, PUT, PATCH, DELETE";
static const char sendable[] = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, "
                               "X-Idempotency-Key, X-Request-Id, traceparent";
static const char preflight_life_s[] = "600"; /* browsers have a similar maximum */

bool cors_on(const char *cors_origins)
{
    return strcmp(cors_origins, "none") != 0;
}

const char *cors_origin(const struct request *request)
{
    const char *origin = request_header(request, "Origin");
    return origin != NULL && origin_listed(origin, strlen(origin), request->http->cors_origins) ? origin : NULL;
}

bool cors_is_foreign(const struct request *request)
{
    const char *origin = NULL;
    for (size_t i = 0; (origin = request_header_at(request, "Origin", i)) != NULL; i++) {
        if (!origin_of_url(origin, strlen(origin), request->http->public_url)) {
            return true;
        }
    }
    return false;
}

bool cors_is_preflight(const struct request *request)
{
    return request->evreq != NULL && evhttp_request_get_command(request->evreq) == EVHTTP_REQ_OPTIONS &&
           request_header(request, "Origin") != NULL &&
           request_header(request, "Access-Control-Request-Method") != NULL;
}

void cors_preflight(struct request *request, cors_put put)
{
    if (cors_origin(request) != NULL) {
        put(request, "Access-Control-Allow-Methods", methods);
        put(request, "Access-Control-Allow-Headers", sendable);
        put(request, "Access-Control-Max-Age", preflight_life_s);
    }
}

bool cors_socket_allowed(const struct request *request)
{
    return !cors_is_foreign(request) || (cors_origin(request) != NULL && request->user.via != REQUEST_BY_COOKIE);
}
