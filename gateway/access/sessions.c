/*
 * See sessions.h.
 */
#include "gateway/access/sessions.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "common/protocol/message.h"
#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/http/reply.h"

enum { NUMBER_SIZE = 24, HASH_HALF = 16 };

enum { SESSIONS_BEGIN, SESSIONS_END, SESSIONS_LIST, SESSIONS_RAISE, SESSIONS_COUNT };

static const struct pg_statement list[] = {
    /*
     * $1 user, $2 epoch of the user, $3 id, $4 now, $5 lifetime in s. $6 address, $7 user agent, $8 sessions to keep,
     * $9 hash of the refresh token, NULL: none. The lock of the user's row comes first: a change of the epoch at the
     * same time is either seen here, or ends the new session. No row: the epoch is another one.
     */
    [SESSIONS_BEGIN] =
        {"sessions_begin",
         "WITH u AS (SELECT id, epoch FROM users WHERE id = $1 AND epoch = $2 AND banned_at IS NULL"
         "  FOR SHARE),"
         " former AS (DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s JOIN u ON u.id ="
         "  s.user_id ORDER BY s.created_at DESC, s.id DESC OFFSET $8::integer) RETURNING id),"
         " made AS (INSERT INTO sessions (id, user_id, epoch, sessions_from, created_at, expires_at,"
         "  address, agent, refresh_hash) SELECT $3::uuid, u.id, u.epoch, t.sessions_from, $4::timestamptz,"
         "  $4::timestamptz + $5::integer * interval '1 second', $6, $7, $9 FROM u, data_timeline t"
         "  RETURNING *)"
         " SELECT " CREDENTIALS_SESSION_COLUMNS(
             "made.") ", (SELECT replace(id::text, '-', '') FROM former LIMIT 1) FROM made"},
    [SESSIONS_END] = {"sessions_end", "DELETE FROM sessions WHERE user_id = $1 AND id = $2 RETURNING id"},
    [SESSIONS_LIST] = {"sessions_list", "SELECT s.id, (extract(epoch FROM s.created_at) * 1000)::bigint,"
                                        " (extract(epoch FROM s.expires_at) * 1000)::bigint, s.address, s.agent"
                                        " FROM sessions s JOIN users u ON u.id = s.user_id AND u.epoch = s.epoch"
                                        " JOIN data_timeline t ON t.sessions_from = s.sessions_from"
                                        " WHERE s.user_id = $1 AND s.expires_at > now()"
                                        " ORDER BY s.created_at DESC, s.id DESC LIMIT $2::integer"},
    /* A trigger ends the sessions of former epochs. */
    [SESSIONS_RAISE] =
        {"sessions_raise",
         "WITH u AS (UPDATE users SET epoch = user_epoch_after(epoch) WHERE id = $1 RETURNING *)," AUDIT_OWN(
             "LOGGED_OUT_EVERYWHERE", "u", "$2", "$3", "$4", "$5",
             "$6") " SELECT " CREDENTIALS_USER_COLUMNS("") " FROM u"},
};
static_assert(ARRAY_LEN(list) == SESSIONS_COUNT, "each statement has its entry");

struct statements sessions_statements = {list, ARRAY_LEN(list), 0};

