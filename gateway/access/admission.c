/*
 * Admission of requests; see admission.h.
 */
#include "gateway/access/admission.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/access/credentials.h"
#include "gateway/access/refusals.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"

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
    char from[NUMBER_SIZE];
    char epoch[NUMBER_SIZE];
    char now[NUMBER_SIZE];
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
    (void)snprintf(call->from, sizeof(call->from), "%lld", (long long)access->deployment->epoch.sessions_from_ms);
    (void)snprintf(call->epoch, sizeof(call->epoch), "%lld", by_token ? (long long)user->epoch : 0);
    (void)snprintf(call->now, sizeof(call->now), "%lld", (long long)clock_now_ms());
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

/* `bid` may be NULL. */
static bool call_script(const struct access *access, const struct request_user *user, enum limit limit,
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

static bool ask(struct request *request, const struct admission_bid *bid, redis_callback answered, void *arg)
{
    return call_script(request->access, &request->user, request->route->limit, bid, answered, arg);
}

/* A bid that was admitted for its bidder, while the limit of its auction is checked. */
struct auction_check {
    struct request *request;
    struct uuid bid;
    const char *key_hash;
    redis_callback answered;
    void *arg;
    struct admission admission;
};

static void finish_auction_check(const redisReply *reply, void *arg)
{
    struct auction_check *check = arg;
    (void)reply;
    check->request->admitted = &check->admission;
    check->answered(NULL, check->arg); /* may end the request */
    free(check);
}

static void on_auction_counted(const redisReply *reply, void *arg)
{
    struct auction_check *check = arg;
    struct request *request = check->request;
    struct limits_state state;
    bool known = limits_read(request, LIMIT_AUCTION_BIDS, reply, &state);
    if (known && state.used > state.most) {
        check->admission.verdict = ADMISSION_LIMITED;
        check->admission.limit = state;
        if (admission_forget(request, &check->bid, check->key_hash, finish_auction_check, check)) {
            return;
        }
    } else if (known) {
        request->spent_auction = true;
        limits_headers(request, &state);
    }
    finish_auction_check(NULL, check);
}

/*
 * Counts for the auction only bids that are within their bidder's limit. So one bidder cannot use up the limit of the
 * auction, and repetitions do not count.
 */
static void on_bidder_checked(const redisReply *reply, void *arg)
{
    struct auction_check *check = arg;
    char auction[UUID_TEXT_SIZE];
    check->admission = admission_read(check->request, reply);
    uuid_format(&check->request->parameters[0], auction);
    if (check->admission.verdict != ADMISSION_GRANTED ||
        !limits_count(check->request, LIMIT_AUCTION_BIDS, auction, on_auction_counted, check)) {
        check->answered(reply, check->arg);
        free(check);
    }
}

bool admission_ask(struct request *request, const struct admission_bid *bid, redis_callback answered, void *arg)
{
    if (bid == NULL || limits_maximum(request->access, LIMIT_AUCTION_BIDS) == 0) {
        return ask(request, bid, answered, arg);
    }
    struct auction_check *check = malloc(sizeof(*check));
    if (check == NULL) {
        return false;
    }
    *check = (struct auction_check){
        .request = request, .bid = bid->id, .key_hash = bid->key_hash, .answered = answered, .arg = arg};
    if (!ask(request, bid, on_bidder_checked, check)) {
        free(check);
        return false;
    }
    return true;
}

/* Parses "epoch role banned end reload", which the script writes. */
static void read_user(struct admission *admission, const char *text, bool *reload)
{
    static const char ADMIN[] = "admin ";
    enum { DECIMAL = 10 };
    char *role = NULL;
    *reload = false;
    int64_t epoch = text == NULL ? 0 : strtoll(text, &role, DECIMAL);
    const char *banned = role == NULL || *role != ' ' ? NULL : strchr(role + 1, ' ');
    const char *end = banned == NULL ? NULL : strchr(banned + 1, ' ');
    if (end != NULL) {
        char *again = NULL;
        admission->admin = strncmp(role + 1, ADMIN, sizeof(ADMIN) - 1) == 0;
        admission->epoch = epoch;
        admission->ends_ms = strtoll(end, &again, DECIMAL);
        *reload = strcmp(again, " 1") == 0;
    }
}

static struct admission read_reply(const struct access *access, const struct request_user *user, enum limit limit,
                                   const redisReply *reply)
{
    struct admission admission = {.verdict = ADMISSION_UNCHECKED, .admin = user->admin};
    bool reload = false;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements < 4 ||
        reply->element[0]->integer > ADMISSION_MISSING) {
        return admission;
    }
    admission.verdict = (enum admission_verdict)reply->element[0]->integer;
    admission.limit = (struct limits_state){
        .most = limits_maximum(access, limit),
        .window_s = limits_window_s(limit),
        .used = reply->element[1]->integer,
        .reset_ms = reply->element[2]->integer,
    };
    read_user(&admission, reply->element[3]->str, &reload);
    if (reload && !credentials_load(access, user, NULL, NULL)) {
        log_debug("a session was not read again: PostgreSQL is unavailable");
    }
    if (admission.verdict == ADMISSION_KNOWN && reply->elements == 6 && reply->element[4]->len == 1) {
        admission.state = reply->element[4]->str[0];
        admission.pending = reply->element[5]->str;
    }
    return admission;
}

