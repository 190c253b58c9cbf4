/*
 * What was decided, read from PostgreSQL: one bid, an auction's public history, a user's own standing maximum.
 */
#ifndef ROSTRUM_GATEWAY_BID_LEDGER_H
#define ROSTRUM_GATEWAY_BID_LEDGER_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/protocol/message.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use; made by components.c. */
struct ledger_context {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
};

extern struct statements ledger_statements;
extern const struct route ledger_routes[];

/* Looks for a bid. False: PostgreSQL is not there, and the callback does not come. */
MUST_CHECK bool ledger_find(struct pg *pg, const struct uuid *auction, const struct uuid *bid, pg_callback callback,
                            void *arg);
/* The row of ledger_find; false if there is none. */
MUST_CHECK bool ledger_read(const PGresult *result, struct decision *decision);
/* The members of a bid as the contract shows it to its bidder. */
void ledger_put(struct jsonw *json, const struct decision *decision);
/* The same as an object. */
void ledger_write(struct jsonw *json, const struct decision *decision);

#endif
