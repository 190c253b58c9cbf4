/*
 * See admin.h. Dispatch writes each call into the audit log before a handler here runs.
 *
 * A ban, and another role, has two steps: a row in PostgreSQL together with its entry in the audit log, and the copy of
 * the user's state in Redis. Login and the bid worker check the row, every request checks the copy. The row raises the
 * user's epoch, which ends all sessions. The answer follows the second step. Without Redis it is 503, and a retry
 * completes the change. The row of a ban comes with the commands by which the user leaves the waiting lines.
 */
#include "gateway/admin/admin.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/access/creation.h"
#include "gateway/access/credentials.h"
#include "gateway/access/sessions.h"
#include "gateway/admin/ban_leaves.h"
#include "gateway/http/fields.h"
#include "gateway/http/reply.h"
#include "gateway/query/columns.h"
#include "gateway/query/timeline.h"

enum {
    ADMIN_USERS,
    ADMIN_LOG,
    ADMIN_LOG_OF_ACTOR,
    ADMIN_LOG_OF_ACTION,
    ADMIN_LOG_OF_SUBJECT,
    ADMIN_BAN,
    ADMIN_BAN_SALES,
    ADMIN_UNBAN,
    ADMIN_ROLE,
    ADMIN_CHANGED,
    ADMIN_COUNT
};

enum {
    REASON_MOST = 500, /* characters */
    FILTER_SIZE = 256,
    FILTERS_MAX = 5,
    CHANGE_HOLD = 8,    /* index of $9 */
    CHANGE_VALUES = 10, /* then those of one statement */
};

#define USER_COLUMNS(u)                                                                                                \
    u ".id, " u ".email, " u ".display_name, " u ".role, " COLUMNS_MS(u ".created_at") ", " COLUMNS_MS(u ".banned_"    \
                                                                                                         "at")

/* What a change of a user answers: the user, then the id also if the change was refused, then the user's state. */
#define CHANGED(from) "SELECT " USER_COLUMNS("c") ", b.id, " CREDENTIALS_USER_COLUMNS("c.") " FROM " from

/*
 * $1 user, $2 now, $3 id of the entry, $4 admin, $5 address, $6 agent, $7 request, $8 reason, $9 and $10 of
 * creation_hold. An act that would leave no admin has an entry, too.
 */
#define NOTE(action, member, column)                                                                                   \
    " noted AS (" AUDIT_INSERT " SELECT $3, $2, $4, $5, $6, $7,"                                                       \
    " CASE WHEN c.id IS NULL THEN 'LAST_ADMIN_KEPT' ELSE '" action "' END, $1::uuid::text,"                            \
    " CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('" member "', b." column ") END,"                             \
    " CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('" member "', c." column ") END, $8"                          \
    " FROM before b LEFT JOIN changed c ON c.id = b.id)," CREATION_BOUND(                                              \
        "$4", "$9", "$10", "200", "changed") " " CHANGED("before b LEFT JOIN changed c ON c.id = b.id")

#define FOUND " found AS (SELECT id, role, banned_at FROM users WHERE id = $1 AND erased_at IS NULL"
#define BEFORE                                                                                                         \
    " FOR UPDATE)," CREATION_HELD("$4", "$9", "$10",                                                                   \
                                  "found") ", before AS (SELECT * FROM found WHERE" CREATION_MAY_ACT("$9") "),"

/*
 * The admins are locked in the order of their ids, so that two cannot ban each other at once. At least one admin stays
 * without a ban. Counting them locks them before the user, who may be an admin too. No row: no such user. A row of
 * nulls: refused.
 */
#define LOCK_ADMINS                                                                                                    \
    "WITH admins AS (SELECT id FROM users WHERE role = 'admin' AND banned_at IS NULL ORDER BY id FOR UPDATE)," FOUND   \
    " AND (SELECT count(*) FROM admins) >= 0" BEFORE

/*
 * Ids of the audit log begin with the time of their program's clock. So a time bounds them, with the hour that
 * audit_floor has for wrong clocks; the condition on `at` is exact.
 */
#define LOG_FROM(time)                                                                                                 \
    "CASE WHEN " time "::timestamptz > '1970-01-02' THEN audit_floor(" time ") ELSE " LOG_FIRST_ID " END"
