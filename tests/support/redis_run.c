/*
 * See redis_run.h.
 */
#include "tests/support/redis_run.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/io/redis.h"
#include "tests/support/loop.h"

enum { TIMEOUT_MS = 15000, PATTERN_SIZE = 64 };

struct answer {
    bool done;
    long long number; /* 0: a status */
};

static void on_reply(const redisReply *reply, void *arg)
{
    struct answer *answer = arg;
    answer->done = reply != NULL && (reply->type == REDIS_REPLY_INTEGER || reply->type == REDIS_REPLY_STATUS);
    answer->number = answer->done && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
}

long long redis_number(int count, const char *const *command)
{
    struct answer answer = {0};
    struct event_base *base = event_base_new();
    struct redis_options options = {
        .base = base, .url = getenv("ROSTRUM_REDIS_URL"), .timeout_ms = TIMEOUT_MS, .pending_max = 1};
    struct redis *redis = redis_new(&options);
    ck_assert_ptr_nonnull(redis);
    LOOP_UNTIL(base, redis_up(redis), TIMEOUT_MS);
    ck_assert(redis_command(redis, on_reply, &answer, count, command, NULL));
    LOOP_UNTIL(base, answer.done, TIMEOUT_MS);
    redis_free(redis);
    event_base_free(base);
    return answer.number;
}

void redis_run(int count, const char *const *command)
{
    (void)redis_number(count, command);
}

void redis_forget(const char *user_id, const char *auction_id)
{
    static const char script[] = "for _, pattern in ipairs(ARGV) do\n"
                                 "  for _, key in ipairs(redis.call('KEYS', pattern)) do redis.call('DEL', key) end\n"
                                 "end\n"
                                 "return 1";
    char bids[PATTERN_SIZE];
    char keys[PATTERN_SIZE];
    char snapshots[PATTERN_SIZE];
    (void)snprintf(bids, sizeof bids, "bid:{%s}:*", user_id);
    (void)snprintf(keys, sizeof keys, "idem:{%s}:*", user_id);
    (void)snprintf(snapshots, sizeof snapshots, "snap:*{%s}", auction_id);
    const char *const command[] = {"EVAL", script, "0", bids, keys, snapshots};
    redis_run(ARRAY_LEN(command), command);
}
