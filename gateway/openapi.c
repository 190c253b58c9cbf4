/*
 * See openapi.h.
 */
#include "gateway/openapi.h"

#include "gateway/http/reply.h"

static void handle_document(struct request *request)
{
    reply_header(request, "ETag", openapi_etag);
    if (reply_client_has(request, openapi_etag)) {
        reply_empty(request, 304);
    } else {
        reply_bytes(request, 200, "application/json", openapi_json, openapi_json_length);
    }
}

const struct route openapi_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/api/v1/openapi.json", handle_document, LIMIT_NONE, ROUTE_NO_BODY},
    {0},
};
