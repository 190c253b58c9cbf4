/*
 * See admission_call.h.
 */
#include "gateway/access/admission_call.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/limits.h"
#include "gateway/core/scripts.h"

enum { NUMBER_SIZE = 24, KEY_COUNT_MAX = 5, ARGUMENTS_MAX = 14 };

/*
 * KEYS: 1 session, 2 user, 3 counter; for a bid 4 its entry; with an idempotency key 5 the bid that has it.
 *
 * ARGV: 1 sessions_from of the deployment in ms, 2 the user's epoch in the access token (0: a session), 3 now in ms. 4
 * age in ms from which a copy of a session is loaded again, 5 maximum per window (0: no limit), 6 window in ms. For a
 * bid also 7 its id, 8 its JSON, 9 lifetime of its entry and key in ms.
 *
 * A copy that is missing, or older than another one, is loaded from PostgreSQL (verdict 7). The first request that
 * finds a copy too old passes, and loads it beside: so PostgreSQL may be away. The idempotency key is checked before
 * the limit, so a repetition does not count. Redis may lose one of entry and key: the other still does its part.
 *
 * Returns {verdict, used, ms until the window ends, "epoch role banned end reload", state, JSON}; the verdict is an
 * enum admission_verdict.
 */
const struct redis_script admission_script = {
    "user", "local found = redis.call('MGET', KEYS[1], KEYS[2])\n"
            "local user = found[2] or ''\n"
            "local epoch, banned = string.match(user, '^(%d+) %a+ (%d)$')\n"
            "if banned == '1' then return {3, 0, 0, ''} end\n"
            "if epoch and found[1] == '-' then return {2, 0, 0, ''} end\n"
            "local of, from, ends, copied = string.match(found[1] or '', '^(%d+) (%d+) (%d+) (%d+)$')\n"
            "if not epoch or not of then return {7, 0, 0, ''} end\n"
            "if of ~= epoch or from ~= ARGV[1] or (ARGV[2] ~= '0' and ARGV[2] ~= epoch) then\n"
            "  local older = tonumber(of) > tonumber(epoch) or tonumber(ARGV[2]) > tonumber(epoch) or\n"
            "                tonumber(from) > tonumber(ARGV[1])\n"
            "  return {older and 7 or 2, 0, 0, ''}\n"
            "end\n"
            "local now = tonumber(ARGV[3])\n"
            "local life = ends - now\n"
            "if life <= 0 then return {2, 0, 0, ''} end\n"
            "local reload = now - copied >= tonumber(ARGV[4])\n"
            "if reload then\n"
            "  redis.call('SET', KEYS[1], of .. ' ' .. from .. ' ' .. ends .. ' ' .. ARGV[3], 'PX', life)\n"
            "end\n"
            "user = user .. ' ' .. ends .. (reload and ' 1' or ' 0')\n"
            "if KEYS[5] then\n"
            "  local known = redis.call('MGET', KEYS[4], KEYS[5])\n"
            "  if known[2] and known[2] ~= ARGV[7] then return {5, 0, 0, user} end\n"
            "  if known[1] then return {6, 0, 0, user, string.sub(known[1], 1, 1), string.sub(known[1], 2)} end\n"
            "end\n"
            "local used, left = 0, 0\n"
            "if ARGV[5] ~= '0' then\n"
            "  used = redis.call('INCR', KEYS[3])\n"
            "  left = redis.call('PTTL', KEYS[3])\n"
            "  if left < 0 then\n"
            "    left = tonumber(ARGV[6])\n"
            "    redis.call('PEXPIRE', KEYS[3], left)\n"
            "  end\n"
            "  if used > tonumber(ARGV[5]) then return {4, used, left, user} end\n"
            "end\n"
            "if KEYS[4] then redis.call('SET', KEYS[4], 'a' .. ARGV[8], 'PX', ARGV[9]) end\n"
            "if KEYS[5] then redis.call('SET', KEYS[5], ARGV[7], 'PX', ARGV[9]) end\n"
            "return {0, used, left, user}\n"};

/*
 * KEYS: 1 a bid's entry; to release its idempotency key too, 2 that. ARGV: the entry's new state, or '' to delete all
 * KEYS. No effect unless the entry is in state a.
 */
