/*
 * Authentication; see session.h.
 */
#include "gateway/access/session.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "gateway/access/access.h"
#include "gateway/access/refresh_token.h"
#include "gateway/access/sessions.h"
#include "gateway/core/token.h"
#include "gateway/http/cookie.h"
#include "gateway/http/cors.h"
#include "gateway/http/reply.h"

enum {
    HASH_BYTES = 16,
    COOKIE_SIZE = 192,
    SIGNED_BYTES = 32, /* of a session token: user and random bytes; the rest is their keyed hash */
};
static_assert(SIGNED_BYTES + HASH_BYTES == SESSION_TOKEN_BYTES, "the parts of a session token");

static const char bearer[] = "Bearer ";

static void hash_token(const uint8_t token[static SESSION_TOKEN_BYTES], char out[static REQUEST_SESSION_SIZE])
{
    uint8_t hash[HASH_BYTES];
    crypto_generichash(hash, sizeof(hash), token, SESSION_TOKEN_BYTES, NULL, 0);
    sodium_bin2hex(out, REQUEST_SESSION_SIZE, hash, sizeof(hash));
}

/* Only the gateways can make it. So a made-up token is refused without a query. */
static void sign_token(const struct deployment *deployment, uint8_t token[static SESSION_TOKEN_BYTES])
{
    static const uint8_t purpose[] = "session";
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, deployment->facts.idempotency, DEPLOYMENT_KEY_BYTES, HASH_BYTES);
    (void)crypto_generichash_update(&state, purpose, sizeof(purpose));
    (void)crypto_generichash_update(&state, token, SIGNED_BYTES);
    (void)crypto_generichash_final(&state, token + SIGNED_BYTES, HASH_BYTES);
}

static bool token_is_signed(const struct deployment *deployment, const uint8_t token[static SESSION_TOKEN_BYTES])
{
    uint8_t expected[SESSION_TOKEN_BYTES];
    memcpy(expected, token, sizeof(expected));
    sign_token(deployment, expected);
    return sodium_memcmp(expected, token, sizeof(expected)) == 0;
}

