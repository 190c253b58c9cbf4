/*
 * /users/me/bids, /users/me/auctions, /users/me/notifications: lists of the user who asks.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_ME_H
#define ROSTRUM_GATEWAY_AUCTION_ME_H

#include "common/base/json.h"
#include "common/io/pg.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route me_routes[]; /* context: struct pg */
extern struct statements me_statements;

/* Finds one notification of a user, for presence.c. False: PostgreSQL is unavailable, and `callback` is not called. */
MUST_CHECK bool me_find_notification(struct pg *pg, const struct uuid *user, const struct uuid *id,
                                     pg_callback callback, void *arg);
/* Writes a row of the result as an object. */
void me_write_notification(struct jsonw *json, const PGresult *result, int row);
struct uuid me_notification_auction(const PGresult *result, int row);

#endif
