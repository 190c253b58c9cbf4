/*
 * Refresh tokens: base64url(user id, session id, 16 secret bytes, a keyed hash of all). So a made-up one is refused
 * without a query. The secret of the next token is a keyed hash of the one before. So a repeated use gets the same next
 * token, although only hashes are stored. Pure, except for the random bytes of the first one.
 *
 * Callers: session.c, gateway/account/refresh.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_REFRESH_TOKEN_H
#define ROSTRUM_GATEWAY_ACCESS_REFRESH_TOKEN_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "gateway/core/deployment.h"
#include "gateway/http/request.h"

enum {
    REFRESH_TOKEN_BYTES = 64,
    REFRESH_TOKEN_TEXT_SIZE = 87, /* base64url without padding, and the terminator */
    REFRESH_TOKEN_HASH_SIZE = 65, /* hex of 32 bytes */
};

struct refresh_token {
    uint8_t bytes[REFRESH_TOKEN_BYTES];
    struct uuid user;
    char session[REQUEST_SESSION_SIZE];
    char text[REFRESH_TOKEN_TEXT_SIZE];
    char hash[REFRESH_TOKEN_HASH_SIZE];
};

/* The first token of a session. `session` is the hash of its session token. */
void refresh_token_new(const uint8_t key[static DEPLOYMENT_KEY_BYTES], const struct uuid *user, const char *session,
                       struct refresh_token *out);
/* False: it was not made with this key. */
MUST_CHECK bool refresh_token_read(const uint8_t key[static DEPLOYMENT_KEY_BYTES], const char *text,
                                   struct refresh_token *out);
void refresh_token_next(const uint8_t key[static DEPLOYMENT_KEY_BYTES], const struct refresh_token *of,
                        struct refresh_token *out);

#endif
