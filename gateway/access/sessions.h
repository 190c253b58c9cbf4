/*
 * The sessions of a user: GET /users/me/sessions, DELETE /users/me/sessions and DELETE /users/me/sessions/:id.
 *
 * A session is a row of PostgreSQL; Redis holds a copy (credentials.h). The copy of an ended session is '-' for the
 * lifetime of an access token. The id of a session is the hash of its token. The hash is not secret: it cannot
 * authenticate.
 *
 * Callers: session.c, accounts.c (login, logout, a new password), recovery.c, admin.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_SESSIONS_H
#define ROSTRUM_GATEWAY_ACCESS_SESSIONS_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/redis.h"
#include "gateway/access/credentials.h"
#include "gateway/http/request.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

struct access;
struct deployment;

extern const struct route sessions_routes[]; /* no context */
extern struct statements sessions_statements;

enum { SESSIONS_MAX = 100 }; /* per user; one more ends the oldest */

enum sessions_outcome {
    SESSIONS_DONE,
    SESSIONS_NONE, /* begin: the user's epoch has changed, or the user is banned; end: there is no such session */
    SESSIONS_UNAVAILABLE, /* PostgreSQL could not answer; or it has ended the session, and Redis may still have its copy
                           */
};

/* Called exactly once. It may come after the request was answered at its deadline. */
typedef void (*sessions_done)(enum sessions_outcome outcome, void *arg);

/*
 * Creates the session with the hash request->user.session, if the user still has the epoch of `user`. `refresh_hash` is
 * that of its refresh token, NULL: it has none. Fills epoch and end of request->user. False: no connection to
 * PostgreSQL; `done` is not called.
 */
MUST_CHECK bool sessions_begin(struct request *request, const struct credentials_user *user, const char *refresh_hash,
                               sessions_done done, void *arg);
/* Ends one session of a user, in PostgreSQL and then in Redis. False as above. */
MUST_CHECK bool sessions_end(const struct access *access, const struct uuid *user, const char *hash, sessions_done done,
                             void *arg);
/* Makes every worker check the credentials of this user's connections again, after a session ended or a ban. */
void sessions_recheck(struct redis *redis, const struct uuid *user);
/*
 * Call it after the user's epoch was raised. Copies the state of the user, and of a session that was carried over
 * (NULL: none), to Redis, and makes connections be checked. Reply and result as of credentials_store.
 */
MUST_CHECK bool sessions_revoked(const struct access *access, const struct credentials_user *user,
                                 const struct credentials_session *kept, redis_callback callback, void *arg);

#endif
