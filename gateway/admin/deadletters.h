/*
 * /admin/dead-letters: messages that no program could handle, as stored by notifyworker/dead_letter_sink. Requeueing
 * puts a message into the outbox with its original exchange and routing key, so that the same program receives it
 * again.
 */
#ifndef ROSTRUM_GATEWAY_ADMIN_DEADLETTERS_H
#define ROSTRUM_GATEWAY_ADMIN_DEADLETTERS_H

#include "gateway/core/deployment.h"
#include "gateway/http/router.h"
#include "gateway/query/statements.h"

/* What the handlers use. components.c fills it. */
struct deadletters_context {
    const struct deployment *deployment;
    struct pg *pg;
};

extern const struct route deadletters_routes[];
extern struct statements deadletters_statements;

#endif
