/*
 * What a gateway worker reads of PostgreSQL by itself: the deployment's record until it is known, and then, every few
 * seconds, the keys of access tokens and the offset of the clocks.
 *
 * Caller: parts.c.
 */
#ifndef ROSTRUM_GATEWAY_DEPLOYMENT_H
#define ROSTRUM_GATEWAY_DEPLOYMENT_H

#include "gateway/query/statements.h"

struct event;

extern struct statements deployment_statements;

/* The timer of it, for gateway->clock. NULL without memory. */
struct event *deployment_clock(struct gateway *gateway);
/* Once all else of the gateway is there. */
void deployment_begin(struct gateway *gateway);
/* PostgreSQL is there: the deployment becomes known at once. */
void deployment_look(struct gateway *gateway);

#endif