#define LOG_TO(time)                                                                                                   \
    "CASE WHEN " time "::timestamptz IS NULL THEN " TIMELINE_LAST_ID " ELSE audit_floor(greatest(" time                \
    ", '1970-01-02') + interval '2 hours') END"
#define LOG_FIRST_ID "'00000000-0000-0000-0000-000000000000'"

/* `of`: conditions for which there is an index. */
#define LOG(of)                                                                                                        \
    "SELECT id, " COLUMNS_MS("at") ", actor_id, action, subject, old_value, new_value, reason, address, agent,"        \
                                   " request_id FROM audit_log WHERE " of                                              \
                                   " AND id < CASE WHEN $1::text IS NULL THEN " TIMELINE_LAST_ID " ELSE $2::uuid END"  \
                                   " AND ($4::uuid IS NULL OR actor_id = $4) AND ($5::text IS NULL OR action = $5)"    \
                                   " AND ($6::text IS NULL OR subject = $6) AND ($7::timestamptz IS NULL OR at >= $7)" \
                                   " AND ($8::timestamptz IS NULL OR at < $8) ORDER BY id DESC LIMIT $3"

/* Lists: $1 key of the cursor, $2 id of the cursor, $3 limit, then the filters (NULL: not given). */
static const struct pg_statement list[] = {
    [ADMIN_USERS] = {"admin_users",
                     "SELECT " USER_COLUMNS(
                         "u") " FROM users u"
                              " WHERE (u.created_at, u.id) " TIMELINE_BEFORE(
                                  "$1", "$2") " AND ($4::text IS NULL OR strpos(lower(u.email), lower($4)) > 0"
                                              "  OR strpos(lower(u.display_name), lower($4)) > 0)"
                                              " AND ($5::text IS NULL OR u.role = $5)"
                                              " AND ($6::boolean IS NULL OR (u.banned_at IS NOT NULL) = $6)"
                                              " ORDER BY u.created_at DESC, u.id DESC LIMIT $3"},
    [ADMIN_LOG] = {"admin_log", LOG("id >= " LOG_FROM("$7") " AND id < " LOG_TO("$8"))},
    [ADMIN_LOG_OF_ACTOR] = {"admin_log_of_actor", LOG("actor_id = $4")},
    [ADMIN_LOG_OF_ACTION] = {"admin_log_of_action", LOG("action = $5")},
    [ADMIN_LOG_OF_SUBJECT] = {"admin_log_of_subject", LOG("subject = $6")},
    /* $11 to $13 of ban_leaves.h */
    [ADMIN_BAN] = {"admin_ban", LOCK_ADMINS
                   " changed AS (UPDATE users u SET banned_at = coalesce(u.banned_at, $2) FROM before b"
                   "  WHERE u.id = b.id AND (b.role <> 'admin' OR EXISTS (SELECT FROM admins a WHERE a.id <> b.id))"
                   "  RETURNING u.*)," BAN_LEAVES_INSERT("$11", "$12", "$13", "changed")
                       NOTE("USER_BANNED", "bannedAt", "banned_at")},
    [ADMIN_BAN_SALES] = {"admin_ban_sales", BAN_LEAVES_SALES},
    [ADMIN_UNBAN] = {"admin_unban", "WITH" FOUND BEFORE
                                    " changed AS (UPDATE users u SET banned_at = NULL FROM before b WHERE u.id = b.id"
                                    "  RETURNING u.*)," NOTE("USER_UNBANNED", "bannedAt", "banned_at")},
    /* $11 the role */
    [ADMIN_ROLE] = {"admin_role", LOCK_ADMINS
                    " changed AS (UPDATE users u SET role = $11 FROM before b WHERE u.id = b.id"
                    "  AND ($11 = 'admin' OR b.role <> 'admin' OR EXISTS (SELECT FROM admins a WHERE a.id <> b.id))"
                    "  RETURNING u.*)," NOTE("USER_ROLE_CHANGED", "role", "role")},
    /* The user after an earlier change. $1 user */
    [ADMIN_CHANGED] = {"admin_changed",
                       CHANGED("users c JOIN users b ON b.id = c.id WHERE c.id = $1 AND c.erased_at IS NULL")},
};
static_assert(ARRAY_LEN(list) == ADMIN_COUNT, "each statement has its entry");

struct statements admin_statements = {list, ARRAY_LEN(list), 0};

static const struct admin_context *context_of(const struct request *request)
{
    return request->context;
}

