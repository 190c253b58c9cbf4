/*
 * Answers cached in Redis: searches of guests, and the first page of an auction's bid history. Callers: listing.c,
 * ledger.c.
 *
 * A search is cached for CACHE_SEARCH_LIFE_MS, for guests only. Answers to users have additional members, and users
 * must see their own changes at once. serverTime is updated in each answer.
 *
 * A history is valid for one version of its auction. The version is in the auction's snapshot, so the next batch of
 * bids invalidates it.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_CACHE_H
#define ROSTRUM_GATEWAY_QUERY_CACHE_H

#include "common/base/json.h"
#include "common/io/redis.h"
#include "gateway/http/request.h"

enum {
    CACHE_SEARCH_LIFE_MS = 4000,    /* the API promises 5 s; the rest is the time to create and store it */
    CACHE_HISTORY_LIFE_S = 30,      /* as the API promises */
    CACHE_ANSWER_MAX_BYTES = 262144 /* longer answers are not cached, to save memory in Redis */
};

extern const struct redis_script cache_history_script;
extern const struct redis_script cache_history_store_script;

/*
 * Looks a search up by its hash (search_hash). `answered` gets the JSON as a string; any other reply is a miss. False:
 * no connection to Redis, and `answered` is not called.
 */
MUST_CHECK bool cache_search_read(struct redis *redis, const char *hash, redis_callback answered, void *arg);
/* Stores the answer in `json`. Does not wait for Redis. */
void cache_search_store(struct redis *redis, const char *hash, struct jsonw *json);

/* As cache_search_read, for the first page of a history with this limit. */
MUST_CHECK bool cache_history_read(struct redis *redis, const struct uuid *auction, int limit, redis_callback answered,
                                   void *arg);
/* Stores the answer in `json`. `version` is the auction's, read in the same statement as the history. */
void cache_history_store(struct redis *redis, const struct uuid *auction, int limit, int64_t version,
                         struct jsonw *json);

/* ENDS the request with the cached answer in `reply`. False on a miss: the request is not ended. */
MUST_CHECK bool cache_answer(struct request *request, const redisReply *reply);

#endif
