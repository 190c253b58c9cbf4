/*
 * The deployment's constants and keys in a worker's memory. deployment_reader.c writes them; all other modules only
 * read.
 */
#ifndef ROSTRUM_GATEWAY_CORE_DEPLOYMENT_H
#define ROSTRUM_GATEWAY_CORE_DEPLOYMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/jws.h"
#include "gateway/core/token.h"

enum {
    DEPLOYMENT_KEY_BYTES = 32,
    DEPLOYMENT_TOKENS_CURRENT_MS = 10000, /* less than the age at which a key begins to sign (deployment_reader.c) */
};

/* The deployment's record in PostgreSQL. It never changes, except for the keys of access tokens. */
struct deployment_facts {
    unsigned shards;
    uint8_t idempotency[DEPLOYMENT_KEY_BYTES]; /* keys the hash that makes bid ids out of idempotency keys */
    uint8_t pseudonym[DEPLOYMENT_KEY_BYTES];   /* keys bidders' public names */
    uint8_t receipt[DEPLOYMENT_KEY_BYTES];     /* Ed25519 seed of receipts */
    struct token_keys tokens;                  /* Ed25519 seeds of access tokens, as last read */
};

/*
 * The facts are in memory that all workers share, so they survive restarts of workers and outages of PostgreSQL. The
 * workers write there what they read from PostgreSQL. Later workers start with this copy.
 */
struct deployment_record {
    atomic_uint version; /* 0: empty; odd: one worker writes; even: complete, and raised by each change */
    struct deployment_facts facts;
};

struct deployment {
    bool known; /* the facts were read; until then only /health and /time are served */
    struct deployment_facts facts;
    struct tokens *tokens;   /* issues and verifies access tokens; NULL until the facts are known */
    int64_t tokens_read_ms;  /* monotonic; when this worker last asked for the keys that it has; 0: never */
    struct jws_key receipts; /* signs receipts; valid once `known` */
    int64_t clock_offset_ms; /* this machine's clock minus the database's, as last measured */
};

/*
 * Returns whether the worker has read the keys of access tokens so recently that it knows each key that signs. Only
 * then a token of an unknown key is certainly invalid.
 */
bool deployment_tokens_current(const struct deployment *deployment);

#endif
