/*
 * All sessions of a user: how one begins and ends in Redis, GET /users/me/sessions, DELETE /users/me/sessions/:id. An
 * ended session leaves '-' behind for as long as access tokens live, so that its access tokens end with it. The id of a
 * session is the hash of its token, which the bearer of the token alone can use for nothing.
 *
 * Callers: session.c (one's own), accounts.c and recovery.c (after a new password), admin.c (a ban); bans.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_SESSIONS_H
#define ROSTRUM_GATEWAY_ACCESS_SESSIONS_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/redis.h"
#include "gateway/http/request.h"
#include "gateway/http/router.h"

struct access;

extern const struct route sessions_routes[]; /* no context */
extern const struct redis_script sessions_begin_script;
extern const struct redis_script sessions_end_script;
extern const struct redis_script sessions_list_script;

enum { SESSIONS_MAX = 100 }; /* of one user; beyond that the oldest ends */

enum sessions_which {
    SESSIONS_OWN,    /* the one of `hash`, listed or not */
    SESSIONS_LISTED, /* the one of `hash` if it is the user's; the reply is 0 if not */
    SESSIONS_OTHERS, /* all but the one of `hash`; "" ends all */
};

struct sessions_end {
    const struct uuid *user;
    enum sessions_which which;
    const char *hash;
};

/* Begins the session of hash request->user.session. False when Redis is not there; the reply is an integer. */
MUST_CHECK bool sessions_begin(struct request *request, const struct uuid *user, bool admin, redis_callback callback,
                               void *arg);
/* False when Redis is not there; the reply is the number of sessions ended. */
MUST_CHECK bool sessions_end(const struct access *access, const struct sessions_end *end, redis_callback callback,
                             void *arg);
/* A session of this user ended, or the user was banned: every worker looks who still may stay connected. */
void sessions_recheck(struct redis *redis, const struct uuid *user);

#endif
