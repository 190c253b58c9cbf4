/*
 * See openapi.h.
 */
#include "gateway/openapi.h"

#include <string.h>

#include "gateway/http/reply.h"

/* If-None-Match is a list of tags or "*". It is compared weakly (RFC 9110), because a cache may add W/. */
static bool is_known(const char *tags)
{
    return tags != NULL && (strcmp(tags, "*") == 0 || strstr(tags, openapi_etag) != NULL);
}

static void handle_document(struct request *request)
{
    reply_header(request, "ETag", openapi_etag);
    reply_header(request, "Cache-Control", "public, max-age=300");
    if (is_known(request_header(request, "If-None-Match"))) {
        reply_empty(request, 304);
    } else {
        reply_bytes(request, 200, "application/json", openapi_json, openapi_json_length);
    }
}

const struct route openapi_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/api/v1/openapi.json", handle_document, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
