/*
 * See sessions.h. The scripts build the keys of a user's sessions from a prefix. All have the user's hash tag, so they
 * are on the same Redis node as KEYS[1].
 */
#include "gateway/access/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "common/protocol/message.h"
#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"

enum { NUMBER_SIZE = 24, VALUE_SIZE = 32, HASH_HALF = 16 };

/*
 * KEYS: the index. ARGV: 1 prefix, 2 hash, 3 role and start, 4 lifetime in s, 5 now in ms, 6 JSON, 7
 * maximum of sessions, 8 lifetime of a '-' in s. Removes expired sessions from the index and ends the oldest if there
 * are too many.
 */
const struct redis_script sessions_begin_script = {"session_begin",
                                                   "local all = redis.call('HGETALL', KEYS[1])\n"
                                                   "local count, oldest, at = 0, nil, nil\n"
                                                   "for i = 1, #all, 2 do\n"
                                                   "  if redis.call('EXISTS', ARGV[1] .. all[i]) == 0 then\n"
                                                   "    redis.call('HDEL', KEYS[1], all[i])\n"
                                                   "  else\n"
                                                   "    count = count + 1\n"
                                                   "    local began = tonumber(string.match(all[i + 1], '^%d+'))\n"
                                                   "    if not at or began < at then oldest, at = all[i], began end\n"
                                                   "  end\n"
                                                   "end\n"
                                                   "if count >= tonumber(ARGV[7]) then\n"
                                                   "  redis.call('HDEL', KEYS[1], oldest)\n"
                                                   "  redis.call('SET', ARGV[1] .. oldest, '-', 'EX', ARGV[8])\n"
                                                   "end\n"
                                                   "redis.call('SET', ARGV[1] .. ARGV[2], ARGV[3], 'EX', ARGV[4])\n"
                                                   "redis.call('HSET', KEYS[1], ARGV[2], ARGV[5] .. ' ' .. ARGV[6])\n"
                                                   "redis.call('EXPIRE', KEYS[1], ARGV[4])\n"
                                                   "return 1\n"};

/* KEYS: the index. ARGV: 1 prefix, 2 lifetime of a '-' in s, 3 hash, 4 enum sessions_which. */
const struct redis_script sessions_end_script = {
    "session_end", "local function finish(hash)\n"
                   "  redis.call('SET', ARGV[1] .. hash, '-', 'EX', ARGV[2])\n"
                   "  return redis.call('HDEL', KEYS[1], hash)\n"
                   "end\n"
                   "if ARGV[4] == '2' then\n"
                   "  local ended = 0\n"
                   "  for _, hash in ipairs(redis.call('HKEYS', KEYS[1])) do\n"
                   "    if hash ~= ARGV[3] then ended = ended + finish(hash) end\n"
                   "  end\n"
                   "  return ended\n"
                   "end\n"
                   "if ARGV[4] == '1' and redis.call('HEXISTS', KEYS[1], ARGV[3]) == 0 then return 0 end\n"
                   "return finish(ARGV[3])\n"};

/* KEYS: the index. ARGV: 1 prefix. Returns {hash, "began JSON", …} of the sessions that have not expired. */
const struct redis_script sessions_list_script = {"session_list",
                                                  "local all = redis.call('HGETALL', KEYS[1])\n"
                                                  "local out = {}\n"
                                                  "for i = 1, #all, 2 do\n"
                                                  "  if redis.call('EXISTS', ARGV[1] .. all[i]) == 1 then\n"
                                                  "    out[#out + 1] = all[i]\n"
                                                  "    out[#out + 1] = all[i + 1]\n"
                                                  "  end\n"
                                                  "end\n"
                                                  "return out\n"};

/* ---- beginning and ending ---- */

int64_t sessions_now_ms(const struct deployment *deployment)
{
    int64_t now_ms = clock_now_ms();
    return now_ms < deployment->epoch.sessions_from_ms ? deployment->epoch.sessions_from_ms : now_ms;
}

/* Describes a session to its owner, as a JSON object in the writer of replies; NULL if out of memory. */
static const char *describe(struct request *request, int64_t now_ms)
{
    struct audit_origin origin;
    struct jsonw *json = reply_json(request);
    audit_origin_read(request, &origin);
    jsonw_object(json);
    jsonw_put_time(json, "createdAt", now_ms);
    jsonw_put_time(json, "expiresAt", now_ms + INT64_C(1000) * request->access->config->session_s);
    jsonw_put_string(json, "address", request->address);
    jsonw_put_string(json, "userAgent", origin.agent);
    jsonw_end_object(json);
    return jsonw_text(json, NULL);
}

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

bool sessions_begin(struct request *request, const struct uuid *user, bool admin, redis_callback callback, void *arg)
{
    const struct config *config = request->access->config;
    char index[KEYS_SIZE];
    char prefix[KEYS_SIZE];
    char life[NUMBER_SIZE];
    char began[NUMBER_SIZE];
    char value[VALUE_SIZE];
    char most[NUMBER_SIZE];
    char after[NUMBER_SIZE];
    int64_t now_ms = sessions_now_ms(request->access->deployment);
    const char *description = describe(request, now_ms);
    keys_sessions(user, index);
    keys_session(user, "", prefix);
    (void)snprintf(life, sizeof(life), "%d", config->session_s);
    (void)snprintf(began, sizeof(began), "%lld", (long long)now_ms);
    (void)snprintf(value, sizeof(value), "%s %s", admin ? "admin" : "user", began);
    (void)snprintf(most, sizeof(most), "%d", SESSIONS_MAX);
    (void)snprintf(after, sizeof(after), "%d", config->access_token_s);
    const char *arguments[] = {index, prefix, request->user.session, value, life, began, description, most, after};
    if (description == NULL || !redis_call(request->access->redis, GATEWAY_SCRIPT_SESSION_BEGIN, callback, arg, 1,
                                           ARRAY_LEN(arguments), arguments, NULL)) {
        return false;
    }
    sessions_recheck(request->access->redis, user); /* it may have ended the oldest */
    return true;
}

