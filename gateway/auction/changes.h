/*
 * Changes to an auction. What is published is changed by a command in its queue (API.md, rule 11): the call waits for
 * its decision. A draft is nobody's but its seller's and is changed at once.
 */
#ifndef ROSTRUM_GATEWAY_AUCTION_CHANGES_H
#define ROSTRUM_GATEWAY_AUCTION_CHANGES_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route changes_routes[];
extern struct statements changes_statements;

#endif
