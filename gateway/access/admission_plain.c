/*
 * See admission_plain.h.
 */
#include "gateway/access/admission_plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/protocol/keys.h"
#include "gateway/access/access.h"
#include "gateway/access/copies.h"
#include "gateway/access/known_sessions.h"

enum { NUMBER_SIZE = 24 };

/* A request whose copies are read, and which is counted meanwhile if it has a limit. */
struct plain_check {
    struct request *request;
    redis_callback answered;
    void *arg;
    int awaited; /* replies */
    bool allowed;
    struct copies copies;
    struct limits_state limit; /* `most` 0: it has none; `used` 0: it was not counted */
    bool timed;                /* limit.reset_ms is known; negative: the count has no end yet */
    bool of_bid;
    struct uuid bid;
    char entry[]; /* of the bid */
};

bool admission_plain_suits(const struct request *request, const struct admission_bid *bid)
{
    bool simple = bid == NULL || (bid->key_hash == NULL && limits_maximum(request->access, LIMIT_AUCTION_BIDS) == 0);
    return simple && (limits_maximum(request->access, request->route->limit) == 0 ||
                      known_sessions_has(request->access->known_sessions, &request->user));
}

/* Sent before the bid is published, so that a client finds the entry after its 202. */
static bool store_entry(const struct plain_check *check)
{
    const struct request *request = check->request;
    char key[KEYS_SIZE];
    char life[NUMBER_SIZE];
    const char *const arguments[] = {"SET", key, check->entry, "EX", life};
    keys_bid(&request->user.id, &check->bid, key);
    (void)snprintf(life, sizeof(life), "%d", ADMISSION_BID_LIFE_S);
    return redis_command(request->access->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL);
}

static void limit_key(const struct request *request, char key[static KEYS_SIZE])
{
    keys_user_limit(&request->user.id, limits_name(request->route->limit), key);
}

/* The first count of a window, or one that lost its end with a worker. */
static void begin_window(struct plain_check *check)
{
    char key[KEYS_SIZE];
    char window[NUMBER_SIZE];
    const char *const arguments[] = {"PEXPIRE", key, window};
    limit_key(check->request, key);
    (void)snprintf(window, sizeof(window), "%d000", check->limit.window_s);
    check->limit.reset_ms = (int64_t)check->limit.window_s * 1000;
    if (!redis_command(check->request->access->redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("the window of a limit was not begun: no connection to Redis");
    }
}

/* The script says why the request is not allowed, or marks a copy that is too old. It counts by itself. */
static void ask_script(const struct plain_check *check)
{
    struct request *request = check->request;
    const struct admission_bid bid = {.id = check->bid, .pending = check->of_bid ? check->entry + 1 : NULL};
    if (check->limit.used > 0) {
        known_sessions_remove(request->access->known_sessions, &request->user);
        limits_give_back(request);
    }
    if (!admission_call(request->access, &request->user, request->route->limit, check->of_bid ? &bid : NULL,
                        check->answered, check->arg)) {
        check->answered(NULL, check->arg);
    }
}

static void finish(struct plain_check *check)
{
    struct request *request = check->request;
    struct admission admission = {.verdict = ADMISSION_GRANTED,
                                  .limit = check->limit,
                                  .admin = check->copies.admin,
                                  .epoch = check->copies.epoch,
                                  .ends_ms = check->copies.ends_ms};
    if (check->limit.most > 0 && check->limit.reset_ms < 0) {
        begin_window(check);
        admission.limit = check->limit;
    }
    if (check->limit.used > check->limit.most) {
        admission.verdict = ADMISSION_LIMITED;
    } else if (check->of_bid && !store_entry(check)) {
        check->answered(NULL, check->arg);
        return;
    }
    request->admitted = &admission;
    check->answered(NULL, check->arg); /* may end the request */
}

static void take_answer(struct plain_check *check)
{
    if (--check->awaited > 0) {
        return;
    }
    bool counted = check->limit.most == 0 || (check->limit.used > 0 && check->timed);
    if (check->allowed && counted) {
        finish(check);
    } else {
        ask_script(check);
    }
    free(check);
}

static void on_used(const redisReply *reply, void *arg)
{
    struct plain_check *check = arg;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        check->limit.used = reply->integer;
    }
    take_answer(check);
}

static void on_left(const redisReply *reply, void *arg)
{
    struct plain_check *check = arg;
    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER) {
        check->timed = true;
        check->limit.reset_ms = reply->integer;
    }
    take_answer(check);
}

static void on_copies(const redisReply *reply, void *arg)
{
    struct plain_check *check = arg;
    const struct request *request = check->request;
    check->allowed = copies_allow(request->access, &request->user, reply, &check->copies);
    take_answer(check);
}

/* Sends INCR or PTTL of the count. */
static void ask_count(struct plain_check *check, const char *command, redis_callback answered)
{
    char key[KEYS_SIZE];
    const char *const arguments[] = {command, key};
    limit_key(check->request, key);
    if (redis_command(check->request->access->redis, answered, check, ARRAY_LEN(arguments), arguments, NULL)) {
        check->awaited++;
    }
}

/* False: nothing was sent, so no reply is awaited. If a part was sent, take_answer finds that the rest is missing. */
static bool send_all(struct plain_check *check)
{
    const struct request *request = check->request;
    if (check->limit.most > 0) {
        ask_count(check, "INCR", on_used);
        ask_count(check, "PTTL", on_left);
    }
    if (copies_ask(request->access, &request->user, on_copies, check)) {
        check->awaited++;
    }
    return check->awaited > 0;
}

bool admission_plain_ask(struct request *request, const struct admission_bid *bid, redis_callback answered, void *arg)
{
    size_t length = bid == NULL ? 0 : strlen(bid->pending);
    struct plain_check *check = malloc(sizeof(*check) + length + 2);
    if (check == NULL) {
        return false;
    }
    *check = (struct plain_check){.request = request, .answered = answered, .arg = arg, .of_bid = bid != NULL};
    check->limit.most = limits_maximum(request->access, request->route->limit);
    check->limit.window_s = limits_window_s(request->route->limit);
    if (bid != NULL) {
        check->bid = bid->id;
        check->entry[0] = 'a';
        memcpy(check->entry + 1, bid->pending, length + 1);
    }
    if (!send_all(check)) {
        free(check);
        return false;
    }
    return true;
}
