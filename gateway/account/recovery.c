/*
 * See recovery.h. A request for a mail does the same work for every address, including the rows written. notifyworker
 * looks the account up later. So neither the answer nor its duration reveals whether an account exists.
 *
 * A new password raises the user's epoch, which ends all sessions. Without Redis its copies of them last for some
 * seconds (credentials.h).
 */
#include "gateway/account/recovery.h"

#include <assert.h>
#include <stdio.h>

#include "common/protocol/links.h"
#include "gateway/access/audit.h"
#include "gateway/access/sessions.h"
#include "gateway/account/accounts.h"
#include "gateway/account/hashpool.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"

enum { TOKEN_MOST = 64 };

enum { RECOVERY_ASK, RECOVERY_LOOK, RECOVERY_TAKE, RECOVERY_COUNT };

#define TOKEN_HOLDS "hash = $1 AND purpose = 'PASSWORD_RESET' AND expires_at > now()"

static const struct pg_statement list[] = {
    [RECOVERY_ASK] = {"recovery_ask", "INSERT INTO deliveries (id, channel, kind, endpoint)"
                                      " VALUES (delivery_id(), 'email', 'PASSWORD_RESET', $1)"},
    [RECOVERY_LOOK] = {"recovery_look", "SELECT user_id FROM account_tokens WHERE " TOKEN_HOLDS},
    /* $1 hash of the token, $2 hash of the password. The token came by mail, so the address is verified too. */
    [RECOVERY_TAKE] = {"recovery_take",
                       "WITH t AS (DELETE FROM account_tokens WHERE " TOKEN_HOLDS " RETURNING user_id),"
                       " others AS (DELETE FROM account_tokens a USING t WHERE a.user_id = t.user_id AND a.hash <> $1),"
                       " u AS (UPDATE users u SET password_hash = $2, verified_at = coalesce(u.verified_at, now())"
                       "  FROM t WHERE u.id = t.user_id RETURNING u.*),"
                       " notified AS (INSERT INTO deliveries (id, channel, kind, user_id, endpoint, payload)"
                       "  SELECT delivery_id(), 'email', 'PASSWORD_CHANGED', id, email,"
                       "   jsonb_build_object('createdAt', now()) FROM u)," AUDIT_OWN(
                           "PASSWORD_RESET", "u", "$3", "$4", "$5", "$6",
                           "$7") " SELECT " CREDENTIALS_USER_COLUMNS("") " FROM u"},
};
static_assert(ARRAY_LEN(list) == RECOVERY_COUNT, "each statement has its entry");

struct statements recovery_statements = {list, ARRAY_LEN(list), 0};

static const struct recovery_context *context_of(const struct request *request)
{
    return request->context;
}

/* ---- POST /auth/password-reset ---- */

static void on_asked(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_put_string(json, "message", "If an account with this address exists, it will receive a mail");
    jsonw_end_object(json);
    reply_send(request, 202);
}

static void handle_ask(struct request *request)
{
    static const char *const known[] = {"email", NULL};
    struct field_errors field_errors = {.count = 0};
    char email[ACCOUNTS_EMAIL_SIZE];
    const char *values[] = {email};
    fields_known(request->body, known, &field_errors);
    accounts_read_email(request, email, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (!config_sends_mail(context_of(request)->config)) {
        reply_error(request, ERROR_MAIL_OFF);
    } else if (!statements_query(context_of(request)->pg, &recovery_statements, RECOVERY_ASK, ARRAY_LEN(values), values,
                                 on_asked, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* ---- POST /auth/password-reset/confirm ---- */

struct recovery {
    char token_hash[LINKS_HASH_SIZE];
};

static void on_ended(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        struct log_about about = request_about(request);
        log_line(LOG_WARN, &about, "all sessions have ended, and Redis may keep copies of them for some seconds");
    }
    reply_empty(request, 204);
}

/* Continues even if the client was answered at the deadline, because the password has been changed. */
static void on_taken(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome != PG_OK && !statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_INVALID_TOKEN); /* a concurrent request has used the token */
        return;
    }
    const struct credentials_user user = credentials_user(reply->result, 0, 0);
    if (!sessions_revoked(request->access, &user, NULL, on_ended, request)) {
        on_ended(NULL, request);
    }
}

static void on_hashed(const char *hash, void *arg)
{
    struct request *request = arg;
    const struct recovery *recovery = request->handler_state;
    struct audit_origin origin;
    const char *values[2 + AUDIT_VALUES] = {recovery->token_hash, hash};
    audit_values(request, &origin, values + 2);
    if (request_answered(request)) {
        reply_end(request);
    } else if (hash == NULL || !statements_query(context_of(request)->pg, &recovery_statements, RECOVERY_TAKE,
                                                 ARRAY_LEN(values), values, on_taken, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_looked(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_INVALID_TOKEN)) {
        return;
    }
    const struct hashpool_job job = {HASHPOOL_KNOWN, json_member(request->body, "password")->text, NULL};
    if (!hashpool_hash(context_of(request)->hashpool, &job, on_hashed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_confirm(struct request *request)
{
    static const char *const known[] = {"token", "password", NULL};
    struct field_errors field_errors = {.count = 0};
    const char *token = NULL;
    const char *password = NULL;
    struct recovery *recovery = request_handler_state(request, sizeof(*recovery));
    if (recovery == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    const char *values[] = {recovery->token_hash};
    fields_known(request->body, known, &field_errors);
    (void)fields_text(request->body, "token", FIELDS_REQUIRED, 1, TOKEN_MOST, &token, &field_errors);
    (void)fields_text(request->body, "password", FIELDS_REQUIRED, ACCOUNTS_PASSWORD_LEAST, ACCOUNTS_PASSWORD_MOST,
                      &password, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (!links_token_hash(token, recovery->token_hash)) {
        reply_error(request, ERROR_INVALID_TOKEN);
    } else if (!statements_query(context_of(request)->pg, &recovery_statements, RECOVERY_LOOK, ARRAY_LEN(values),
                                 values, on_looked, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route recovery_routes[] = {
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auth/password-reset", handle_ask, LIMIT_RESETS, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_OPEN, "/api/v1/auth/password-reset/confirm", handle_confirm, LIMIT_LOGINS, ROUTE_JSON_BODY,
     NULL},
    {0},
};
