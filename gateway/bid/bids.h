/*
 * The routes that place bids: POST bids, POST and DELETE proxy, POST buy. This is the hot path: parse, one round trip
 * to Redis, publish, and 202 at the broker's confirm.
 */
#ifndef ROSTRUM_GATEWAY_BID_BIDS_H
#define ROSTRUM_GATEWAY_BID_BIDS_H

#include "gateway/http/router.h"

/* Indexes in the table. Commands over a WebSocket use the same routes. */
enum { BIDS_PLACE, BIDS_PROXY, BIDS_BUY, BIDS_WITHDRAW };

extern const struct route bids_routes[]; /* context: struct command_requests */

#endif
