/*
 * Rate limits: fixed windows, counted in Redis. The limit of a route is counted before its handler runs, in the same
 * round trip that checks the session. A limit of 0 is off. Without Redis each worker counts logins, registrations and
 * resets for itself, up to the same maximum. No other limit applies then, so that an outage of Redis locks out nobody.
 *
 * A refused bid, join, order or new auction and a malformed login give back what they have counted. Other refusals do
 * not: a wrong password is what the limit of logins counts.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_LIMITS_H
#define ROSTRUM_GATEWAY_ACCESS_LIMITS_H

#include <hiredis/hiredis.h>

#include "common/io/redis.h"
#include "gateway/http/request.h"

struct access;

struct limits_state {
    int most;         /* per window; 0: off */
    int window_s;     /* seconds; a minute or an hour */
    int64_t used;     /* this request included */
    int64_t reset_ms; /* until the window ends */
};

/* For the script table in components.c. */
extern const struct redis_script limits_script;
extern const struct redis_script limits_back_script;

/* Name of a limit in Redis keys, as "bids". */
const char *limits_name(enum limit limit);
/* Maximum per window from the settings; 0: off. */
int limits_maximum(const struct access *access, enum limit limit);
int limits_window_s(enum limit limit);
/* The request was counted by its route's limit, within it: if it is refused, the count is given back. */
void limits_spent(struct request *request);
/* Takes back what the limit of the route has counted for the request. */
void limits_give_back(const struct request *request);
/* The request has taken effect: its count stays, also if its answer is an error. */
void limits_kept(struct request *request);
/* Sets RateLimit-Limit, -Remaining, -Reset. If a request has several limits, the one with the least remaining wins. */
void limits_headers(struct request *request, const struct limits_state *state);
/* ENDS the request with 429, retryAfter and Retry-After. */
void limits_refuse(struct request *request, const struct limits_state *state);
/* ENDS the request with 429: the client holds all that one may hold. */
void limits_refuse_client(struct request *request);
/* Counts a request in flight for its client address. False: the request was ENDED with 429. */
MUST_CHECK bool limits_count_address(struct request *request);
/* The same for its user, once authenticated. False: the caller refuses the request. */
MUST_CHECK bool limits_count_user(struct request *request);
/* Counts the route's limit for the client's address. Calls `then`, or ENDS the request with 429. */
void limits_take_address(struct request *request, route_handler then);
/*
 * Counts an additional limit for a text: an id, or a hash of an account, never its email. Calls `then`, or ENDS the
 * request with 429.
 */
void limits_take_text(struct request *request, enum limit limit, const char *text, route_handler then);
/*
 * Counts a limit for a text without acting on it; `counted` passes the reply to limits_read. False: no connection to
 * Redis, and `counted` is not called.
 */
MUST_CHECK bool limits_count(struct request *request, enum limit limit, const char *text, redis_callback counted,
                             void *arg);
/* Parses the reply of limits_count. False: it is an error, and the request must not be refused. */
MUST_CHECK bool limits_read(const struct request *request, enum limit limit, const redisReply *reply,
                            struct limits_state *state);

#endif
