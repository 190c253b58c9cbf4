/*
 * GET /api/v1/openapi.json: the contract for programs. The document is openapi.yaml beside this file; the build turns
 * it into JSON and that into an array of the program (openapi.py), so that nothing is read while requests are served
 * and a gateway never shows another version's contract.
 */
#ifndef ROSTRUM_GATEWAY_OPENAPI_H
#define ROSTRUM_GATEWAY_OPENAPI_H

#include <stddef.h>

#include "gateway/http/router.h"

/* In the file that openapi.py writes. */
extern const unsigned char openapi_json[];
extern const size_t openapi_json_length;
extern const char openapi_etag[]; /* strong, with its quotes: a hash of the JSON */

extern const struct route openapi_routes[];

#endif
