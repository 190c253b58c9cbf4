/*
 * Reads decided bids from PostgreSQL: one bid, the public history of an auction, the user's own maximum.
 */
#ifndef ROSTRUM_GATEWAY_BID_LEDGER_H
#define ROSTRUM_GATEWAY_BID_LEDGER_H

#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/protocol/message.h"
#include "common/service/config.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct ledger_context {
    const struct config *config;
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
};

enum {
    LEDGER_BID,
    LEDGER_BIDS, /* several: for submit_find */
    LEDGER_HISTORY,
    LEDGER_PROXY,
    LEDGER_COUNT
};
extern struct statements ledger_statements;
extern const struct route ledger_routes[];

/* Finds a bid. False: PostgreSQL is unavailable, and `callback` is not called. */
MUST_CHECK bool ledger_find(struct pg *pg, const struct uuid *auction, const struct uuid *bid, pg_callback callback,
                            void *arg);
/* Reads a row of ledger_find or LEDGER_BIDS; false if there is none. */
MUST_CHECK bool ledger_read(const PGresult *result, int row, struct decision *decision);
/* Writes the members of a bid as its bidder may see it. */
void ledger_put(struct jsonw *json, const struct decision *decision);
/* The same members as an object. */
void ledger_write(struct jsonw *json, const struct decision *decision);

#endif
