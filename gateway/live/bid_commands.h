/*
 * The commands of a WebSocket that routes of bids.h handle: bid and proxy. Each becomes a request over another
 * transport (request.h), with the same admission, limits and guarantees as over HTTP.
 *
 * Caller: commands.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_BID_COMMANDS_H
#define ROSTRUM_GATEWAY_LIVE_BID_COMMANDS_H

#include "gateway/live/command.h"

struct text;

void bid_commands_bid(struct websocket *websocket, const struct client_message *command);
void bid_commands_proxy(struct websocket *websocket, const struct client_message *command);
/* Holds a message about this auction back until the client's own bid there was answered. False: there is none. */
MUST_CHECK bool bid_commands_hold(struct websocket *websocket, const struct uuid *auction, struct text *text);
/* Forgets the bids of a client that disconnects. */
void bid_commands_end(struct websocket *websocket);

#endif
