/*
 * Changes of auctions. A published auction is changed by a command in its queue (docs/bidding-rules.md, rule 11), and
 * the request waits for the decision. A draft is visible to its seller only and is changed directly in PostgreSQL.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_CHANGES_H
#define ROSTRUM_GATEWAY_AUCTION_CHANGES_H

#include "common/service/config.h"
#include "gateway/http/router.h"
#include "gateway/query/documents.h"
#include "gateway/query/statements.h"
#include "gateway/submit/submission.h"

/* What the handlers use. components.c fills it. */
struct changes_context {
    const struct config *config;
    struct pg *pg;
    struct documents *documents;
    const struct submissions *submissions;
};

extern const struct route changes_routes[];
extern struct statements changes_statements;

#endif
