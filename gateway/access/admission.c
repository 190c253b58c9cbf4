/*
 * Admission of requests; see admission.h.
 */
#include "gateway/access/admission.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/audit.h"
#include "gateway/access/refusals.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"

enum { NUMBER_SIZE = 24, KEY_COUNT_MAX = 5, ARGUMENTS_MAX = 11 };

/*
 * KEYS: 1 session, 2 ban, 3 counter; for a bid 4 its entry; with an idempotency key 5 the bid that has it.
 *
 * ARGV: 1 time in ms before which sessions that began have ended ('': not checked), 2 maximum per window (0: no limit),
 * 3 window in ms. For a bid also 4 its id, 5 its JSON, 6 lifetime of its entry and key in ms.
 *
 * A session with the value '-' was ended before its expiry: its access tokens are refused too. The idempotency key is
 * checked before the limit, so a repetition does not count. Redis may lose one of entry and key: the other still does
 * its part.
 *
 * Returns {verdict, used, ms until the window ends, role, state, JSON}; the verdict is an enum admission_verdict.
 */
const struct redis_script admission_script = {
    "user", "local role = ''\n"
            "local user = redis.call('MGET', KEYS[1], KEYS[2])\n"
            "if ARGV[1] ~= '' then\n"
            "  local began = user[1] and string.match(user[1], '%d+') or 0\n"
            "  if not user[1] or tonumber(began) < tonumber(ARGV[1]) then return {2, 0, 0, ''} end\n"
            "  role = string.match(user[1], '^%a*')\n"
            "end\n"
            "if user[2] then return {3, 0, 0, role} end\n"
            "if user[1] == '-' then return {2, 0, 0, ''} end\n"
            "if KEYS[5] then\n"
            "  local found = redis.call('MGET', KEYS[4], KEYS[5])\n"
            "  if found[2] and found[2] ~= ARGV[4] then return {5, 0, 0, role} end\n"
            "  if found[1] then return {6, 0, 0, role, string.sub(found[1], 1, 1), string.sub(found[1], 2)} end\n"
            "end\n"
            "local used, left = 0, 0\n"
            "if ARGV[2] ~= '0' then\n"
            "  used = redis.call('INCR', KEYS[3])\n"
            "  left = redis.call('PTTL', KEYS[3])\n"
            "  if left < 0 then\n"
            "    left = tonumber(ARGV[3])\n"
            "    redis.call('PEXPIRE', KEYS[3], left)\n"
            "  end\n"
            "  if used > tonumber(ARGV[2]) then return {4, used, left, role} end\n"
            "end\n"
            "if KEYS[4] then redis.call('SET', KEYS[4], 'a' .. ARGV[5], 'PX', ARGV[6]) end\n"
            "if KEYS[5] then redis.call('SET', KEYS[5], ARGV[4], 'PX', ARGV[6]) end\n"
            "return {0, used, left, role}\n"};

/*
 * KEYS: 1 a bid's entry; to release its idempotency key too, 2 that. ARGV: the entry's new state, or '' to delete all
 * KEYS. No effect unless the entry is in state a.
 */
const struct redis_script admission_mark_script = {"mark",
                                                   "if redis.call('GETRANGE', KEYS[1], 0, 0) ~= 'a' then return 0 end\n"
                                                   "if ARGV[1] == '' then return redis.call('DEL', unpack(KEYS)) end\n"
                                                   "redis.call('SETRANGE', KEYS[1], 0, ARGV[1])\n"
                                                   "return 1\n"};