const struct redis_script admission_mark_script = {"mark",
                                                   "if redis.call('GETRANGE', KEYS[1], 0, 0) ~= 'a' then return 0 end\n"
                                                   "if ARGV[1] == '' then return redis.call('DEL', unpack(KEYS)) end\n"
                                                   "redis.call('SETRANGE', KEYS[1], 0, ARGV[1])\n"
                                                   "return 1\n"};

/* Arguments of the script, and the texts that they point to. */
struct script_call {
    int key_count;
    int count;
    const char *arguments[ARGUMENTS_MAX];
    char keys[KEY_COUNT_MAX][KEYS_SIZE];
    char from[DECIMAL_SIZE];
    char epoch[DECIMAL_SIZE];
    char now[DECIMAL_SIZE];
    char age[NUMBER_SIZE];
    char most[NUMBER_SIZE];
    char window[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    char bid_id[UUID_TEXT_SIZE];
};

static void add(struct script_call *call, const char *argument)
{
    assert(call->count < ARGUMENTS_MAX);
    call->arguments[call->count++] = argument;
}

static void add_user(struct script_call *call, const struct access *access, const struct request_user *user)
{
    bool by_token = user->via == REQUEST_BY_ACCESS_TOKEN;
    (void)decimal_format(access->deployment->epoch.sessions_from_ms, call->from);
    (void)decimal_format(by_token ? user->epoch : 0, call->epoch);
    (void)decimal_format(clock_now_ms(), call->now);
    (void)snprintf(call->age, sizeof(call->age), "%d000", access->config->credentials_age_s);
    add(call, call->from);
    add(call, call->epoch);
    add(call, call->now);
    add(call, call->age);
}

static void add_limit(struct script_call *call, const struct access *access, enum limit limit)
{
    (void)snprintf(call->most, sizeof(call->most), "%d", limits_maximum(access, limit));
    (void)snprintf(call->window, sizeof(call->window), "%d000", limits_window_s(limit));
    add(call, call->most);
    add(call, call->window);
}

static void add_keys(struct script_call *call, const struct access *access, const struct request_user *user,
                     enum limit limit, const struct admission_bid *bid)
{
    call->key_count = 3;
    keys_session(&user->id, user->session, call->keys[0]);
    keys_user(access->deployment->epoch.number, &user->id, call->keys[1]);
    keys_user_limit(&user->id, limits_name(limit), call->keys[2]);
    if (bid != NULL) {
        keys_bid(&user->id, &bid->id, call->keys[call->key_count++]);
    }
    if (bid != NULL && bid->key_hash != NULL) {
        keys_idempotency(&user->id, bid->key_hash, call->keys[call->key_count++]);
    }
    for (int i = 0; i < call->key_count; i++) {
        add(call, call->keys[i]);
    }
}

bool admission_call(const struct access *access, const struct request_user *user, enum limit limit,
                    const struct admission_bid *bid, redis_callback answered, void *arg)
{
    struct script_call call;
    call.count = 0;
    add_keys(&call, access, user, limit, bid);
    add_user(&call, access, user);
    add_limit(&call, access, limit);
    if (bid != NULL) {
        (void)snprintf(call.life, sizeof(call.life), "%d000", ADMISSION_BID_LIFE_S);
        uuid_format(&bid->id, call.bid_id);
        add(&call, call.bid_id);
        add(&call, bid->pending);
        add(&call, call.life);
    }
    return redis_call(access->redis, GATEWAY_SCRIPT_USER, answered, arg, call.key_count, call.count, call.arguments,
                      NULL);
}

bool admission_call_mark(const struct request *request, const struct uuid *bid, const char *key_hash, const char *state,
                         redis_callback done, void *arg)
{
    char entry[KEYS_SIZE];
    char key[KEYS_SIZE];
    const char *arguments[3];
    int count = 0;
    keys_bid(&request->user.id, bid, entry);
    arguments[count++] = entry;
    if (key_hash != NULL) {
        keys_idempotency(&request->user.id, key_hash, key);
        arguments[count++] = key;
    }
    arguments[count] = state;
    if (!redis_call(request->access->redis, GATEWAY_SCRIPT_MARK, done, arg, count, count + 1, arguments, NULL)) {
        log_debug("the state of a bid was not stored: no connection to Redis");
        return false;
    }
    return true;
}