struct admission admission_read(struct request *request, const redisReply *reply)
{
    if (request->admitted != NULL) {
        struct admission admission = *request->admitted;
        request->admitted = NULL;
        return admission;
    }
    return read_reply(request->access, &request->user, request->route->limit, reply);
}

/* ---- credentials that Redis lacks ---- */

static void user_answered(struct request *request, const struct admission *admission);

static enum admission_verdict verdict_of(const struct credentials *credentials)
{
    static const enum admission_verdict verdicts[] = {
        [CREDENTIALS_UNKNOWN] = ADMISSION_UNCHECKED,
        [CREDENTIALS_VALID] = ADMISSION_GRANTED,
        [CREDENTIALS_ENDED] = ADMISSION_NO_SESSION,
        [CREDENTIALS_BANNED] = ADMISSION_BANNED,
    };
    return verdicts[credentials->verdict];
}

static void on_reloaded(const struct credentials *credentials, void *arg)
{
    struct request *request = arg;
    struct admission admission = {.verdict = verdict_of(credentials)};
    bool refused = credentials->verdict == CREDENTIALS_ENDED || credentials->verdict == CREDENTIALS_BANNED;
    if (request_answered(request)) {
        reply_end(request);
    } else if (!refused) {
        request->reloaded(request);
    } else if (request->route->auth != ROUTE_BID) {
        user_answered(request, &admission);
    } else if (!admission_refuse(request, &admission)) {
        reply_error(request, ERROR_UNAVAILABLE);
    }
}

bool admission_reload(struct request *request, const struct admission *admission, route_handler again)
{
    if (admission->verdict != ADMISSION_MISSING || request->loaded) {
        return false;
    }
    request->loaded = true;
    request->reloaded = again;
    return credentials_load(request->access, &request->user, on_reloaded, request);
}

bool admission_refuse(struct request *request, const struct admission *admission)
{
    switch (admission->verdict) {
    case ADMISSION_UNCHECKED:
    case ADMISSION_MISSING:
        if (request->user.via == REQUEST_BY_ACCESS_TOKEN) {
            return false;
        }
        reply_error(request, ERROR_UNAVAILABLE);
        return true;
    case ADMISSION_NO_SESSION:
        reply_error(request, ERROR_UNAUTHORIZED);
        return true;
    case ADMISSION_BANNED:
        reply_error(request, ERROR_USER_BANNED);
        return true;
    case ADMISSION_LIMITED:
        limits_refuse(request, &admission->limit);
        return true;
    case ADMISSION_KEY_REUSED:
        reply_error(request, ERROR_IDEMPOTENCY_KEY_REUSED);
        return true;
    case ADMISSION_GRANTED:
    case ADMISSION_KNOWN:
        break;
    }
    return false;
}

/* On a route for guests, a user whose session is invalid or cannot be checked becomes a guest. */
static bool make_guest(struct request *request, const struct admission *admission)
{
    bool unchecked = admission->verdict == ADMISSION_UNCHECKED || admission->verdict == ADMISSION_MISSING;
    bool guest = request->route->auth == ROUTE_OPTIONAL &&
                 ((unchecked && request->user.via != REQUEST_BY_ACCESS_TOKEN) ||
                  (admission->verdict == ADMISSION_NO_SESSION && request->user.via == REQUEST_BY_COOKIE));
    if (guest) {
        request->user = (struct request_user){.via = REQUEST_GUEST, .unchecked = unchecked};
    }
    return guest;
}

/* Redis could not say anything. PostgreSQL has. */
static void on_unchecked_loaded(const struct credentials *credentials, void *arg)
{
    struct request *request = arg;
    const struct admission admission = {
        .verdict = verdict_of(credentials),
        .admin = credentials->verdict == CREDENTIALS_VALID ? credentials->admin : request->user.admin,
        .epoch = credentials->epoch,
        .ends_ms = credentials->ends_ms,
    };
    if (request_answered(request)) {
        reply_end(request);
    } else {
        user_answered(request, &admission);
    }
}

