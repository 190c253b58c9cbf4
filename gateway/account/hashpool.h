/*
 * Argon2id password hashing on a pool of threads, so that many logins do not delay bids. The queue is bounded
 * (hash_queue_max); when it is full, callers answer 503. Callbacks run on the event loop.
 *
 * Callers: accounts.c, recovery.c.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_HASHPOOL_H
#define ROSTRUM_GATEWAY_ACCOUNT_HASHPOOL_H

#include <event2/event.h>
#include <sodium.h>

#include "common/base/base.h"

enum { HASHPOOL_TEXT_SIZE = crypto_pwhash_STRBYTES };

struct hashpool;

struct hashpool_options {
    struct event_base *base;
    int threads;
    int queue_max; /* jobs that wait or run */
    int ops;       /* passes of Argon2id */
    int memory_kib;
};

MUST_CHECK struct hashpool *hashpool_new(const struct hashpool_options *options);
/* Drops open jobs: their callbacks are not called any more. */
void hashpool_free(struct hashpool *pool);

/* `hash` is in the encoded format of crypto_pwhash_str; NULL if out of memory. */
typedef void (*hashpool_hashed)(const char *hash, void *arg);
typedef void (*hashpool_verified)(bool right, void *arg);
/* Copies the password and wipes the copy afterwards. False: the queue is full, and `done` is not called. */
MUST_CHECK bool hashpool_hash(struct hashpool *pool, const char *password, hashpool_hashed done, void *arg);
/* A NULL `hash`, for unknown accounts, takes the same time and never verifies. */
MUST_CHECK bool hashpool_verify(struct hashpool *pool, const char *hash, const char *password, hashpool_verified done,
                                void *arg);

#endif
