/*
 * Changes to an auction. What is published is changed by a command in its queue (API.md, rule 11): the call waits for
 * its decision. A draft is nobody's but its seller's and is changed at once.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_CHANGES_H
#define ROSTRUM_GATEWAY_AUCTION_CHANGES_H

#include "common/service/config.h"
#include "gateway/auction/documents.h"
#include "gateway/bid/submission.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use; made by components.c. */
struct changes_context {
    const struct config *config;
    struct pg *pg;
    struct documents *documents;
    const struct submissions *submissions;
};

extern const struct route changes_routes[];
extern struct statements changes_statements;

#endif
