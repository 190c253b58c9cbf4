/*
 * See cors.h.
 */
#include "gateway/http/cors.h"

#include <string.h>
#include <strings.h>

#include "gateway/http/http.h"

/* Answer headers that scripts may read and request headers that they may send, besides those CORS always allows. */
static const char exposed[] = "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, "
                              "X-Request-Id";
static const char sendable[] = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, "
                               "X-Idempotency-Key, X-Request-Id, traceparent";
static const char preflight_life_s[] = "600"; /* browsers have a similar maximum */

static bool is_listed(const char *origins, const char *origin)
{
    size_t length = strlen(origin);
    while (*origins != '\0') {
        size_t word = strcspn(origins, " ");
        if (word == length && memcmp(origins, origin, length) == 0) {
            return true;
        }
        origins += word;
        origins += strspn(origins, " ");
    }
    return false;
}

static bool is_off(const struct request *request)
{
    return strcmp(request->http->cors_origins, "none") == 0;
}

/* The request's Origin if it is a listed one, else NULL. */
static const char *listed_origin(const struct request *request)
{
    const char *origin = is_off(request) ? NULL : request_header(request, "Origin");
    return origin != NULL && is_listed(request->http->cors_origins, origin) ? origin : NULL;
}

bool cors_socket_allowed(const struct request *request)
{
    const char *origin = request_header(request, "Origin");
    const char *host = request_header(request, "Host");
    if (origin == NULL) {
        return true; /* no browser */
    }
    const char *authority = strstr(origin, "://");
    bool foreign = authority == NULL || host == NULL || strcasecmp(authority + 3, host) != 0;
    return !foreign || (listed_origin(request) != NULL && request->user.via != REQUEST_BY_COOKIE);
}

const char *cors_origin(const struct request *request)
{
    return listed_origin(request);
}

void cors_answer(struct request *request, cors_put put)
{
    const char *origin = listed_origin(request);
    if (!is_off(request)) {
        put(request, "Vary", "Origin"); /* also for unlisted origins, so that caches keep their answers apart */
    }
    if (origin != NULL) {
        put(request, "Access-Control-Allow-Origin", origin);
        put(request, "Access-Control-Expose-Headers", exposed);
    }
}

void cors_preflight(struct request *request, const char *methods, cors_put put)
{
    if (listed_origin(request) != NULL && request_header(request, "Access-Control-Request-Method") != NULL) {
        put(request, "Access-Control-Allow-Methods", methods);
        put(request, "Access-Control-Allow-Headers", sendable);
        put(request, "Access-Control-Max-Age", preflight_life_s);
    }
}
