/*
 * See openapi.h.
 */
#include "gateway/openapi.h"

#include "gateway/http/reply.h"

static void reply_document(struct request *request, const struct openapi_document *document)
{
    reply_header(request, "ETag", document->etag);
    if (reply_client_has(request, document->etag)) {
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
