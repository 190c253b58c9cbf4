/*
 * See refresh.h.
 */
#include "gateway/account/refresh.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/access/credentials.h"
#include "gateway/access/refresh_token.h"
#include "gateway/access/sessions.h"
#include "gateway/account/access_tokens.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"

enum { TOKEN_MOST = 128, NUMBER_SIZE = 16 };

enum { REFRESH_USE, REFRESH_COUNT };
enum { USE_RESULT, USE_USER, USE_SESSION = USE_USER + CREDENTIALS_USER_COLUMN_COUNT };

static const struct pg_statement list[] = {
    /*
     * $1 session, $2 user, $3 hash of the token, $4 of the next one, $5 seconds. No row: the session has ended. It is
     * locked first: session_refresh would take one that a logout ends meanwhile for a reuse.
     */
    [REFRESH_USE] =
        {"refresh_use",
         "WITH held AS (SELECT * FROM sessions WHERE id = $1 AND user_id = $2 AND expires_at > now() FOR UPDATE)"
         " SELECT session_refresh(s.id, $3, $4, $5::integer), " CREDENTIALS_USER_COLUMNS(
             "u.") ", " CREDENTIALS_SESSION_COLUMNS("s.") " FROM held s JOIN users u ON u.id = s.user_id AND u.epoch ="
                                                          " s.epoch JOIN data_timeline t ON t.sessions_from ="
                                                          " s.sessions_from"},
};
static_assert(ARRAY_LEN(list) == REFRESH_COUNT, "each statement has its entry");

struct statements refresh_statements = {list, ARRAY_LEN(list), 0};

struct refresh {
    struct refresh_token given;
    struct refresh_token next;
};

/* `refresh` may be NULL. */
static void answer(struct request *request, const struct refresh_token *next)
{
    struct access_token token;
    if (!access_tokens_issue(request, &request->user.id, request->user.admin, &token)) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    access_tokens_write(json, &token);
    if (next != NULL) {
        jsonw_put_string(json, "refreshToken", next->text);
    }
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void answer_unauthorized(struct request *request)
{
    reply_error(request, ERROR_UNAUTHORIZED);
}

/* The session has ended in PostgreSQL. Redis learns it now, or after credentials_age_s. */
static void refuse_reuse(struct request *request, const struct refresh *refresh)
{
    const struct refresh_token *given = &refresh->given;
    char subject[UUID_TEXT_SIZE];
    uuid_format(&given->user, subject);
    if (credentials_mark_ended(request->access, &given->user, given->session, NULL, NULL)) {
        sessions_recheck(request->access->redis, &given->user);
    }
    audit_entry(request, &given->user, "REFRESH_TOKEN_REUSED", subject, answer_unauthorized);
}

static void on_used(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    const struct refresh *refresh = request->handler_state;
    if (!statements_found(request, reply, ERROR_UNAUTHORIZED)) {
        return;
    }
    if (strcmp(pg_text(reply->result, 0, USE_RESULT), "USED") != 0) {
        refuse_reuse(request, refresh);
        return;
    }
    const struct credentials_user user = credentials_user(reply->result, 0, USE_USER);
    const struct credentials_session session = credentials_session(reply->result, 0, USE_SESSION);
    request->user.id = user.id;
    request->user.admin = user.admin;
    request->user.epoch = user.epoch;
    request->user.ends_ms = session.ends_ms;
    (void)snprintf(request->user.session, sizeof(request->user.session), "%s", refresh->given.session);
    answer(request, &refresh->next);
}

static void use_token(struct request *request, const char *text)
{
    const struct deployment *deployment = request->access->deployment;
    struct refresh *refresh = request_handler_state(request, sizeof(*refresh));
    char user[UUID_TEXT_SIZE];
    char grace[NUMBER_SIZE];
    if (refresh == NULL || !deployment->known) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    if (!refresh_token_read(deployment->facts.idempotency, text, &refresh->given)) {
        reply_error(request, ERROR_UNAUTHORIZED);
        return;
    }
    refresh_token_next(deployment->facts.idempotency, &refresh->given, &refresh->next);
    uuid_format(&refresh->given.user, user);
    (void)snprintf(grace, sizeof(grace), "%d", REFRESH_GRACE_S);
    const char *const values[] = {refresh->given.session, user, refresh->given.hash, refresh->next.hash, grace};
    if (!statements_query(request->access->pg, &refresh_statements, REFRESH_USE, ARRAY_LEN(values), values, on_used,
                          request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* Without a body the session of the request is meant. It exists: admission has checked it. */
static void handle_refresh(struct request *request)
{
    static const char *const known[] = {"refreshToken", NULL};
    struct field_errors field_errors = {.count = 0};
    const char *text = NULL;
    if (request->body != NULL) {
        fields_known(request->body, known, &field_errors);
        (void)fields_text(request->body, "refreshToken", FIELDS_OPTIONAL, 1, TOKEN_MOST, &text, &field_errors);
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
    } else if (text != NULL) {
        use_token(request, text);
    } else if (request->user.unchecked) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else if (request->user.via == REQUEST_GUEST) {
        reply_error(request, ERROR_UNAUTHORIZED);
    } else {
        answer(request, NULL);
    }
}

const struct route refresh_routes[] = {
    {METHOD_POST, ROUTE_OPTIONAL, "/api/v1/auth/refresh", handle_refresh, LIMIT_NONE, ROUTE_OPTIONAL_BODY, NULL},
    {0},
};
