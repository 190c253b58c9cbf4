/*
 * Creation of auctions and items with an idempotency key. The new row's id is a keyed hash of user, key, kind and body.
 * So a repeated request never adds a second row, and is answered with the first one. The statements of the callers have
 * ON CONFLICT (id) DO NOTHING, which also waits for a first request under way. Redis adds the refusal 422 for another
 * body, as long as it remembers the key.
 *
 * Callers: auctions.c, items.c.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_CREATION_H
#define ROSTRUM_GATEWAY_AUCTION_CREATION_H

#include "common/io/redis.h"
#include "gateway/bid/idempotency.h"
#include "gateway/core/deployment.h"
#include "gateway/http/request.h"
#include "gateway/http/router.h"

struct creation_context {
    const struct deployment *deployment;
    struct redis *redis;
};

/* A request's handler state. */
struct creation {
    struct uuid id; /* of the new row */
    bool keyed;     /* the row may exist already */

    /* Private to creation.c. */
    const struct creation_context *context;
    route_handler repeated;
    route_handler first;
    char key_hash[IDEMPOTENCY_HASH_SIZE];
};

/*
 * Chooses the id for a row of `kind`. Calls `repeated` if Redis knows that the key made this row, else `first`; or ENDS
 * the request with 400, 422 or 503.
 */
void creation_begin(const struct creation_context *context, struct request *request, const char *kind,
                    route_handler repeated, route_handler first);
const struct creation *creation_of(const struct request *request);
/* Remembers the key of a row that exists now. */
void creation_done(struct request *request);

#endif