void sessions_recheck(struct redis *redis, const struct uuid *user)
{
    char channel[KEYS_SIZE];
    const struct user_signal user_signal = {.kind = USER_SIGNAL_CHECK};
    struct jsonw *json = jsonw_new(); /* the writer of replies may be in use */
    if (json != NULL) {
        message_write_user_signal(json, &user_signal);
    }
    keys_user_channel(user, channel);
    const char *const arguments[] = {"PUBLISH", channel, json == NULL ? NULL : jsonw_text(json, NULL)};
    if (arguments[2] == NULL || !redis_command(redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("the check of a user's connections was not published: out of memory or no connection to Redis");
    }
    jsonw_free(json);
}

bool sessions_revoked(const struct access *access, const struct credentials_user *user,
                      const struct credentials_session *kept, redis_callback callback, void *arg)
{
    if (!credentials_store(access, user, kept, callback, arg)) {
        return false;
    }
    sessions_recheck(access->redis, &user->id);
    return true;
}

/* ---- begin ---- */

struct beginning {
    struct request *request;
    struct credentials_user user;
    sessions_done done;
    void *arg;
};

/* Best effort: a copy that is missing is loaded, and one that is too many is found after credentials_age_s. */
static void copy_new(const struct beginning *beginning, const struct credentials_session *session, const char *former)
{
    const struct access *access = beginning->request->access;
    bool copied = credentials_store(access, &beginning->user, session, NULL, NULL);
    if (former[0] != '\0') {
        copied = credentials_mark_ended(access, &beginning->user.id, former, NULL, NULL) && copied;
        sessions_recheck(access->redis, &beginning->user.id);
    }
    if (!copied) {
        log_debug("a new session was not copied: no connection to Redis");
    }
}

static void on_begun(const struct pg_reply *reply, void *arg)
{
    struct beginning *beginning = arg;
    struct request_user *user = &beginning->request->user;
    enum sessions_outcome outcome = SESSIONS_UNAVAILABLE;
    if (reply->outcome == PG_OK && PQntuples(reply->result) == 0) {
        outcome = SESSIONS_NONE;
    } else if (reply->outcome == PG_OK) {
        struct credentials_session session = credentials_session(reply->result, 0, 0);
        const char *former = pg_null(reply->result, 0, CREDENTIALS_SESSION_COLUMN_COUNT)
                                 ? ""
                                 : pg_text(reply->result, 0, CREDENTIALS_SESSION_COLUMN_COUNT);
        (void)snprintf(session.hash, sizeof(session.hash), "%s", user->session);
        user->epoch = session.epoch;
        user->ends_ms = session.ends_ms;
        copy_new(beginning, &session, former);
        outcome = SESSIONS_DONE;
    } else if (reply->outcome == PG_FAILED) {
        log_error("a session cannot be written: %s %s", reply->sqlstate, reply->message);
    }
    beginning->done(outcome, beginning->arg);
    free(beginning);
}

bool sessions_begin(struct request *request, const struct credentials_user *user, const char *refresh_hash,
                    sessions_done done, void *arg)
{
    struct audit_origin origin;
    char id[UUID_TEXT_SIZE];
    char epoch[NUMBER_SIZE];
    char now[CLOCK_TEXT_SIZE];
    char life[NUMBER_SIZE];
    char kept[NUMBER_SIZE];
    struct beginning *beginning = calloc(1, sizeof(*beginning));
    if (beginning == NULL) {
        return false;
    }
    *beginning = (struct beginning){request, *user, done, arg};
    audit_origin_read(request, &origin);
    uuid_format(&user->id, id);
    clock_format(clock_now_ms(), now);
    (void)snprintf(epoch, sizeof(epoch), "%" PRId64, user->epoch);
    (void)snprintf(life, sizeof(life), "%d", request->access->config->session_s);
    (void)snprintf(kept, sizeof(kept), "%d", SESSIONS_MAX - 1);
    const char *const values[] = {id,           epoch, request->user.session, now, life, request->address,
                                  origin.agent, kept,  refresh_hash};
    if (!statements_query(request->access->pg, &sessions_statements, SESSIONS_BEGIN, ARRAY_LEN(values), values,
                          on_begun, beginning)) {
        free(beginning);
        return false;
    }
    return true;
}

/* ---- end ---- */

struct ending {
    const struct access *access;
    struct uuid user;
    char hash[REQUEST_SESSION_SIZE];
    sessions_done done;
    void *arg;
};

static void finish_ending(struct ending *ending, enum sessions_outcome outcome)
{
    ending->done(outcome, ending->arg);
    free(ending);
}

static void on_marked(const redisReply *reply, void *arg)
{
    bool ok = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    finish_ending(arg, ok ? SESSIONS_DONE : SESSIONS_UNAVAILABLE);
}

static void on_deleted(const struct pg_reply *reply, void *arg)
{
    struct ending *ending = arg;
    bool found = reply->outcome == PG_OK && PQntuples(reply->result) > 0;
    if (found && credentials_mark_ended(ending->access, &ending->user, ending->hash, on_marked, ending)) {
        sessions_recheck(ending->access->redis, &ending->user);
    } else {
        finish_ending(ending, found || reply->outcome != PG_OK ? SESSIONS_UNAVAILABLE : SESSIONS_NONE);
    }
}

bool sessions_end(const struct access *access, const struct uuid *user, const char *hash, sessions_done done, void *arg)
{
    char id[UUID_TEXT_SIZE];
    const char *const values[] = {id, hash};
    struct ending *ending = calloc(1, sizeof(*ending));
    if (ending == NULL) {
        return false;
    }
    *ending = (struct ending){.access = access, .user = *user, .done = done, .arg = arg};
    (void)snprintf(ending->hash, sizeof(ending->hash), "%s", hash);
    uuid_format(user, id);
    if (!statements_query(access->pg, &sessions_statements, SESSIONS_END, ARRAY_LEN(values), values, on_deleted,
                          ending)) {
        free(ending);
        return false;
    }
    return true;
}

/* ---- the routes ---- */

/* The id of a session as the hash of its token: 32 hexadecimal digits. */
static void id_as_hash(const struct uuid *id, char out[static REQUEST_SESSION_SIZE])
{
    for (size_t i = 0; i < HASH_HALF; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", id->bytes[i]);
    }
}

static void write_session(struct jsonw *json, const struct request *request, const PGresult *result, int row)
{
    enum { ID, CREATED, EXPIRES, ADDRESS, AGENT };
    char hash[REQUEST_SESSION_SIZE];
    struct uuid id = pg_uuid(result, row, ID);
    id_as_hash(&id, hash);
    jsonw_object(json);
    jsonw_put_uuid(json, "id", &id);
    jsonw_put_bool(json, "current", strcmp(hash, request->user.session) == 0);
    jsonw_put_time(json, "createdAt", pg_int(result, row, CREATED));
    jsonw_put_time(json, "expiresAt", pg_int(result, row, EXPIRES));
    jsonw_put_string(json, "address", pg_text(result, row, ADDRESS));
    jsonw_put_string(json, "userAgent", pg_text(result, row, AGENT));
    jsonw_end_object(json);
}

static void on_listed(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (!statements_usable(request, reply)) {
        return;
    }
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_name(json, "items");
    jsonw_array(json);
    for (int row = 0; row < PQntuples(reply->result); row++) {
        write_session(json, request, reply->result, row);
    }
    jsonw_end_array(json);
    jsonw_put_null(json, "nextCursor"); /* one page holds them all */
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void handle_list(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    char most[NUMBER_SIZE];
    const char *const values[] = {id, most};
    uuid_format(&request->user.id, id);
    (void)snprintf(most, sizeof(most), "%d", SESSIONS_MAX);
    if (!statements_query(request->access->pg, &sessions_statements, SESSIONS_LIST, ARRAY_LEN(values), values,
                          on_listed, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_ended(enum sessions_outcome outcome, void *arg)
{
    struct request *request = arg;
    if (outcome == SESSIONS_DONE) {
        reply_empty(request, 204);
    } else {
        reply_error(request, outcome == SESSIONS_NONE ? ERROR_NOT_FOUND : ERROR_UNAVAILABLE);
    }
}

static void handle_end(struct request *request)
{
    char hash[REQUEST_SESSION_SIZE];
    id_as_hash(&request->parameters[0], hash);
    if (!sessions_end(request->access, &request->user.id, hash, on_ended, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_all_ended(const redisReply *reply, void *arg)
{
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        reply_error(arg, ERROR_UNAVAILABLE); /* ended in PostgreSQL; Redis may keep copies for credentials_age_s */
    } else {
        reply_empty(arg, 204);
    }
}

/* Continues even if the client was answered at the deadline, because the sessions have ended. */
static void on_raised(const struct pg_reply *reply, void *arg)
{
    struct request *request = arg;
    if (reply->outcome != PG_OK && !statements_usable(request, reply)) {
        return;
    }
    if (PQntuples(reply->result) == 0) {
        reply_error(request, ERROR_UNAUTHORIZED);
        return;
    }
    const struct credentials_user user = credentials_user(reply->result, 0, 0);
    if (!sessions_revoked(request->access, &user, NULL, on_all_ended, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void handle_end_all(struct request *request)
{
    char id[UUID_TEXT_SIZE];
    struct audit_origin origin;
    const char *values[1 + AUDIT_VALUES] = {id};
    uuid_format(&request->user.id, id);
    audit_values(request, &origin, values + 1);
    if (!statements_query(request->access->pg, &sessions_statements, SESSIONS_RAISE, ARRAY_LEN(values), values,
                          on_raised, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route sessions_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/sessions", handle_list, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_DELETE, ROUTE_USER, "/api/v1/users/me/sessions", handle_end_all, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_DELETE, ROUTE_USER, "/api/v1/users/me/sessions/:id", handle_end, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
