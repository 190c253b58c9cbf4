/*
 * What a worker knows of the deployment. deployment_reader.c fills it; everyone else reads it.
 */
#ifndef ROSTRUM_GATEWAY_CORE_DEPLOYMENT_H
#define ROSTRUM_GATEWAY_CORE_DEPLOYMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/jws.h"
#include "gateway/core/token.h"

enum { DEPLOYMENT_KEY_BYTES = 32 };

/* What PostgreSQL has on record of the deployment; the same for its whole life, but for the keys of access tokens. */
struct deployment_facts {
    unsigned shards;
    uint8_t idempotency[DEPLOYMENT_KEY_BYTES]; /* keys the hash that makes bid ids out of idempotency keys */
    uint8_t pseudonym[DEPLOYMENT_KEY_BYTES];   /* keys bidders' public names */
    uint8_t receipt[DEPLOYMENT_KEY_BYTES];     /* Ed25519 seed of receipts */
    struct token_keys tokens;                  /* Ed25519 seeds of access tokens, as first read */
};

/*
 * The facts outlive workers and PostgreSQL's outages: they stand in memory that the master's children share. The first
 * worker to read them from PostgreSQL writes them there, later ones begin with them.
 */
struct deployment_record {
    atomic_bool known;
    struct deployment_facts facts;
};

struct deployment {
    bool known; /* the facts are there; before that nobody can be served but /health and /time */
    struct deployment_facts facts;
    struct tokens *tokens;   /* issues and verifies access tokens; NULL until the facts are known */
    struct jws_key receipts; /* signs receipts; likewise */
    int64_t clock_offset_ms; /* this machine's clock less the database's, as last measured */
};

#endif
