/*
 * GET /ws, and what a client says there: auth, subscribe, unsubscribe, bid, ping. Each is a JSON object with "type",
 * and may carry "id", any short JSON text or number, which comes back with its answer.
 *
 * A bid is a request by another way (request.h): the very handler of POST bids takes it, with the same admission, the
 * same limits and the same promise.
 *
 * Caller: routes.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_COMMANDS_H
#define ROSTRUM_GATEWAY_LIVE_COMMANDS_H

#include "gateway/http/router.h"

extern const struct route commands_routes[]; /* context: struct live_context */

#endif
