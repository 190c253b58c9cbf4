/*
 * /users/me/bids, /users/me/auctions, /users/me/notifications: what concerns the user who asks.
 */
#ifndef ROSTRUM_GATEWAY_ME_H
#define ROSTRUM_GATEWAY_ME_H

#include "gateway/router.h"
#include "gateway/statements.h"

extern const struct route me_routes[];
extern struct statements me_statements;

#endif
