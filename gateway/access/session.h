/*
 * Who asks. A request carries a session token (cookie "session", or bearer) or an access token (bearer, a JWT; see
 * token.h). A session token is base64url(user id, 32 random bytes), so that the user's Redis keys are known before
 * Redis is asked; Redis holds only its hash, with the user's role as value. With Redis gone sessions cannot be
 * checked (503), access tokens can.
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

extern const struct route session_routes[]; /* the public key of access tokens; no context */

enum session_reading {
    SESSION_NONE,    /* no credentials: a guest */
    SESSION_READ,    /* request->user is filled; a session has still to be found in Redis */
    SESSION_BAD,     /* malformed, forged or expired: 401 */
    SESSION_FOREIGN, /* cookie on an unsafe method with a foreign Origin: 403 CROSS_ORIGIN */
};

/* Reads the credentials of a request into request->user, without asking anyone. Called by dispatch.c. */
enum session_reading session_read(struct request *request);

/*
 * A token as a bearer would say it, of a session or for access, into `user` (zeroed); a session has still to be found
 * in Redis. False: malformed, forged or expired.
 */
MUST_CHECK bool session_read_token(const struct deployment *deployment, const char *text, struct request_user *user);

/* Who came by an access token whose time is up meanwhile: asked of connections that outlive a request. */
bool session_expired(const struct request_user *user);

/* `token` is valid for the call; NULL when Redis could not be asked. */
typedef void (*session_made)(struct request *request, const char *token);
/* Begins a session (session_s of the settings). `made` comes exactly once, from the loop or at once when Redis is down.
 */
void session_begin(struct request *request, const struct uuid *user, bool admin, session_made made);
/* Ends the session of request->user; `then` comes exactly once, false when Redis could not be asked. */
void session_finish(struct request *request, void (*then)(struct request *request, bool gone));
/* Set-Cookie of the contract; a NULL token clears it. */
void session_cookie(struct request *request, const char *token);

#endif
