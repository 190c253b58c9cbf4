/*
 * The sessions of a user in Redis, GET /users/me/sessions, and DELETE /users/me/sessions/:id.
 *
 * The key of an ended session has the value '-' for the lifetime of an access token, so that its access tokens are
 * refused too. The id of a session is the hash of its token. The hash is not secret: it cannot authenticate.
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
struct deployment;

extern const struct route sessions_routes[]; /* no context */
extern const struct redis_script sessions_begin_script;
extern const struct redis_script sessions_end_script;
extern const struct redis_script sessions_list_script;

enum { SESSIONS_MAX = 100 }; /* per user; one more ends the oldest */

enum sessions_which {
    SESSIONS_OWN,    /* the session `hash`, listed or not */
    SESSIONS_LISTED, /* the session `hash` if it is in the user's list; the reply is 0 if not */
    SESSIONS_OTHERS, /* all except the session `hash`; "" ends all */
};

struct sessions_end {
    const struct uuid *user;
    enum sessions_which which;
    const char *hash;
};

/* The start of a session or token that begins now: the present time, or a later one from which sessions are valid. */
int64_t sessions_now_ms(const struct deployment *deployment);
/* Creates the session with the hash request->user.session. The reply is an integer. False: no connection to Redis. */
MUST_CHECK bool sessions_begin(struct request *request, const struct uuid *user, bool admin, redis_callback callback,
                               void *arg);
/* Ends sessions. The reply is the number of sessions ended. False: no connection to Redis. */
MUST_CHECK bool sessions_end(const struct access *access, const struct sessions_end *end, redis_callback callback,
                             void *arg);
/* Makes every worker check the credentials of this user's connections again, after a session ended or a ban. */
void sessions_recheck(struct redis *redis, const struct uuid *user);

#endif
