/*
 * Argon2id password hashing on a pool of threads, so that many logins do not delay bids. The queue is bounded
 * (hash_queue_max); when it is full, callers answer 503. Callbacks run on the event loop.
 *
 * Half of the queue is kept for known clients: addresses that have logged in to the account before, and users who
 * change their password or follow a mailed link. So a flood of logins and registrations does not keep out those who use
 * their accounts.
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
    int queue_max; /* jobs that wait or run; of clients that are not known, half of it, and at least one */
    int ops;       /* passes of Argon2id */
    int memory_kib;
};

MUST_CHECK struct hashpool *hashpool_new(const struct hashpool_options *options);
/* Drops open jobs: their callbacks are not called any more. */
void hashpool_free(struct hashpool *pool);

/* `hash` is in the encoded format of crypto_pwhash_str; NULL if out of memory. */
typedef void (*hashpool_hashed)(const char *hash, void *arg);
typedef void (*hashpool_verified)(bool right, void *arg);
enum hashpool_client { HASHPOOL_OTHER, HASHPOOL_KNOWN };
/* What is hashed, and for which client. */
struct hashpool_job {
    enum hashpool_client client;
    const char *password; /* copied; the copy is wiped afterwards */
    const char *hash;     /* to verify; NULL, for unknown accounts, takes the same time and never verifies */
};

/* False: the queue is full for such a client, and `done` is not called. */
MUST_CHECK bool hashpool_hash(struct hashpool *pool, const struct hashpool_job *wanted, hashpool_hashed done,
                              void *arg);
MUST_CHECK bool hashpool_verify(struct hashpool *pool, const struct hashpool_job *wanted, hashpool_verified done,
                                void *arg);

#endif
