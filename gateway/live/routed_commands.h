/*
 * The commands of a WebSocket that routes of bids.h and sale_commands.h handle. Each becomes a request over another
 * transport (request.h), with the same admission, limits and guarantees as over HTTP.
 *
 * Caller: commands.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_ROUTED_COMMANDS_H
#define ROSTRUM_GATEWAY_LIVE_ROUTED_COMMANDS_H

#include "gateway/live/command.h"

struct text;

void routed_commands_bid(struct websocket *websocket, const struct client_message *command);
void routed_commands_proxy(struct websocket *websocket, const struct client_message *command);
/* A join begins to watch the sale. */
void routed_commands_join(struct websocket *websocket, const struct client_message *command);
void routed_commands_leave(struct websocket *websocket, const struct client_message *command);
/* Holds a message about this auction or sale back until the client's own command was answered. False: there is none. */
MUST_CHECK bool routed_commands_hold(struct websocket *websocket, const struct uuid *subject, struct text *text);
/* Forgets the commands of a client that disconnects. */
void routed_commands_end(struct websocket *websocket);

#endif
