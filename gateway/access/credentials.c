/*
 * See credentials.h.
 */
#include "gateway/access/credentials.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/core/scripts.h"

enum { CREDENTIALS_LOAD, CREDENTIALS_COUNT };
enum { NUMBER_SIZE = 24, USER_VALUE_SIZE = 48, SESSION_VALUE_SIZE = 128, USER_LIFE_S = 86400 };

/* Columns of CREDENTIALS_LOAD. */
enum {
    LOAD_USER,
    LOAD_SESSION = LOAD_USER + CREDENTIALS_USER_COLUMN_COUNT,
    LOAD_CURRENT = LOAD_SESSION + CREDENTIALS_SESSION_COLUMN_COUNT
};

static const struct pg_statement list[] = {
    /* $1 user, $2 session. The last column: the session belongs to the present epoch of the deployment. */
    [CREDENTIALS_LOAD] = {"credentials_load",
                          "SELECT " CREDENTIALS_USER_COLUMNS("u.") ", " CREDENTIALS_SESSION_COLUMNS(
                              "s.") ","
                                    " s.sessions_from = t.sessions_from FROM users u CROSS JOIN data_timeline t"
                                    " LEFT JOIN sessions s ON s.id = $2 AND s.user_id = u.id AND s.expires_at > now()"
                                    " WHERE u.id = $1"},
};
static_assert(ARRAY_LEN(list) == CREDENTIALS_COUNT, "each statement has its entry");

struct statements credentials_statements = {list, ARRAY_LEN(list), 0};

/*
 * KEYS: 1 user; optionally 2 session. ARGV: 1 value of the user, 2 the user's epoch, 3 lifetime in s, 4 value of the
 * session, 5 its lifetime in s. A session that was marked as ended stays so.
 */
const struct redis_script credentials_script = {
    "credentials", "local held = string.match(redis.call('GET', KEYS[1]) or '', '^%d+') or 0\n"
                   "if tonumber(ARGV[2]) >= tonumber(held) then\n"
                   "  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])\n"
                   "end\n"
                   "if KEYS[2] then\n"
                   "  local session = redis.call('GET', KEYS[2]) or ''\n"
                   "  local former = string.match(session, '^(%d+) %d+ %d+ %d+$') or 0\n"
                   "  local epoch = string.match(ARGV[4], '^%d+') or 0\n"
                   "  if ARGV[4] == '-' or (session ~= '-' and tonumber(epoch) >= tonumber(former)) then\n"
                   "    redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[5])\n"
                   "  end\n"
                   "end\n"
                   "return 1\n"};

struct credentials_user credentials_user(const PGresult *result, int row, int column)
{
    return (struct credentials_user){
        .id = pg_uuid(result, row, column),
        .epoch = pg_int(result, row, column + 1),
        .admin = pg_bool(result, row, column + 2),
        .banned = pg_bool(result, row, column + 3),
    };
}

struct credentials_session credentials_session(const PGresult *result, int row, int column)
{
    return (struct credentials_session){
        .epoch = pg_int(result, row, column),
        .from_ms = pg_int(result, row, column + 1),
        .ends_ms = pg_int(result, row, column + 2),
    };
}

/* ---- copies in Redis ---- */