/* ---- lists ---- */

/* How the text of a filter is checked. */
enum filter_kind { FILTER_TEXT, FILTER_UUID, FILTER_TIME, FILTER_BOOL, FILTER_ROLE };

struct filter {
    const char *name;
    enum filter_kind kind;
};

struct admin_list {
    struct timeline timeline;
    size_t filter_count;
    struct filter filters[FILTERS_MAX];
};

enum {
    USER_ID,
    USER_EMAIL,
    USER_NAME,
    USER_ROLE,
    USER_CREATED,
    USER_BANNED,
    USER_FOUND, /* of a change: id of the user, also if it was refused */
    USER_STATE  /* of a change: CREDENTIALS_USER_COLUMNS */
};

static void write_user(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    (void)request;
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, row, USER_ID));
    jsonw_put_string(json, "email", pg_text(result, row, USER_EMAIL));
    jsonw_put_string(json, "displayName", pg_text(result, row, USER_NAME));
    jsonw_put_string(json, "role", pg_text(result, row, USER_ROLE));
    jsonw_put_time(json, "createdAt", pg_int(result, row, USER_CREATED));
    columns_put_time(json, "bannedAt", result, row, USER_BANNED);
    jsonw_end_object(json);
}

enum {
    LOG_ID,
    LOG_AT,
    LOG_ACTOR,
    LOG_ACTION,
    LOG_SUBJECT,
    LOG_OLD,
    LOG_NEW,
    LOG_REASON,
    LOG_ADDRESS,
    LOG_AGENT,
    LOG_REQUEST
};

static void put_document(struct jsonw *json, const char *name, const PGresult *result, int row, int column)
{
    const char *text = pg_text(result, row, column);
    if (pg_null(result, row, column)) {
        jsonw_put_null(json, name);
    } else {
        jsonw_name(json, name);
        jsonw_raw(json, text, strlen(text));
    }
}

static void write_entry(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    bool known = !pg_null(result, row, LOG_ACTOR);
    (void)request;
    jsonw_object(json);
    jsonw_put_string(json, "id", pg_text(result, row, LOG_ID));
    jsonw_put_time(json, "at", pg_int(result, row, LOG_AT));
    jsonw_put_string(json, "actorId", known ? pg_text(result, row, LOG_ACTOR) : NULL);
    jsonw_put_string(json, "action", pg_text(result, row, LOG_ACTION));
    jsonw_put_string(json, "subject", pg_text(result, row, LOG_SUBJECT));
    put_document(json, "oldValue", result, row, LOG_OLD);
    put_document(json, "newValue", result, row, LOG_NEW);
    jsonw_put_string(json, "reason", pg_text(result, row, LOG_REASON));
    jsonw_put_string(json, "address", pg_text(result, row, LOG_ADDRESS));
    jsonw_put_string(json, "userAgent", pg_text(result, row, LOG_AGENT));
    jsonw_put_string(json, "requestId", pg_text(result, row, LOG_REQUEST));
    jsonw_end_object(json);
}

static const struct admin_list users_list = {
    .timeline = {.statements = &admin_statements,
                 .statement = ADMIN_USERS,
                 .everyones = true,
                 .tag = "admin-users",
                 .key_column = USER_CREATED,
                 .write = write_user},
    .filter_count = 3,
    .filters = {{"q", FILTER_TEXT}, {"role", FILTER_ROLE}, {"banned", FILTER_BOOL}},
};

#define LOG_LIST(number)                                                                                               \
    {                                                                                                                  \
        .timeline = {.statements = &admin_statements,                                                                  \
                     .statement = (number),                                                                            \
                     .everyones = true,                                                                                \
                     .tag = "admin-log",                                                                               \
                     .key_column = LOG_AT,                                                                             \
                     .write = write_entry},                                                                            \
        .filter_count = 5, .filters = {                                                                                \
            {"actorId", FILTER_UUID},                                                                                  \
            {"action", FILTER_TEXT},                                                                                   \
            {"subject", FILTER_TEXT},                                                                                  \
            {"from", FILTER_TIME},                                                                                     \
            {"to", FILTER_TIME}                                                                                        \
        }                                                                                                              \
    }
static const struct admin_list log_list = LOG_LIST(ADMIN_LOG);

