/*
 * GET /api/v1/auctions/:id/events and /api/v1/flash-sales/:id/events: one auction or sale as Server-Sent Events, for
 * clients that only watch. The messages are those of the WebSocket. Each is the data of one event, whose id is the
 * version. Messages to the user about this auction or sale, and the user's place in the line of the sale, have no id.
 * Events have no names: the type is in the message.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_EVENTSTREAM_H
#define ROSTRUM_GATEWAY_LIVE_EVENTSTREAM_H

#include "gateway/http/router.h"

extern const struct route eventstream_routes[]; /* context: struct live_context */

#endif
