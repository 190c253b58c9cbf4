/*
 * Reads the idempotency key of a request from its headers, or from a command over a WebSocket.
 *
 * Callers: creation.c, gateway/submit/command_request.c, gateway/image/images.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_KEY_HEADER_H
#define ROSTRUM_GATEWAY_ACCESS_KEY_HEADER_H

#include "gateway/access/idempotency.h"
#include "gateway/http/request.h"

/*
 * Reads Idempotency-Key and X-Idempotency-Key, which mean the same, into `key`; "" if there is none. False: the request
 * was ENDED with 400, because a key is malformed or two differ.
 */
MUST_CHECK bool key_header_read(struct request *request, char key[static IDEMPOTENCY_KEY_SIZE]);

#endif
