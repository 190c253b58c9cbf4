/*
 * GET /api/v1/auctions/:id/events: one auction as Server-Sent Events, for clients that only watch. The messages are
 * those of the WebSocket. Each is the data of one event, whose id is the auction's version. Messages to the user about
 * this auction have no id. Events have no names: the type is in the message.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_EVENTSTREAM_H
#define ROSTRUM_GATEWAY_LIVE_EVENTSTREAM_H

#include "gateway/http/router.h"

extern const struct route eventstream_routes[]; /* context: struct live_context */

#endif