static bool call_script(struct request *request, const struct admission_bid *bid, redis_callback answered, void *arg)
{
    char keys[KEY_COUNT_MAX][KEYS_SIZE];
    char most[NUMBER_SIZE];
    char window[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[ARGUMENTS_MAX];
    char from[NUMBER_SIZE];
    const struct deployment *deployment = request->access->deployment;
    const struct request_user *user = &request->user;
    enum limit limit = request->route->limit;
    char bid_id[UUID_TEXT_SIZE];
    int count = 0;
    int key_count = 3;

    keys_session(&user->id, user->session, keys[0]);
    keys_ban(deployment->epoch.number, &user->id, keys[1]);
    keys_user_limit(&user->id, limits_name(limit), keys[2]);
    if (bid != NULL) {
        keys_bid(&user->id, &bid->id, keys[key_count++]);
    }
    if (bid != NULL && bid->key_hash != NULL) {
        keys_idempotency(&user->id, bid->key_hash, keys[key_count++]);
    }
    for (int i = 0; i < key_count; i++) {
        arguments[count++] = keys[i];
    }
    (void)snprintf(most, sizeof(most), "%d", limits_maximum(request->access, limit));
    (void)snprintf(window, sizeof(window), "%d000", limits_window_s(limit));
    (void)snprintf(from, sizeof(from), "%lld", (long long)deployment->epoch.sessions_from_ms);
    arguments[count++] = user->via == REQUEST_BY_ACCESS_TOKEN ? "" : from;
    arguments[count++] = most;
    arguments[count++] = window;
    if (bid != NULL) {
        (void)snprintf(life, sizeof(life), "%d000", ADMISSION_BID_LIFE_S);
        uuid_format(&bid->id, bid_id);
        arguments[count++] = bid_id;
        arguments[count++] = bid->pending;
        arguments[count++] = life;
    }
    assert(count <= ARGUMENTS_MAX);
    return redis_call(request->access->redis, GATEWAY_SCRIPT_USER, answered, arg, key_count, count, arguments, NULL);
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
        return call_script(request, bid, answered, arg);
    }
    struct auction_check *check = malloc(sizeof(*check));
    if (check == NULL) {
        return false;
    }
    *check = (struct auction_check){
        .request = request, .bid = bid->id, .key_hash = bid->key_hash, .answered = answered, .arg = arg};
    if (!call_script(request, bid, on_bidder_checked, check)) {
        free(check);
        return false;
    }
    return true;
}

struct admission admission_read(struct request *request, const redisReply *reply)
{
    struct admission admission = {.verdict = ADMISSION_UNCHECKED, .admin = request->user.admin};
    if (request->admitted != NULL) {
        admission = *request->admitted;
        request->admitted = NULL;
        return admission;
    }
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements < 4 ||
        reply->element[0]->integer > ADMISSION_KNOWN) {
        return admission;
    }
    admission.verdict = (enum admission_verdict)reply->element[0]->integer;
    admission.limit = (struct limits_state){
        .most = limits_maximum(request->access, request->route->limit),
        .used = reply->element[1]->integer,
        .reset_ms = reply->element[2]->integer,
    };
    if (request->user.via != REQUEST_BY_ACCESS_TOKEN && reply->element[3]->str != NULL) {
        admission.admin = strcmp(reply->element[3]->str, "admin") == 0;
    }
    if (admission.verdict == ADMISSION_KNOWN && reply->elements == 6 && reply->element[4]->len == 1) {
        admission.state = reply->element[4]->str[0];
        admission.pending = reply->element[5]->str;
    }
    return admission;
}

bool admission_refuse(struct request *request, const struct admission *admission)
{
    switch (admission->verdict) {
    case ADMISSION_UNCHECKED:
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
    bool guest = request->route->auth == ROUTE_OPTIONAL &&
                 ((admission->verdict == ADMISSION_UNCHECKED && request->user.via != REQUEST_BY_ACCESS_TOKEN) ||
                  (admission->verdict == ADMISSION_NO_SESSION && request->user.via == REQUEST_BY_COOKIE));
    if (guest) {
        request->user =
            (struct request_user){.via = REQUEST_GUEST, .unchecked = admission->verdict == ADMISSION_UNCHECKED};
    }
    return guest;
}

static void user_answered(struct request *request, const struct admission *admission)
{
    route_handler then = request->then;
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
    if (admission->verdict == ADMISSION_GRANTED) {
        limits_spent(request);
    }
    request->user.admin = admission->admin;
    if (request->route->auth == ROUTE_ADMIN && !admission->admin) {
        if (refusals_count(request->access->refusals, request, "ADMIN_REFUSED")) {
            reply_error(request, ERROR_FORBIDDEN);
        } else {
            limits_refuse_client(request);
        }
        return;
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

void admission_user(struct request *request, route_handler then)
{
    request->then = then;
    if (!call_script(request, NULL, on_user_checked, request)) {
        struct admission admission = admission_read(request, NULL);
        user_answered(request, &admission);
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
