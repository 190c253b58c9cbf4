/*
 * Answers that Redis keeps for a short while: of searches by guests, and of the first page of an auction's bid history.
 *
 * A search is kept for CACHE_SEARCH_LIFE_MS. Only guests are served from there: who is signed in sees members that
 * others do not, and each change of their own at once. serverTime is set anew in each answer.
 *
 * A history is valid for one version of its auction, which is told by the snapshot: the next batch is its end.
 */
#ifndef ROSTRUM_GATEWAY_QUERY_CACHE_H
#define ROSTRUM_GATEWAY_QUERY_CACHE_H

#include "common/base/json.h"
#include "common/io/redis.h"
#include "gateway/http/request.h"

enum {
    CACHE_SEARCH_LIFE_MS = 4000,    /* the contract's 5 s, less the time of making and storing it */
    CACHE_HISTORY_LIFE_S = 30,      /* the contract's */
    CACHE_ANSWER_MAX_BYTES = 262144 /* a longer answer is not kept: Redis is for many small ones */
};

extern const struct redis_script cache_history_script;
extern const struct redis_script cache_history_keep_script;

/* `answered` gets the JSON as a string, or something else. False: Redis is not there. `hash` names the search. */
MUST_CHECK bool cache_search_ask(struct redis *redis, const char *hash, redis_callback answered, void *arg);
/* Keeps the answer that the writer holds. */
void cache_search_keep(struct redis *redis, const char *hash, struct jsonw *json);

/* The same of the first page of a history with this limit. */
MUST_CHECK bool cache_history_ask(struct redis *redis, const struct uuid *auction, int limit, redis_callback answered,
                                  void *arg);
/* `version`: the auction's, read in the same statement as the history. */
void cache_history_keep(struct redis *redis, const struct uuid *auction, int limit, int64_t version,
                        struct jsonw *json);

/* ENDS the request with what `answered` got; false: it was nothing, and the request goes on. */
MUST_CHECK bool cache_answer(struct request *request, const redisReply *reply);

#endif
