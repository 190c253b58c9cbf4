/*
 * Answers cached in Redis; see cache.h.
 */
#include "gateway/query/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"

enum { NUMBER_SIZE = 24 };

/* KEYS: snapshot, history. ARGV: limit. */
const struct redis_script cache_history_script = {"history",
                                                  "local version = redis.call('HGET', KEYS[1], 'v')\n"
                                                  "local kept = redis.call('HMGET', KEYS[2], 'v', ARGV[1])\n"
                                                  "if version and version == kept[1] then return kept[2] end\n"
                                                  "return false\n"};

/* KEYS: history. ARGV: limit, version, answer, lifetime in s. There are at most 100 fields, one for each limit. */
const struct redis_script cache_history_store_script = {"history_keep",
                                                        "if redis.call('HGET', KEYS[1], 'v') ~= ARGV[2] then\n"
                                                        "  redis.call('DEL', KEYS[1])\n"
                                                        "  redis.call('HSET', KEYS[1], 'v', ARGV[2])\n"
                                                        "  redis.call('EXPIRE', KEYS[1], ARGV[4])\n"
                                                        "end\n"
                                                        "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\n"
                                                        "return 1\n"};

bool cache_search_read(struct redis *redis, const char *hash, redis_callback answered, void *arg)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"GET", key};
    keys_search(hash, key);
    return redis_command(redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
}

/* The text in the writer; NULL if it is too long for the cache or was not complete. */
static const char *to_keep(struct jsonw *json)
{
    size_t length = 0;
    const char *text = jsonw_text(json, &length);
    return length <= CACHE_ANSWER_MAX_BYTES ? text : NULL;
}

void cache_search_store(struct redis *redis, const char *hash, struct jsonw *json)
{
    char key[KEYS_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[] = {"SET", key, to_keep(json), "PX", life};
    keys_search(hash, key);
    (void)snprintf(life, sizeof life, "%d", CACHE_SEARCH_LIFE_MS);
    if (arguments[2] != NULL && !redis_command(redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("an answer is not cached: no connection to Redis");
    }
}

bool cache_history_read(struct redis *redis, const struct uuid *auction, int limit, redis_callback answered, void *arg)
{
    char snapshot[KEYS_SIZE];
    char history[KEYS_SIZE];
    char field[NUMBER_SIZE];
    const char *arguments[] = {snapshot, history, field};
    keys_snapshot(auction, snapshot);
    keys_history(auction, history);
    (void)snprintf(field, sizeof field, "%d", limit);
    return redis_call(redis, GATEWAY_SCRIPT_HISTORY, answered, arg, 2, ARRAY_LEN(arguments), arguments, NULL);
}

void cache_history_store(struct redis *redis, const struct uuid *auction, int limit, int64_t version,
                         struct jsonw *json)
{
    char history[KEYS_SIZE];
    char field[NUMBER_SIZE];
    char version_text[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[] = {history, field, version_text, to_keep(json), life};
    keys_history(auction, history);
    (void)snprintf(field, sizeof field, "%d", limit);
    (void)snprintf(version_text, sizeof version_text, "%lld", (long long)version);
    (void)snprintf(life, sizeof life, "%d", CACHE_HISTORY_LIFE_S);
    if (arguments[3] != NULL &&
        !redis_call(redis, GATEWAY_SCRIPT_HISTORY_STORE, NULL, NULL, 1, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("an answer is not cached: no connection to Redis");
    }
}

/* Quotes inside JSON strings are escaped by a backslash, so a text match is always the member itself. */
static void set_server_time(char *text, size_t length)
{
    static const char member[] = "\"serverTime\":\"";
    char now[CLOCK_TEXT_SIZE];
    char *at = text;
    clock_format(clock_now_ms(), now);
    while ((at = memmem(at, length - (size_t)(at - text), member, sizeof member - 1)) != NULL) {
        at += sizeof member - 1;
        if (length - (size_t)(at - text) < sizeof now) {
            return;
        }
        memcpy(at, now, sizeof now - 1);
    }
}

bool cache_answer(struct request *request, const redisReply *reply)
{
    bool there = reply != NULL && reply->type == REDIS_REPLY_STRING;
    char *text = there ? malloc((size_t)reply->len) : NULL;
    if (text == NULL) {
        return false;
    }
    memcpy(text, reply->str, (size_t)reply->len);
    set_server_time(text, (size_t)reply->len);
    reply_bytes(request, 200, "application/json", text, (size_t)reply->len);
    free(text);
    return true;
}
