/*
 * /admin/dead-letters: what no program could handle, as notifyworker/dead_letter_sink wrote it down. Requeueing puts
 * the message into the outbox, for the exchange and key that it once had, and so in front of the same program again.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_DEADLETTERS_H
#define ROSTRUM_GATEWAY_ADMIN_DEADLETTERS_H

#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use; made by components.c. */
struct deadletters_context {
    const struct deployment *deployment;
    struct pg *pg;
};

extern const struct route deadletters_routes[];
extern struct statements deadletters_statements;

#endif
