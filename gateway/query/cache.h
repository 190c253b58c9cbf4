/*
 * Answers cached in Redis: searches and lists of guests, and the first page of an auction's bid history. Callers:
 * listing.c, timeline.c, ledger.c; search.c (hashes).
 *
 * A search or list is cached for CACHE_SEARCH_LIFE_MS, for guests only. Answers to users have additional members, and
 * users must see their own changes at once. serverTime is updated in each answer.
 *
 * A history is valid for one version of its auction. The version is in the auction's snapshot, so the next batch of
 * bids invalidates it.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_CACHE_H
#define ROSTRUM_GATEWAY_QUERY_CACHE_H

#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/io/redis.h"
#include "gateway/http/request.h"

enum {
    CACHE_HASH_SIZE = 33,           /* hexadecimal digits and the end */
    CACHE_SEARCH_LIFE_MS = 4000,    /* the API promises 5 s; the rest is the time to create and store it */
    CACHE_HISTORY_LIFE_S = 30,      /* as the API promises */
    CACHE_HISTORY_KEPT_S = 3600,    /* without PostgreSQL an older one is shown, as stale */
    CACHE_ANSWER_MAX_BYTES = 262144 /* longer answers are not cached, to save memory in Redis */
};

extern const struct redis_script cache_history_script;
extern const struct redis_script cache_history_store_script;

/* The hash of a search or list: what it is, and its parameters, texts without \x01 or NULL. */
void cache_hash(const void *kind, size_t kind_size, size_t count, const char *const *values,
                char out[static CACHE_HASH_SIZE]);
/*
 * Looks a search or list up by its hash. `answered` gets the JSON as a string; any other reply is a miss. False:
 * no connection to Redis, and `answered` is not called.
 */
MUST_CHECK bool cache_search_read(struct redis *redis, int64_t epoch, const char *hash, redis_callback answered,
                                  void *arg);
/* Stores the text in `json` for `life_ms`. Does not wait for Redis. */
void cache_search_store(struct redis *redis, int64_t epoch, const char *hash, int life_ms, struct jsonw *json);

/* The first page of a history. */
struct cache_history {
    int64_t epoch; /* when the request began */
    struct uuid auction_id;
    int limit;
    bool stale; /* of any age and version: PostgreSQL cannot answer */
};
/* As cache_search_read, but the reply is for cache_history_answer. */
MUST_CHECK bool cache_history_read(struct redis *redis, const struct cache_history *of, redis_callback answered,
                                   void *arg);
/* Stores the answer in `json`. `version` is the auction's, read in the same statement as the history. */
void cache_history_store(struct redis *redis, const struct cache_history *of, int64_t version, struct jsonw *json);

/* Both END the request with the cached answer in `reply`. False on a miss: the request is not ended. */
MUST_CHECK bool cache_search_answer(struct request *request, const redisReply *reply);
MUST_CHECK bool cache_history_answer(struct request *request, const redisReply *reply, bool stale);

#endif
