/*
 * See erasure.h. The steps: the limit of logins, the password, the rows in PostgreSQL (erase_user in schema/) with the
 * entry in the audit log, the user's copy in Redis. Rows beyond ROWS_MAX of a table are deleted
 * by the notification worker (retention.c).
 */
#include "gateway/account/erasure.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/audit.h"
#include "gateway/access/limits.h"
#include "gateway/access/refusals.h"
#include "gateway/access/session.h"
#include "gateway/access/sessions.h"
#include "gateway/account/accounts.h"
#include "gateway/account/hashpool.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"

#define ROWS_MAX "2000" /* of each table, well within the timeout of a statement */

/* Whether the user has a place in a waiting line, or an order that is not paid for or returned. */
#define IN_SALE(user)                                                                                                  \
    "EXISTS (SELECT FROM flash_sales s WHERE s.status IN ('open', 'active', 'ended') AND (EXISTS (SELECT FROM"         \
    " queue_entries e WHERE e.sale_id = s.id AND e.user_id = " user "::uuid AND e.status IN ('waiting', 'turn')"       \
    " AND s.status <> 'ended') OR EXISTS (SELECT FROM orders o WHERE o.sale_id = s.id AND o.user_id = " user           \
    "::uuid AND o.status = 'reserved')))"

enum { ERASURE_FIND, ERASURE_DO, ERASURE_STATE, ERASURE_COUNT };

static const struct pg_statement list[] = {
    [ERASURE_FIND] = {"erasure_find", "SELECT password_hash FROM users WHERE id = $1 AND erased_at IS NULL"},
    /* $1 user, $2 hash of the password that was verified, $3 now, $4 to $8 of audit_values */
    [ERASURE_DO] = {"erasure_do",
                    "WITH done AS MATERIALIZED (SELECT CASE WHEN " IN_SALE(
                        "$1") " THEN 'IN_USE'"
                              "  ELSE erase_user($1, $2, $3, " ROWS_MAX ") END AS outcome),"
                              " u AS (SELECT $1::uuid AS id FROM done WHERE outcome = 'ERASED')," AUDIT_OWN(
                                  "ERASURE", "u", "$4", "$5", "$6", "$7", "$8") " SELECT outcome FROM done"},
    [ERASURE_STATE] = {"erasure_state", "SELECT " CREDENTIALS_USER_COLUMNS("") " FROM users WHERE id = $1"},
};
static_assert(ARRAY_LEN(list) == ERASURE_COUNT, "each statement has its entry");

struct statements erasure_statements = {list, ARRAY_LEN(list), 0};

/* State of a request between its steps. */
struct erasure {
    char hash[HASHPOOL_TEXT_SIZE];
};

static const struct accounts_context *context_of(const struct request *request)
{
    return request->context;
}

static void query(struct request *request, size_t statement, int count, const char *const *values, pg_callback answered)
{
    if (!statements_query(context_of(request)->pg, &erasure_statements, statement, count, values, answered, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void refuse_password(struct request *request)
{
    struct field_errors field_errors = {.count = 0};
    char subject[UUID_TEXT_SIZE];
    uuid_format(&request->user.id, subject);
    refusals_note(request, NULL, "PASSWORD_REFUSED", subject);
    field_errors_add(&field_errors, "password", FIELD_WRONG_PASSWORD);
    reply_field_errors(request, &field_errors);
}

/* Without Redis its copies of the sessions are too old for some seconds. */
static void on_copied(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        struct log_about about = request_about(request);
        log_line(LOG_WARN, &about, "an account was erased, and Redis may keep copies of its sessions for some seconds");
    }
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    session_cookie(request, NULL);
    reply_empty(request, 204);
}

static void on_state(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    bool known = reply->outcome == PG_OK && PQntuples(reply->result) == 1;
    const struct credentials_user user = known ? credentials_user(reply->result, 0, 0) : (struct credentials_user){0};
    if (!known || !sessions_revoked(request->access, &user, NULL, on_copied, request)) {
        on_copied(NULL, request);
    }
}

/* Continues after a deadline: once the account is erased, Redis must agree. */
static void on_erased(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    if (reply->outcome != PG_OK && !statements_usable(request, reply)) {
        return;
    }
    const char *outcome = pg_text(reply->result, 0, 0);
    uuid_format(&request->user.id, id);
    if (strcmp(outcome, "ERASED") == 0) {
        if (!statements_query(context_of(request)->pg, &erasure_statements, ERASURE_STATE, ARRAY_LEN(values), values,
                              on_state, request)) {
            on_copied(NULL, request);
        }
    } else if (strcmp(outcome, "IN_USE") == 0) {
        reply_error(request, ERROR_ACCOUNT_IN_USE);
    } else if (strcmp(outcome, "LAST_ADMIN") == 0) {
        reply_error(request, ERROR_LAST_ADMIN);
    } else {
        refuse_password(request); /* a concurrent request has changed it */
    }
}

static void erase(struct request *request)
{
    const struct erasure *erasure = request->handler_state;
    char id[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    struct audit_origin origin;
    const char *values[3 + AUDIT_VALUES] = {id, erasure->hash, now};
    audit_values(request, &origin, values + 3);
    uuid_format(&request->user.id, id);
    clock_format(clock_now_ms(), now);
    query(request, ERASURE_DO, ARRAY_LEN(values), values, on_erased);
}

static void on_verified(bool right, void *arg)
{
    struct request *request = arg;
    if (request_answered(request)) {
        reply_end(request);
    } else if (!right) {
        refuse_password(request);
    } else {
        erase(request);
    }
}

static void on_found(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_found(request, reply, ERROR_UNAUTHORIZED)) {
        return;
    }
    struct erasure *erasure = request->handler_state;
    (void)snprintf(erasure->hash, sizeof(erasure->hash), "%s", pg_text(reply->result, 0, 0));
    const struct hashpool_job job = {HASHPOOL_KNOWN, json_member(request->body, "password")->text, erasure->hash};
    if (!hashpool_verify(context_of(request)->hashpool, &job, on_verified, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void find(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->user.id, id);
    query(request, ERASURE_FIND, ARRAY_LEN(values), values, on_found);
}

/* Limited like a login, so that a stolen session cannot guess the password. */
static void handle_erasure(struct request *request)
{
    static const char *const known[] = {"password", NULL};
    struct field_errors field_errors = {.count = 0};
    const char *password = NULL;
    char id[UUID_TEXT_SIZE];
    fields_known(request->body, known, &field_errors);
    (void)fields_text(request->body, "password", FIELDS_REQUIRED, 1, ACCOUNTS_PASSWORD_MOST, &password, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    if (request_handler_state(request, sizeof(struct erasure)) == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    uuid_format(&request->user.id, id);
    limits_take_text(request, LIMIT_LOGINS, id, find);
}

const struct route erasure_routes[] = {
    {METHOD_POST, ROUTE_USER, "/api/v1/users/me/erasure", handle_erasure, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {0},
};
