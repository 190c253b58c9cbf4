/*
 * The routes that queue commands of users to flash sales: POST /queue/join, DELETE /queue/leave, POST /orders,
 * POST /orders/:id/confirm and /cancel. As for bids, joins and orders use no SQL unless a snapshot
 * is missing or refuses: parse, one round trip to Redis, publish, and 202 at the broker's confirm.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_COMMANDS_H
#define ROSTRUM_GATEWAY_SALE_SALE_COMMANDS_H

#include "gateway/http/router.h"
#include "gateway/submit/command_request.h"

/* What the handlers use. components.c fills it. */
struct sale_commands_context {
    struct command_requests requests;
    struct redis *redis;
};

/* Indices of sale_commands_routes, for commands over a WebSocket. */
enum { SALE_COMMANDS_JOIN, SALE_COMMANDS_LEAVE };

extern const struct route sale_commands_routes[];

/* Appends the members of an answer that describe the place of an accepted JOIN. */
void sale_commands_put_entry(struct jsonw *json, const struct sale_message_decision *decision);

#endif