/* Whether PostgreSQL is asked, once: Redis is away. The handlers of these routes need PostgreSQL as well. */
static bool ask_postgres(struct request *request, const struct admission *admission)
{
    bool needed = request->route->auth == ROUTE_ADMIN || request->route->auth == ROUTE_USER;
    if (admission->verdict != ADMISSION_UNCHECKED || !needed || request->loaded) {
        return false;
    }
    request->loaded = true;
    return credentials_load(request->access, &request->user, on_unchecked_loaded, request);
}

/* Ends the request if it is for admins and its user is none, or may be none. */
static bool refuse_admin(struct request *request, const struct admission *admission)
{
    if (request->route->auth != ROUTE_ADMIN) {
        return false;
    }
    if (admission->verdict != ADMISSION_GRANTED) {
        reply_error(request, ERROR_UNAVAILABLE); /* an access token alone makes nobody an admin */
        return true;
    }
    if (admission->admin) {
        return false;
    }
    if (refusals_count(request->access->refusals, request, "ADMIN_REFUSED")) {
        reply_error(request, ERROR_FORBIDDEN);
    } else {
        limits_refuse_client(request);
    }
    return true;
}

static void ask_user(struct request *request);

static void user_answered(struct request *request, const struct admission *admission)
{
    route_handler then = request->then;
    if (admission_reload(request, admission, ask_user) || ask_postgres(request, admission)) {
        return;
    }
    if (make_guest(request, admission)) {
        limits_take_address(request, then);
        return;
    }
    if (admission_refuse(request, admission)) {
        return;
    }
    if (!limits_count_user(request)) {
        limits_refuse_client(request);
        return;
    }
    if (refuse_admin(request, admission)) { /* counts the refusal for the user, too */
        return;
    }
    if (admission->verdict == ADMISSION_GRANTED) {
        limits_spent(request);
    }
    request->user.admin = admission->admin;
    if (admission->epoch != 0) {
        request->user.epoch = admission->epoch;
        request->user.ends_ms = admission->ends_ms;
    }
    limits_headers(request, &admission->limit);
    if (request->route->auth == ROUTE_ADMIN) {
        audit_call(request, then);
    } else {
        then(request);
    }
}

static void on_user_checked(const redisReply *reply, void *arg)
{
    struct request *request = arg;
    struct admission admission = admission_read(request, reply);
    user_answered(request, &admission);
}

static void ask_user(struct request *request)
{
    if (!ask(request, NULL, on_user_checked, request)) {
        struct admission admission = admission_read(request, NULL);
        user_answered(request, &admission);
    }
}

void admission_user(struct request *request, route_handler then)
{
    request->then = then;
    ask_user(request);
}

/* ---- credentials of a connection ---- */

struct check {
    const struct access *access;
    struct request_user user;
    admission_checked checked;
    void *arg;
};

static void finish_check(struct check *check, enum admission_verdict verdict)
{
    check->checked(verdict, check->arg);
    free(check);
}

static void on_check_loaded(const struct credentials *credentials, void *arg)
{
    finish_check(arg, verdict_of(credentials));
}

static void on_check_answered(const redisReply *reply, void *arg)
{
    struct check *check = arg;
    const struct admission admission = read_reply(check->access, &check->user, LIMIT_NONE, reply);
    if (admission.verdict != ADMISSION_MISSING ||
        !credentials_load(check->access, &check->user, on_check_loaded, check)) {
        finish_check(check, admission.verdict);
    }
}

void admission_check(const struct access *access, const struct request_user *user, admission_checked checked, void *arg)
{
    struct check *check = calloc(1, sizeof(*check));
    if (check == NULL) {
        checked(ADMISSION_UNCHECKED, arg);
        return;
    }
    *check = (struct check){access, *user, checked, arg};
    if (!call_script(access, &check->user, LIMIT_NONE, NULL, on_check_answered, check)) {
        finish_check(check, ADMISSION_UNCHECKED);
    }
}

/* `key_hash` may be NULL. */
static bool call_mark_script(const struct request *request, const struct uuid *bid, const char *key_hash,
                             const char *state, redis_callback done, void *arg)
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

void admission_mark_pending(struct request *request, const struct uuid *bid)
{
    (void)call_mark_script(request, bid, NULL, "p", NULL, NULL);
}

bool admission_forget(struct request *request, const struct uuid *bid, const char *key_hash, redis_callback done,
                      void *arg)
{
    return call_mark_script(request, bid, key_hash, "", done, arg);
}
