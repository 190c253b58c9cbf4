/*
 * GET /api/v1/auctions/:id/events: one auction as Server-Sent Events, for those who only watch. The same messages as
 * over a WebSocket, each as the data of one event whose id is the auction's version; a user's own, without an id, where
 * they are about this auction. There are no names of events: the type stands in the message.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_EVENTSTREAM_H
#define ROSTRUM_GATEWAY_LIVE_EVENTSTREAM_H

#include "gateway/http/router.h"

extern const struct route eventstream_routes[]; /* context: struct live_context */

#endif