/* The filters with an index, the one that leaves the fewest entries first. */
static const struct {
    const char *filter;
    struct admin_list list;
} log_lists[] = {
    {"subject", LOG_LIST(ADMIN_LOG_OF_SUBJECT)},
    {"actorId", LOG_LIST(ADMIN_LOG_OF_ACTOR)},
    {"action", LOG_LIST(ADMIN_LOG_OF_ACTION)},
};

static void check_filter(const struct filter *filter, const char *text, struct field_errors *field_errors)
{
    struct uuid id;
    int64_t ms = 0;
    if (text[0] == '\x01') {
        field_errors_add_one(field_errors, filter->name, FIELD_INVALID_TEXT, parameter_number("max", FILTER_SIZE - 1));
    } else if (filter->kind == FILTER_UUID && !uuid_parse(text, strlen(text), &id)) {
        field_errors_add(field_errors, filter->name, FIELD_NOT_A_UUID);
    } else if (filter->kind == FILTER_TIME && !clock_parse(text, &ms)) {
        field_errors_add(field_errors, filter->name, FIELD_NOT_A_TIME);
    } else if (filter->kind == FILTER_BOOL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        field_errors_add(field_errors, filter->name, FIELD_NOT_A_BOOLEAN);
    } else if (filter->kind == FILTER_ROLE && strcmp(text, "user") != 0 && strcmp(text, "admin") != 0) {
        field_errors_add_one(field_errors, filter->name, FIELD_UNKNOWN_VALUE, parameter_words("allowed", "user admin"));
    }
}

static void show(struct request *request, const struct admin_list *which)
{
    struct field_errors field_errors = {.count = 0};
    char texts[FILTERS_MAX][FILTER_SIZE];
    const char *values[FILTERS_MAX] = {NULL};
    for (size_t i = 0; i < which->filter_count; i++) {
        if (request_query(request, which->filters[i].name, texts[i], FILTER_SIZE)) {
            check_filter(&which->filters[i], texts[i], &field_errors);
            values[i] = texts[i];
        }
    }
    timeline_reply(context_of(request)->pg, request, &which->timeline, &field_errors, which->filter_count, values);
}

static void handle_users(struct request *request)
{
    show(request, &users_list);
}

static void handle_log(struct request *request)
{
    char text[FILTER_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(log_lists); i++) {
        if (request_query(request, log_lists[i].filter, text, sizeof(text))) {
            show(request, &log_lists[i].list);
            return;
        }
    }
    show(request, &log_list);
}

/* ---- bans and roles ---- */

struct user_change {
    size_t statement;
    const char *reason;
    const char *role;   /* NULL: the statement has none */
    struct jsonw *user; /* after the statement, shown once Redis is updated */
};

static void show_changed(struct request *request)
{
    struct user_change *user_change = request->handler_state;
    size_t length = 0;
    const char *text = jsonw_text(user_change->user, &length);
    if (text == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        jsonw_raw(reply_json(request), text, length);
        reply_send(request, 200);
    }
}

static void end_change(struct request *request, bool ok)
{
    struct user_change *user_change = request->handler_state;
    struct jsonw *user = user_change->user;
    if (ok) {
        show_changed(request);
    } else {
        reply_error(request, ERROR_UNAVAILABLE); /* a retry completes it */
    }
    jsonw_free(user);
}

static void on_copied(const redisReply *reply, void *arg)
{
    end_change(arg, reply != NULL && reply->type == REDIS_REPLY_INTEGER);
}

/* Continues even after the deadline has answered the client: Redis must agree with PostgreSQL. */
static void on_changed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct user_change *user_change = request->handler_state;
    if (reply->outcome != PG_OK && !statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_NOT_FOUND);
        return;
    }
    if (pg_null(reply->result, 0, USER_ID)) {
        reply_error(request, ERROR_LAST_ADMIN);
        return;
    }
    user_change->user = jsonw_new();
    if (user_change->user == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    write_user(user_change->user, request, reply->result, 0);
    const struct credentials_user user = credentials_user(reply->result, 0, USER_STATE);
    if (!sessions_revoked(request->access, &user, NULL, on_copied, request)) {
        end_change(request, false);
    }
}

