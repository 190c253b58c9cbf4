/*
 * GET /ws and the messages of its clients: auth, subscribe, unsubscribe, inventory:watch, bid, proxy, ping, … Each
 * message is a JSON object with "type". It may have an "id", a short string or number, which the answer repeats.
 *
 * A bid or proxy bid becomes a request over another transport (request.h). The handler of the route over HTTP processes
 * it, with the same admission, limits and guarantees.
 *
 * Caller: routes.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_COMMANDS_H
#define ROSTRUM_GATEWAY_LIVE_COMMANDS_H

#include "gateway/http/router.h"

extern const struct route commands_routes[]; /* context: struct live_context */

#endif
