/*
 * Changes of flash sales by admins: new terms before the sale opens, a later end, the end at once, and cancellation.
 * Each is a command in the queue of the sale (common/rules/sale_rules.h), and the request waits for the decision.
 */
#ifndef ROSTRUM_GATEWAY_SALE_SALE_CHANGES_H
#define ROSTRUM_GATEWAY_SALE_SALE_CHANGES_H

#include "common/protocol/webhook.h"
#include "gateway/http/router.h"
#include "gateway/query/documents.h"
#include "gateway/submit/submission.h"

/* What the handlers use. components.c fills it. */
struct sale_changes_context {
    struct pg *pg;
    struct documents *documents;             /* of sales */
    const struct submissions *submissions;   /* of sales */
    const struct webhook_keys *payment_keys; /* none: no sale may be changed to take payments */
};

extern const struct route sale_changes_routes[];
extern struct statements sale_changes_statements;

#endif
