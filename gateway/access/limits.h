/*
 * Rate limits: fixed windows counted in Redis. Where a route names a limit it is taken before the handler runs, in the
 * same round trip as the session. A limit of 0 is off, and with Redis gone there are none: nobody is locked out by our
 * own failure.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_LIMITS_H
#define ROSTRUM_GATEWAY_ACCESS_LIMITS_H

#include <hiredis/hiredis.h>

#include "common/io/redis.h"
#include "gateway/http/request.h"

struct access;

struct limits_state {
    int most;         /* per window; 0: off */
    int64_t used;     /* this request included */
    int64_t reset_ms; /* until the window ends */
};

/* For the gateway's table of scripts. */
extern const struct redis_script limits_script;

/* "bids", for keys. */
const char *limits_name(enum limit limit);
/* Of the settings: 0 is off. */
int limits_most(const struct access *access, enum limit limit);
int limits_window_s(enum limit limit);
/* RateLimit-Limit, -Remaining, -Reset; of several limits the one that leaves the least. */
void limits_headers(struct request *request, const struct limits_state *state);
/* ENDS the request with 429, retryAfter and Retry-After. */
void limits_refuse(struct request *request, const struct limits_state *state);
/* Takes the route's limit of the client's address, then calls `then`, or ends the request with 429. */
void limits_take_address(struct request *request, route_handler then);
/*
 * Takes one more limit, of a text (an id or a hash of an account, never its email), then calls `then` - or ends the
 * request with 429.
 */
void limits_take_text(struct request *request, enum limit limit, const char *text, route_handler then);
/* The same by hand: counts once more, and `counted` reads the reply. False: Redis is not there, and it does not come.
 */
MUST_CHECK bool limits_count(struct request *request, enum limit limit, const char *text, redis_callback counted,
                             void *arg);
/* False: the reply says nothing, and nobody is refused. */
MUST_CHECK bool limits_read(const struct request *request, enum limit limit, const redisReply *reply,
                            struct limits_state *state);

#endif