/* An earlier request with the key has changed the row. Its copy in Redis may be missing. */
static void repeat_change(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->parameters[0], id);
    if (!statements_query(context_of(request)->pg, &admin_statements, ADMIN_CHANGED, ARRAY_LEN(values), values,
                          on_changed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

/* `more` are the last `count` parameters of the statement. */
static void change_with(struct request *request, int count, const char *const *more)
{
    const struct user_change *user_change = request->handler_state;
    struct audit_origin origin;
    char id[UUID_TEXT_SIZE];
    audit_origin_read(request, &origin);
    uuid_format(&request->parameters[0], id);
    const char *values[CHANGE_VALUES + BAN_LEAVES_VALUES] = {
        id, origin.at, origin.id, origin.actor, request->address, origin.agent, request->id, user_change->reason,
    };
    creation_hold(request, values + CHANGE_HOLD);
    for (int i = 0; i < count; i++) {
        values[CHANGE_VALUES + i] = more[i];
    }
    if (!statements_query(context_of(request)->pg, &admin_statements, user_change->statement, CHANGE_VALUES + count,
                          values, on_changed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_sales(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    struct ban_leaves leaves = {.exchanges = {.failed = false}};
    const char *values[BAN_LEAVES_VALUES];
    if (!statements_usable(request, reply)) {
        return;
    }
    if (ban_leaves_make(&leaves, context_of(request)->deployment, request, reply->result, values)) {
        change_with(request, BAN_LEAVES_VALUES, values);
    } else {
        reply_error(request, ERROR_UNAVAILABLE);
    }
    ban_leaves_free(&leaves);
}

static void change_user(struct request *request)
{
    const struct user_change *user_change = request->handler_state;
    char id[UUID_TEXT_SIZE];
    const char *values[] = {id};
    uuid_format(&request->parameters[0], id);
    if (user_change->statement != ADMIN_BAN) {
        change_with(request, user_change->role == NULL ? 0 : 1, &user_change->role);
    } else if (!statements_query(context_of(request)->pg, &admin_statements, ADMIN_BAN_SALES, ARRAY_LEN(values), values,
                                 on_sales, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void begin_change(struct request *request, const struct user_change *change)
{
    struct user_change *user_change = request_handler_state(request, sizeof(*user_change));
    if (user_change == NULL) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    *user_change = *change;
    creation_begin_act(request, repeat_change, change_user);
}

static void change_ban(struct request *request, size_t statement)
{
    static const char *const known[] = {"reason", NULL};
    struct field_errors field_errors = {.count = 0};
    struct user_change change = {.statement = statement};
    fields_known(request->body, known, &field_errors);
    (void)fields_text(request->body, "reason", FIELDS_REQUIRED, 1, REASON_MOST, &change.reason, &field_errors);
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    begin_change(request, &change);
}

static void handle_role(struct request *request)
{
    static const char *const known[] = {"role", "reason", NULL};
    struct field_errors field_errors = {.count = 0};
    struct user_change change = {.statement = ADMIN_ROLE};
    fields_known(request->body, known, &field_errors);
    (void)fields_text(request->body, "reason", FIELDS_REQUIRED, 1, REASON_MOST, &change.reason, &field_errors);
    if (fields_text(request->body, "role", FIELDS_REQUIRED, 1, REASON_MOST, &change.role, &field_errors) &&
        strcmp(change.role, "user") != 0 && strcmp(change.role, "admin") != 0) {
        field_errors_add_one(&field_errors, "role", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "user admin"));
    }
    if (field_errors.count > 0) {
        reply_field_errors(request, &field_errors);
        return;
    }
    begin_change(request, &change);
}

static void handle_ban(struct request *request)
{
    change_ban(request, ADMIN_BAN);
}

static void handle_unban(struct request *request)
{
    change_ban(request, ADMIN_UNBAN);
}

const struct route admin_routes[] = {
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/users", handle_users, LIMIT_NONE, ROUTE_NO_BODY,
     "q role banned limit cursor"},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/users/:id/ban", handle_ban, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_POST, ROUTE_ADMIN, "/api/v1/admin/users/:id/unban", handle_unban, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_PUT, ROUTE_ADMIN, "/api/v1/admin/users/:id/role", handle_role, LIMIT_NONE, ROUTE_JSON_BODY, NULL},
    {METHOD_GET, ROUTE_ADMIN, "/api/v1/admin/audit-logs", handle_log, LIMIT_NONE, ROUTE_NO_BODY,
     "actorId action subject from to limit cursor"},
    {0},
};