static enum session_reading read_session_token(const struct deployment *deployment, const char *text, size_t length,
                                               enum request_via via, struct request_user *user)
{
    uint8_t token[SESSION_TOKEN_BYTES];
    size_t token_length = 0;
    if (!deployment->known) {
        return SESSION_UNKNOWN;
    }
    if (sodium_base642bin(token, sizeof(token), text, length, NULL, &token_length, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        token_length != sizeof(token) || !token_is_signed(deployment, token)) {
        return SESSION_BAD;
    }
    user->via = via;
    memcpy(user->id.bytes, token, sizeof(user->id.bytes));
    hash_token(token, user->session);
    return SESSION_READ;
}

static enum session_reading read_access_token(const struct deployment *deployment, const char *text, size_t length,
                                              struct request_user *user)
{
    struct token_claims claims;
    enum token_validity validity = TOKEN_KEY_UNKNOWN;
    if (deployment->tokens != NULL) {
        validity = token_verify(deployment->tokens, text, length, clock_now_ms() / 1000, &claims);
    }
    if (validity == TOKEN_KEY_UNKNOWN && !deployment_tokens_current(deployment)) {
        return SESSION_UNKNOWN;
    }
    if (validity != TOKEN_VALID) {
        return SESSION_BAD;
    }
    if (claims.from_ms != deployment->epoch.sessions_from_ms) {
        /* A worker that has lost PostgreSQL may not know the latest epoch yet. */
        return claims.from_ms < deployment->epoch.sessions_from_ms ? SESSION_BAD : SESSION_UNKNOWN;
    }
    user->via = REQUEST_BY_ACCESS_TOKEN;
    user->id = claims.user_id;
    user->admin = claims.admin;
    user->expires_s = claims.expires_s;
    user->epoch = claims.epoch;
    memcpy(user->session, claims.session, sizeof(user->session));
    return SESSION_READ;
}

enum session_reading session_read_token(const struct deployment *deployment, const char *text,
                                        struct request_user *user)
{
    size_t length = strlen(text);
    if (memchr(text, '.', length) == NULL) {
        return read_session_token(deployment, text, length, REQUEST_BY_SESSION, user);
    }
    return read_access_token(deployment, text, length, user);
}

bool session_expired(const struct request_user *user)
{
    int64_t now_ms = clock_now_ms();
    return (user->via == REQUEST_BY_ACCESS_TOKEN && user->expires_s <= now_ms / 1000) ||
           (user->ends_ms != 0 && user->ends_ms <= now_ms);
}

/* Returns whether browsers reach the deployment by https, so that the cookie can demand it. */
static bool is_secure(const struct request *request)
{
    static const char https[] = "https://";
    return strncasecmp(request->access->config->public_url, https, sizeof(https) - 1) == 0;
}

static const char *cookie_name(const struct request *request)
{
    return is_secure(request) ? COOKIE_SESSION_SECURE : COOKIE_SESSION;
}

enum session_reading session_read(struct request *request)
{
    size_t length = 0;
    const char *authorization = request_header(request, "Authorization");
    if (authorization != NULL) {
        size_t scheme = sizeof(bearer) - 1;
        return strncasecmp(authorization, bearer, scheme) != 0
                   ? SESSION_BAD
                   : session_read_token(request->access->deployment, authorization + scheme, &request->user);
    }
    const char *cookie = cookie_find(request_header(request, "Cookie"), cookie_name(request), &length);
    if (cookie == NULL) {
        return SESSION_NONE;
    }
    /* Browsers send Origin with each such request of a page, so one without it is not from another site's page. */
    if (request->method != METHOD_GET && cors_is_foreign(request)) {
        return SESSION_FOREIGN;
    }
    enum session_reading reading =
        read_session_token(request->access->deployment, cookie, length, REQUEST_BY_COOKIE, &request->user);
    /* A route for guests must not fail because of an expired cookie. */
    return reading == SESSION_BAD && request->route->auth == ROUTE_OPTIONAL ? SESSION_NONE : reading;
}

/* A session that is being written. */
struct beginning {
    struct request *request;
    session_made made;
    char text[SESSION_TOKEN_TEXT_SIZE];
    struct refresh_token refresh;
};

static void session_written(enum sessions_outcome outcome, void *arg)
{
    struct beginning *beginning = arg;
    beginning->made(beginning->request, outcome, beginning->text, beginning->refresh.text);
    sodium_memzero(beginning, sizeof(*beginning));
    free(beginning);
}

void session_begin(struct request *request, const struct credentials_user *user, bool refreshable, session_made made)
{
    uint8_t token[SESSION_TOKEN_BYTES];
    struct beginning *beginning = calloc(1, sizeof(*beginning));
    if (beginning == NULL || !request->access->deployment->known) {
        free(beginning);
        made(request, SESSIONS_UNAVAILABLE, "", "");
        return;
    }
    memcpy(token, user->id.bytes, sizeof(user->id.bytes));
    randombytes_buf(token + sizeof(user->id.bytes), SIGNED_BYTES - sizeof(user->id.bytes));
    sign_token(request->access->deployment, token);
    hash_token(token, request->user.session);
    if (refreshable) {
        refresh_token_new(request->access->deployment->facts.idempotency, &user->id, request->user.session,
                          &beginning->refresh);
    }
    beginning->request = request;
    beginning->made = made;
    sodium_bin2base64(beginning->text, sizeof(beginning->text), token, sizeof(token),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (!sessions_begin(request, user, refreshable ? beginning->refresh.hash : NULL, session_written, beginning)) {
        free(beginning);
        made(request, SESSIONS_UNAVAILABLE, "", "");
    }
}

void session_cookie(struct request *request, const char *token)
{
    char text[COOKIE_SIZE];
    (void)snprintf(text, sizeof(text), "%s=%s; HttpOnly;%s SameSite=Lax; Path=/; Max-Age=%d", cookie_name(request),
                   token == NULL ? "" : token, is_secure(request) ? " Secure;" : "",
                   token == NULL ? 0 : request->access->config->session_s);
    reply_header(request, "Set-Cookie", text);
    sodium_memzero(text, sizeof(text));
}

static void handle_jwks(struct request *request)
{
    char text[TOKEN_JWKS_SIZE];
    const struct deployment *deployment = request->access->deployment;
    if (deployment->tokens == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    token_jwks(deployment->tokens, &deployment->receipts, text);
    reply_bytes(request, 200, "application/jwk-set+json", text, strlen(text));
}

const struct route session_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/.well-known/jwks.json", handle_jwks, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
