/*
 * Answers cached in Redis; see cache.h.
 */
#include "gateway/query/cache.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/protocol/keys.h"
#include "gateway/core/scripts.h"
#include "gateway/http/reply.h"

enum { NUMBER_SIZE = 24 };

/*
 * KEYS: snapshot, history. ARGV: limit, lifetime in s as below, age in s up to which an answer is used. Replies the
 * answer and its age in s. A negative age allows any age and version.
 */
const struct redis_script cache_history_script = {
    "history", "local kept = redis.call('HMGET', KEYS[2], 'v', ARGV[1])\n"
               "if not kept[2] then return false end\n"
               "local age = ARGV[2] - redis.call('TTL', KEYS[2])\n"
               "local any = tonumber(ARGV[3]) < 0\n"
               "if not any and age >= tonumber(ARGV[3]) then return false end\n"
               "if not any and kept[1] ~= redis.call('HGET', KEYS[1], 'v') then return false end\n"
               "return {kept[2], age}\n"};

/*
 * KEYS: history. ARGV: limit, version, answer, lifetime in s, age in s from which all answers are replaced. There are
 * at most 100 fields, one for each limit.
 */
const struct redis_script cache_history_store_script = {
    "history_keep", "if redis.call('HGET', KEYS[1], 'v') ~= ARGV[2]\n"
                    "    or ARGV[4] - redis.call('TTL', KEYS[1]) >= tonumber(ARGV[5]) then\n"
                    "  redis.call('DEL', KEYS[1])\n"
                    "  redis.call('HSET', KEYS[1], 'v', ARGV[2])\n"
                    "  redis.call('EXPIRE', KEYS[1], ARGV[4])\n"
                    "end\n"
                    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])\n"
                    "return 1\n"};

void cache_hash(const void *kind, size_t kind_size, size_t count, const char *const *values,
                char out[static CACHE_HASH_SIZE])
{
    unsigned char hash[(CACHE_HASH_SIZE - 1) / 2];
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, sizeof hash);
    (void)crypto_generichash_update(&state, kind, kind_size);
    for (size_t i = 0; i < count; i++) {
        const char *value = values[i] == NULL ? "\x01" : values[i];
        (void)crypto_generichash_update(&state, (const unsigned char *)value, strlen(value) + 1);
    }
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    (void)sodium_bin2hex(out, CACHE_HASH_SIZE, hash, sizeof hash);
}

bool cache_search_read(struct redis *redis, int64_t epoch, const char *hash, redis_callback answered, void *arg)
{
    char key[KEYS_SIZE];
    const char *arguments[] = {"GET", key};
    keys_search(epoch, hash, key);
    return redis_command(redis, answered, arg, ARRAY_LEN(arguments), arguments, NULL);
}

/* The text in the writer; NULL if it is too long for the cache or was not complete. */
static const char *to_keep(struct jsonw *json)
{
    size_t length = 0;
    const char *text = jsonw_text(json, &length);
    return length <= CACHE_ANSWER_MAX_BYTES ? text : NULL;
}

void cache_search_store(struct redis *redis, int64_t epoch, const char *hash, int life_ms, struct jsonw *json)
{
    char key[KEYS_SIZE];
    char life[NUMBER_SIZE];
    const char *arguments[] = {"SET", key, to_keep(json), "PX", life};
    keys_search(epoch, hash, key);
    (void)snprintf(life, sizeof life, "%d", life_ms);
    if (arguments[2] != NULL && !redis_command(redis, NULL, NULL, ARRAY_LEN(arguments), arguments, NULL)) {
        log_debug("an answer is not cached: no connection to Redis");
    }
}

bool cache_history_read(struct redis *redis, const struct cache_history *of, redis_callback answered, void *arg)
{
    char snapshot[KEYS_SIZE];
    char history[KEYS_SIZE];
    char field[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    char oldest[NUMBER_SIZE];
    const char *arguments[] = {snapshot, history, field, life, oldest};
    keys_snapshot(of->epoch, &of->auction_id, snapshot);
    keys_history(of->epoch, &of->auction_id, history);
    (void)snprintf(field, sizeof field, "%d", of->limit);
    (void)snprintf(life, sizeof life, "%d", CACHE_HISTORY_KEPT_S);
    (void)snprintf(oldest, sizeof oldest, "%d", of->stale ? -1 : CACHE_HISTORY_LIFE_S);
    return redis_call(redis, GATEWAY_SCRIPT_HISTORY, answered, arg, 2, ARRAY_LEN(arguments), arguments, NULL);
}

void cache_history_store(struct redis *redis, const struct cache_history *of, int64_t version, struct jsonw *json)
{
    char history[KEYS_SIZE];
    char field[NUMBER_SIZE];
    char version_text[NUMBER_SIZE];
    char life[NUMBER_SIZE];
    char oldest[NUMBER_SIZE];
    const char *arguments[] = {history, field, version_text, to_keep(json), life, oldest};
    keys_history(of->epoch, &of->auction_id, history);
    (void)snprintf(field, sizeof field, "%d", of->limit);
    (void)snprintf(version_text, sizeof version_text, "%lld", (long long)version);
    (void)snprintf(life, sizeof life, "%d", CACHE_HISTORY_KEPT_S);
    (void)snprintf(oldest, sizeof oldest, "%d", CACHE_HISTORY_LIFE_S);
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

bool cache_history_answer(struct request *request, const redisReply *reply, bool stale)
{
    static const char mark[] = ",\"stale\":true}";
    bool there =
        reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[0]->len > 2;
    size_t length = there ? (size_t)reply->element[0]->len : 0;
    char *text = there ? malloc(length + sizeof mark) : NULL;
    if (text == NULL) {
        return false;
    }
    memcpy(text, reply->element[0]->str, length);
    if (stale) {
        memcpy(text + length - 1, mark, sizeof mark - 1); /* over the last brace */
        length += sizeof mark - 2;
        reply_age(request, 1000 * reply->element[1]->integer);
    }
    reply_bytes(request, 200, "application/json", text, length);
    free(text);
    return true;
}

bool cache_search_answer(struct request *request, const redisReply *reply)
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