/* `value` is the session's, NULL: it is not copied. */
static bool store(const struct access *access, const struct credentials_user *user, const char *hash, const char *value,
                  int64_t life_s, redis_callback callback, void *arg)
{
    char keys[2][KEYS_SIZE];
    char state[USER_VALUE_SIZE];
    char epoch[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    char session_life[NUMBER_SIZE];
    const char *arguments[7];
    int count = 0;
    keys_user(access->deployment->epoch.number, &user->id, keys[0]);
    arguments[count++] = keys[0];
    if (value != NULL) {
        keys_session(&user->id, hash, keys[1]);
        arguments[count++] = keys[1];
    }
    int key_count = count;
    (void)snprintf(state, sizeof(state), "%" PRId64 " %s %d", user->epoch, user->admin ? "admin" : "user",
                   user->banned ? 1 : 0);
    (void)snprintf(epoch, sizeof(epoch), "%" PRId64, user->epoch);
    (void)snprintf(life, sizeof(life), "%d", USER_LIFE_S);
    (void)snprintf(session_life, sizeof(session_life), "%" PRId64, life_s < 1 ? 1 : life_s);
    arguments[count++] = state;
    arguments[count++] = epoch;
    arguments[count++] = life;
    if (value != NULL) {
        arguments[count++] = value;
        arguments[count++] = session_life;
    }
    return redis_call(access->redis, GATEWAY_SCRIPT_CREDENTIALS, callback, arg, key_count, count, arguments, NULL);
}

bool credentials_store(const struct access *access, const struct credentials_user *user,
                       const struct credentials_session *session, redis_callback callback, void *arg)
{
    char value[SESSION_VALUE_SIZE];
    int64_t now_ms = clock_now_ms();
    if (session == NULL) {
        return store(access, user, NULL, NULL, 0, callback, arg);
    }
    (void)snprintf(value, sizeof(value), "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, session->epoch,
                   session->from_ms, session->ends_ms, now_ms);
    return store(access, user, session->hash, value, (session->ends_ms - now_ms) / 1000, callback, arg);
}

bool credentials_mark_ended(const struct access *access, const struct uuid *user, const char *hash,
                            redis_callback callback, void *arg)
{
    char key[KEYS_SIZE];
    char life[NUMBER_SIZE];
    const char *const arguments[] = {"SET", key, "-", "EX", life};
    keys_session(user, hash, key);
    (void)snprintf(life, sizeof(life), "%d", access->config->access_token_s);
    return redis_command(access->redis, callback, arg, ARRAY_LEN(arguments), arguments, NULL);
}

/* ---- loading ---- */

struct load {
    const struct access *access;
    struct request_user user;
    credentials_loaded loaded;
    void *arg;
};

/* Copies to Redis what was read; a failure only means that it is read again. */
static void copy(const struct load *load, const struct credentials_user *user,
                 const struct credentials_session *session)
{
    bool sent = session != NULL ? credentials_store(load->access, user, session, NULL, NULL)
                                : store(load->access, user, load->user.session, "-",
                                        load->access->config->access_token_s, NULL, NULL);
    if (!sent) {
        log_debug("the state of a session was not copied: no connection to Redis");
    }
}

static struct credentials evaluate(const struct load *load, const PGresult *result)
{
    if (PQntuples(result) == 0) {
        return (struct credentials){.verdict = CREDENTIALS_ENDED};
    }
    const struct credentials_user user = credentials_user(result, 0, LOAD_USER);
    struct credentials_session session = credentials_session(result, 0, LOAD_SESSION);
    bool exists = !pg_null(result, 0, LOAD_SESSION) && pg_bool(result, 0, LOAD_CURRENT) && session.epoch == user.epoch;
    bool by_token = load->user.via == REQUEST_BY_ACCESS_TOKEN;
    (void)snprintf(session.hash, sizeof(session.hash), "%s", load->user.session);
    copy(load, &user, exists ? &session : NULL);
    if (user.banned) {
        return (struct credentials){.verdict = CREDENTIALS_BANNED};
    }
    if (!exists || (by_token && load->user.epoch != user.epoch)) {
        return (struct credentials){.verdict = CREDENTIALS_ENDED};
    }
    return (struct credentials){CREDENTIALS_VALID, user.admin, user.epoch, session.ends_ms};
}

static void on_loaded(const struct pg_reply *reply, void *arg)
{
    struct load *load = arg;
    struct credentials credentials = {.verdict = CREDENTIALS_UNKNOWN};
    if (reply->outcome == PG_OK) {
        credentials = evaluate(load, reply->result);
    } else if (reply->outcome == PG_FAILED) {
        log_error("a session cannot be read: %s %s", reply->sqlstate, reply->message);
    }
    if (load->loaded != NULL) {
        load->loaded(&credentials, load->arg);
    }
    free(load);
}

bool credentials_load(const struct access *access, const struct request_user *user, credentials_loaded loaded,
                      void *arg)
{
    char id[UUID_TEXT_SIZE];
    const char *const values[] = {id, user->session};
    struct load *load = calloc(1, sizeof(*load));
    if (load == NULL) {
        return false;
    }
    *load = (struct load){access, *user, loaded, arg};
    uuid_format(&user->id, id);
    if (!statements_query(access->pg, &credentials_statements, CREDENTIALS_LOAD, ARRAY_LEN(values), values, on_loaded,
                          load)) {
        free(load);
        return false;
    }
    return true;
}
