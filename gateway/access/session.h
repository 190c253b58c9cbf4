/*
 * Authentication. A request has a session token (cookie "session", or bearer) or an access token (bearer, a JWT; see
 * token.h). Callers: dispatch.c, accounts.c, commands.c, presence.c.
 *
 * A session token is base64url(user id, 16 random bytes, a keyed hash of both), so the user's Redis keys follow from
 * the token. PostgreSQL holds only the hash of the token, with a copy in Redis (credentials.h).
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_SESSION_H
#define ROSTRUM_GATEWAY_ACCESS_SESSION_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "gateway/access/sessions.h"
#include "gateway/http/request.h"

enum {
    SESSION_TOKEN_BYTES = 48,     /* 16 of the user's id, 16 random, 16 of a keyed hash */
    SESSION_TOKEN_TEXT_SIZE = 65, /* base64url without padding, and the terminator */
};

struct deployment;

extern const struct route session_routes[]; /* the public keys of access tokens; no context */

enum session_reading {
    SESSION_NONE,    /* no credentials: a guest */
    SESSION_READ,    /* request->user is filled; its session must still be looked up */
    SESSION_BAD,     /* malformed, forged or expired: 401 */
    SESSION_UNKNOWN, /* the worker may lack its key, or its epoch: 503 */
    SESSION_FOREIGN, /* cookie on an unsafe method with another Origin: 403 CROSS_ORIGIN */
};

/* Reads the credentials of a request into request->user, without I/O. Called by dispatch.c. */
enum session_reading session_read(struct request *request);

/*
 * Reads a bearer token, a session token or an access token, into `user`, which must be zeroed. Returns SESSION_READ,
 * SESSION_BAD or SESSION_UNKNOWN.
 */
MUST_CHECK enum session_reading session_read_token(const struct deployment *deployment, const char *text,
                                                   struct request_user *user);

/* Returns whether the user's access token or session has expired since. For connections that outlive a request. */
bool session_expired(const struct request_user *user);

/* The texts are valid during the call, if the session was made. `refresh` is "" if it has no refresh token. */
typedef void (*session_made)(struct request *request, enum sessions_outcome outcome, const char *token,
                             const char *refresh);
/*
 * Creates a session (setting session_s) of a user with this epoch, and fills session, epoch and end of request->user.
 * If `refreshable` it has a refresh token. Calls `made` exactly once, possibly before it returns.
 */
void session_begin(struct request *request, const struct credentials_user *user, bool refreshable, session_made made);
/* Sets the session cookie; a NULL token clears it. */
void session_cookie(struct request *request, const char *token);

#endif
