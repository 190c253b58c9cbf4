/*
 * GET /api/v1/openapi.json: the API as an OpenAPI document. The build (openapi.py) converts openapi.yaml to JSON and
 * embeds it as an array. So no file is read at run time, and a gateway always serves the document of its own version.
 */
#ifndef ROSTRUM_GATEWAY_OPENAPI_H
#define ROSTRUM_GATEWAY_OPENAPI_H

#include <stddef.h>

#include "gateway/http/router.h"

/* Defined in the file that openapi.py writes. */
extern const unsigned char openapi_json[];
extern const size_t openapi_json_length;
extern const char openapi_etag[]; /* strong, quoted: a hash of the JSON */

extern const struct route openapi_routes[];

#endif
