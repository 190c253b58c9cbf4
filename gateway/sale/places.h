/*
 * The user's place in the line of a flash sale: GET /queue/position and GET /flash-sales/:id/queue-position. The place
 * is that of position.h. A join that was answered 202 is shown as `pending` until it is decided. Redis keeps the id of
 * the user's newest join of a line for PLACES_JOIN_LIFE_S. The entry of that command (keys.h: bid:) exists until it is
 * decided. Without Redis a place that is not live is shown only once the sale is over; before, the answer is 503,
 * because a join may be pending.
 *
 * Callers: routes.c, sale_commands.c.
 */
#ifndef ROSTRUM_GATEWAY_SALE_PLACES_H
#define ROSTRUM_GATEWAY_SALE_PLACES_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "gateway/http/router.h"

/* What the handlers use. components.c fills it. */
struct places_context {
    struct pg *pg;
    struct redis *redis;
};

enum { PLACES_JOIN_LIFE_S = 600 };

/* Keeps the id of a join that is about to be published. Without a connection to Redis it does nothing. */
void places_note_join(struct redis *redis, const struct uuid *user, const struct uuid *sale, const struct uuid *join);
/* Reads the query parameter flashSaleId. False: it is absent or malformed, and the request was ENDED with 400. */
MUST_CHECK bool places_read_sale(struct request *request, struct uuid *sale);

extern const struct route places_routes[];

#endif
