/*
 * Argon2id on a few threads, so that a flood of logins never slows a bid: the queue is bounded (hash_queue_max), and
 * a full one is 503. Results come back on the loop.
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
    int queue_max; /* jobs waiting or being worked on */
    int ops;       /* Argon2id's passes */
    int memory_kib;
};

MUST_CHECK struct hashpool *hashpool_new(const struct hashpool_options *options);
/* Jobs not yet done are dropped: no callback comes any more. */
void hashpool_free(struct hashpool *pool);

/* `hash` is the encoded text, NULL if it could not be made (no memory). */
typedef void (*hashpool_hashed)(const char *hash, void *arg);
typedef void (*hashpool_verified)(bool right, void *arg);
/* The password is copied, and wiped when done. False: the queue is full, and the callback will not come. */
MUST_CHECK bool hashpool_hash(struct hashpool *pool, const char *password, hashpool_hashed done, void *arg);
/* A NULL `hash` takes the same time and is never right: for unknown accounts. */
MUST_CHECK bool hashpool_verify(struct hashpool *pool, const char *hash, const char *password, hashpool_verified done,
                                void *arg);

#endif
