/*
 * POST /payments/callback: a payment provider says that the payment of an order succeeded or failed. The call is signed
 * as Standard Webhooks (common/protocol/webhook.h) with a secret of the settings; nobody is logged in.
 *
 * It becomes a command to the sale of the order, CONFIRM or FAIL, and is answered 200 after the broker's confirm, not
 * after the decision. Anything else is no 200, so the provider repeats it. The command's id is a keyed hash of order,
 * reference and outcome: a repeated callback has the same id, and the sale worker decides it once. The rules decide
 * wrong amounts, late payments and refunds.
 *
 * A callback of an unknown order is 200, too, because repeating would not help. It is logged and counted. An order is
 * unknown only if it cannot be undecided; else the answer is 503, and the provider repeats. An order that was queued
 * within ORDERS_NOTE_LIFE_S has a note in Redis. An older one shows in the reports about its shard (backlog.h). After
 * both, PostgreSQL is asked again, because the order may just have been decided.
 */
#ifndef ROSTRUM_GATEWAY_SALE_PAYMENTS_H
#define ROSTRUM_GATEWAY_SALE_PAYMENTS_H

#include "common/protocol/webhook.h"
#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"
#include "gateway/submit/backlog.h"
#include "gateway/submit/submission.h"

/* What the handler uses. components.c fills it. */
struct payments_context {
    const struct deployment *deployment;
    struct pg *pg;
    struct redis *redis;
    const struct submissions *submissions; /* of sales */
    const struct backlog *backlog;         /* of sales */
    struct webhook_keys keys;              /* none: every callback is PAYMENTS_OFF */
};

extern const struct route payments_routes[];
extern struct statements payments_statements;

#endif
