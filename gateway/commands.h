/*
 * What a client says over a WebSocket: auth, subscribe, unsubscribe, bid, ping. Each is a JSON object with "type", and
 * may carry "id", any short JSON text or number, which comes back with its answer.
 *
 * A bid is a request by another way (request.h): the very handler of POST bids takes it, with the same admission, the
 * same limits and the same promise.
 *
 * Caller: websocket.c.
 */
#ifndef ROSTRUM_GATEWAY_COMMANDS_H
#define ROSTRUM_GATEWAY_COMMANDS_H

#include "common/base.h"

struct websocket;

/* It is open. */
void commands_begin(struct websocket *websocket);
/* One message; it may close the WebSocket, and never frees it. */
void commands_take(struct websocket *websocket, const void *bytes, size_t length);
/* What could not be told because it read too slowly: the present state. */
void commands_catch_up(struct websocket *websocket);
/* It is closed: nothing of it is left anywhere. */
void commands_end(struct websocket *websocket);

#endif
