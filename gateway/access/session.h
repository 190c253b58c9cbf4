/*
 * Authentication. A request has a session token (cookie "session", or bearer) or an access token (bearer, a JWT; see
 * token.h). Callers: dispatch.c, accounts.c, commands.c, presence.c.
 *
 * A session token is base64url(user id, 32 random bytes), so the user's Redis keys follow from the token. Redis holds
 * only its hash, with the user's role as value. Without Redis sessions cannot be checked (503); access tokens can.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_SESSION_H
#define ROSTRUM_GATEWAY_ACCESS_SESSION_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "gateway/http/request.h"

enum {
    SESSION_TOKEN_BYTES = 48,     /* 16 of the user's id, 32 random */
    SESSION_TOKEN_TEXT_SIZE = 65, /* base64url without padding, and the terminator */
};

struct deployment;

extern const struct route session_routes[]; /* the public keys of access tokens; no context */

enum session_reading {
    SESSION_NONE,    /* no credentials: a guest */
    SESSION_READ,    /* request->user is filled; a session must still be looked up in Redis */
    SESSION_BAD,     /* malformed, forged or expired: 401 */
    SESSION_UNKNOWN, /* an access token, and the worker may lack its key: 503 */
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

/* Returns whether the user's access token has expired since. For connections that outlive a request. */
bool session_expired(const struct request_user *user);

/* `token` is valid during the call; NULL if Redis has failed. */
typedef void (*session_made)(struct request *request, const char *token);
/* Creates a session (setting session_s). Calls `made` exactly once, possibly before it returns. */
void session_begin(struct request *request, const struct uuid *user, bool admin, session_made made);
/* Ends the session of request->user. Calls `then` exactly once; `ended` is false if Redis has failed. */
void session_finish(struct request *request, void (*then)(struct request *request, bool ended));
/* Sets the session cookie; a NULL token clears it. */
void session_cookie(struct request *request, const char *token);

#endif