bool sessions_end(const struct access *access, const struct sessions_end *end, redis_callback callback, void *arg)
{
    char index[KEYS_SIZE];
    char prefix[KEYS_SIZE];
    char after[NUMBER_SIZE];
    char which[NUMBER_SIZE];
    keys_sessions(end->user, index);
    keys_session(end->user, "", prefix);
    (void)snprintf(after, sizeof(after), "%d", access->config->access_token_s);
    (void)snprintf(which, sizeof(which), "%d", (int)end->which);
    const char *arguments[] = {index, prefix, after, end->hash, which};
    if (!redis_call(access->redis, GATEWAY_SCRIPT_SESSION_END, callback, arg, 1, ARRAY_LEN(arguments), arguments,
                    NULL)) {
        return false;
    }
    sessions_recheck(access->redis, end->user);
    return true;
}

/* ---- the routes ---- */

/* Formats 32 hexadecimal digits as a UUID; id_as_hash is the inverse. */
static bool hash_as_id(const char *hash, struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    int length =
        snprintf(text, sizeof(text), "%.8s-%.4s-%.4s-%.4s-%.12s", hash, hash + 8, hash + 12, hash + 16, hash + 20);
    return length == UUID_TEXT_SIZE - 1 && uuid_parse(text, (size_t)length, id);
}

static void id_as_hash(const struct uuid *id, char out[static REQUEST_SESSION_SIZE])
{
    for (size_t i = 0; i < HASH_HALF; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", id->bytes[i]);
    }
}

struct listed {
    int64_t began_ms;
    const char *hash;
    const char *text;
};

static int newest_first(const void *left, const void *right)
{
    const struct listed *a = left;
    const struct listed *b = right;
    return a->began_ms < b->began_ms ? 1 : -(a->began_ms > b->began_ms);
}

static void write_session(struct jsonw *json, const struct request *request, const char *hash, const char *text)
{
    struct uuid id;
    struct json *tree = json_parse(text, strlen(text), NULL);
    if (tree != NULL && strlen(hash) == REQUEST_SESSION_SIZE - 1 && hash_as_id(hash, &id)) {
        jsonw_object(json);
        jsonw_put_uuid(json, "id", &id);
        jsonw_put_bool(json, "current", strcmp(hash, request->user.session) == 0);
        for (const struct json *member = tree->child; member != NULL; member = member->next) {
            jsonw_name(json, member->name);
            jsonw_value(json, member);
        }
        jsonw_end_object(json);
    }
    json_free(tree);
}

static void on_listed(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct listed listed[SESSIONS_MAX];
    size_t count = 0;
    if (request_answered(request)) {
        reply_end(request);
        return;
    }
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY) {
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    for (size_t i = 0; i + 1 < reply->elements && count < SESSIONS_MAX; i += 2) {
        const char *text = reply->element[i + 1]->str;
        char *json = NULL;
        listed[count].began_ms = strtoll(text, &json, 10);
        listed[count].hash = reply->element[i]->str;
        listed[count++].text = json;
    }
    qsort(listed, count, sizeof(listed[0]), newest_first);
    struct jsonw *json = reply_json(request);
    jsonw_object(json);
    jsonw_name(json, "items");
    jsonw_array(json);
    for (size_t i = 0; i < count; i++) {
        write_session(json, request, listed[i].hash, listed[i].text);
    }
    jsonw_end_array(json);
    jsonw_put_null(json, "nextCursor"); /* one page holds them all */
    jsonw_end_object(json);
    reply_send(request, 200);
}

static void handle_list(struct request *request)
{
    char index[KEYS_SIZE];
    char prefix[KEYS_SIZE];
    keys_sessions(&request->user.id, index);
    keys_session(&request->user.id, "", prefix);
    const char *arguments[] = {index, prefix};
    if (!redis_call(request->access->redis, GATEWAY_SCRIPT_SESSION_LIST, on_listed, request, 1, ARRAY_LEN(arguments),
                    arguments, NULL)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

static void on_revoked(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else if (reply->integer == 0) {
        reply_error(request, ERROR_NOT_FOUND);
    } else {
        reply_empty(request, 204);
    }
}

static void handle_revoke(struct request *request)
{
    char hash[REQUEST_SESSION_SIZE];
    id_as_hash(&request->parameters[0], hash);
    const struct sessions_end end = {.user = &request->user.id, .which = SESSIONS_LISTED, .hash = hash};
    if (!sessions_end(request->access, &end, on_revoked, request)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

const struct route sessions_routes[] = {
    {METHOD_GET, ROUTE_USER, "/api/v1/users/me/sessions", handle_list, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_DELETE, ROUTE_USER, "/api/v1/users/me/sessions/:id", handle_revoke, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
