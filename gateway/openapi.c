/*
 * See openapi.h.
 */
#include "gateway/openapi.h"

#include <string.h>

#include "gateway/http/reply.h"

/* If-None-Match is a list of tags or "*". It is compared weakly (RFC 9110), because a cache may add W/. */
static bool is_known(const char *tags, const char *etag)
{
    return tags != NULL && (strcmp(tags, "*") == 0 || strstr(tags, etag) != NULL);
}

static void reply_document(struct request *request, const struct openapi_document *document)
{
    reply_header(request, "ETag", document->etag);
    reply_header(request, "Cache-Control", "public, max-age=300");
    if (is_known(request_header(request, "If-None-Match"), document->etag)) {
        reply_empty(request, 304);
    } else {
        reply_bytes(request, 200, "application/json", document->json, document->length);
    }
}

static void handle_openapi(struct request *request)
{
    reply_document(request, &openapi_document);
}

static void handle_asyncapi(struct request *request)
{
    reply_document(request, &asyncapi_document);
}

const struct route openapi_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/api/v1/openapi.json", handle_openapi, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_OPEN, "/api/v1/asyncapi.json", handle_asyncapi, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
