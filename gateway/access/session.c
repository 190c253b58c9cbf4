/*
 * Authentication; see session.h.
 */
#include "gateway/access/session.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "gateway/access/access.h"
#include "gateway/access/sessions.h"
#include "gateway/core/token.h"
#include "gateway/http/cookie.h"
#include "gateway/http/cors.h"
#include "gateway/http/reply.h"

enum { HASH_BYTES = 16, COOKIE_SIZE = 192 };

static const char bearer[] = "Bearer ";

static void hash_token(const uint8_t token[static SESSION_TOKEN_BYTES], char out[static REQUEST_SESSION_SIZE])
{
    uint8_t hash[HASH_BYTES];
    crypto_generichash(hash, sizeof(hash), token, SESSION_TOKEN_BYTES, NULL, 0);
    sodium_bin2hex(out, REQUEST_SESSION_SIZE, hash, sizeof(hash));
}

static enum session_reading read_session_token(const char *text, size_t length, enum request_via via,
                                               struct request_user *user)
{
    uint8_t token[SESSION_TOKEN_BYTES];
    size_t token_length = 0;
    if (sodium_base642bin(token, sizeof(token), text, length, NULL, &token_length, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        token_length != sizeof(token)) {
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
    if (claims.issued_s * 1000 < deployment->epoch.sessions_from_ms) {
        return false;
    }
    user->via = REQUEST_BY_ACCESS_TOKEN;
    user->id = claims.user_id;
    user->admin = claims.admin;
    user->expires_s = claims.expires_s;
    memcpy(user->session, claims.session, sizeof(user->session));
    return SESSION_READ;
}

enum session_reading session_read_token(const struct deployment *deployment, const char *text,
                                        struct request_user *user)
{
    size_t length = strlen(text);
    if (memchr(text, '.', length) == NULL) {
        return read_session_token(text, length, REQUEST_BY_SESSION, user);
    }
    return read_access_token(deployment, text, length, user);
}

bool session_expired(const struct request_user *user)
{
    return user->via == REQUEST_BY_ACCESS_TOKEN && user->expires_s <= clock_now_ms() / 1000;
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
    if (read_session_token(cookie, length, REQUEST_BY_COOKIE, &request->user) == SESSION_READ) {
        return SESSION_READ;
    }
    /* A route for guests must not fail because of an expired cookie. */
    return request->route->auth == ROUTE_OPTIONAL ? SESSION_NONE : SESSION_BAD;
}

/* A session that is being written to Redis. */
struct beginning {
    struct request *request;
    session_made made;
    char text[SESSION_TOKEN_TEXT_SIZE];
};

static void session_written(const redisReply *reply, void *arg)
{
    struct beginning *beginning = arg;
    bool ok = reply != NULL && reply->type == REDIS_REPLY_INTEGER;
    beginning->made(beginning->request, ok ? beginning->text : NULL);
    sodium_memzero(beginning->text, sizeof(beginning->text));
    free(beginning);
}

void session_begin(struct request *request, const struct uuid *user, bool admin, session_made made)
{
    uint8_t token[SESSION_TOKEN_BYTES];
    struct beginning *beginning = calloc(1, sizeof(*beginning));
    if (beginning == NULL) {
        made(request, NULL);
        return;
    }
    memcpy(token, user->bytes, sizeof(user->bytes));
    randombytes_buf(token + sizeof(user->bytes), sizeof(token) - sizeof(user->bytes));
    hash_token(token, request->user.session);
    beginning->request = request;
    beginning->made = made;
    sodium_bin2base64(beginning->text, sizeof(beginning->text), token, sizeof(token),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (!sessions_begin(request, user, admin, session_written, beginning)) {
        free(beginning);
        made(request, NULL);
    }
}

struct finishing {
    struct request *request;
    void (*then)(struct request *request, bool ended);
};

static void session_deleted(const redisReply *reply, void *arg)
{
    struct finishing *finishing = arg;
    finishing->then(finishing->request, reply != NULL && reply->type == REDIS_REPLY_INTEGER);
    free(finishing);
}

void session_finish(struct request *request, void (*then)(struct request *request, bool ended))
{
    struct finishing *finishing = calloc(1, sizeof(*finishing));
    if (finishing == NULL) {
        then(request, false);
        return;
    }
    *finishing = (struct finishing){request, then};
    const struct sessions_end end = {.user = &request->user.id, .which = SESSIONS_OWN, .hash = request->user.session};
    if (!sessions_end(request->access, &end, session_deleted, finishing)) {
        free(finishing);
        then(request, false);
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
