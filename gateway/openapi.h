/*
 * GET /api/v1/openapi.json and /api/v1/asyncapi.json: the HTTP API as an OpenAPI document, the live messages as an
 * AsyncAPI document. The build (openapi.py) converts the YAML files to JSON and embeds them as arrays. So no file is
 * read at run time, and a gateway always serves the documents of its own version.
 */
#ifndef ROSTRUM_GATEWAY_OPENAPI_H
#define ROSTRUM_GATEWAY_OPENAPI_H

#include <stddef.h>

#include "gateway/http/router.h"

struct openapi_document {
    const unsigned char *json;
    size_t length;
    const char *etag; /* strong, quoted: a hash of the JSON */
};

/* Defined in the files that openapi.py writes. */
extern const struct openapi_document openapi_document;
extern const struct openapi_document asyncapi_document;

extern const struct route openapi_routes[];

#endif
