/*
 * Taking bids: POST bids, POST and DELETE proxy. The one path that matters: parse, one round trip to Redis, publish,
 * and 202 at the broker's confirm.
 */
#ifndef ROSTRUM_GATEWAY_BID_BIDS_H
#define ROSTRUM_GATEWAY_BID_BIDS_H

#include "gateway/http/router.h"

enum { BIDS_PLACE }; /* in the table: the route of a plain bid, for those that come over a WebSocket */

extern const struct route bids_routes[];

#endif
