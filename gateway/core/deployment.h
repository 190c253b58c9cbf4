/*
 * The deployment's constants and keys in a worker's memory. deployment_reader.c writes them; all other modules only
 * read.
 */
#ifndef ROSTRUM_GATEWAY_CORE_DEPLOYMENT_H
#define ROSTRUM_GATEWAY_CORE_DEPLOYMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/io/pg.h"
#include "gateway/core/jws.h"
#include "gateway/core/token.h"

enum { DEPLOYMENT_KEY_BYTES = 32 };

/* The deployment's record in PostgreSQL. It never changes, except for the keys of access tokens. */
struct deployment_facts {
    unsigned shards;
    uint8_t idempotency[DEPLOYMENT_KEY_BYTES]; /* keys the hash that makes bid ids out of idempotency keys */
    uint8_t pseudonym[DEPLOYMENT_KEY_BYTES];   /* keys bidders' public names */
    uint8_t receipt[DEPLOYMENT_KEY_BYTES];     /* Ed25519 seed of receipts */
    struct token_keys tokens;                  /* Ed25519 seeds of access tokens, as first read */
};

/*
 * The facts are in memory that all workers share, so they survive restarts of workers and outages of PostgreSQL. The
 * first worker that reads them from PostgreSQL writes them there. Later workers start with this copy.
 */
struct deployment_record {
    atomic_bool known;
    struct deployment_facts facts;
};

struct deployment {
    bool known; /* the facts were read; until then only /health and /time are served */
    struct deployment_facts facts;
    struct tokens *tokens;                 /* issues and verifies access tokens; NULL until the facts are known */
    struct jws_key receipts;               /* signs receipts; valid once `known` */
    int64_t clock_offset_ms;               /* this machine's clock minus the database's, as last measured */
    char not_durable[PG_NOT_DURABLE_SIZE]; /* settings of PostgreSQL, see PG_SQL_NOT_DURABLE; "": none */
};

#endif
