/*
 * What webhooks of the house are told: each event once, whomever it concerns, where a user's are told of the user's own
 * notifications (a trigger, schema/). Gathers the events of a slice into one statement of its transaction. The id of a
 * delivery is made from event and webhook: the same event again makes the same row again.
 *
 * Caller: inapp.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_DEPLOYMENT_WEBHOOKS_H
#define ROSTRUM_NOTIFYWORKER_DEPLOYMENT_WEBHOOKS_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/protocol/message.h"

enum house_calls_statement { HOUSE_CALLS_ADD, HOUSE_CALLS_STATEMENTS };

extern const struct pg_statement house_calls_table[HOUSE_CALLS_STATEMENTS];

struct house_calls;

/* `first_statement`: index of house_calls_table[0] in the table of the pool. NULL only without memory. */
MUST_CHECK struct house_calls *house_calls_new(size_t first_statement);
void house_calls_free(struct house_calls *calls);
/* Forgets the events gathered so far. */
void house_calls_reset(struct house_calls *calls);
/* Events of kinds that no webhook can choose are passed over. */
void house_calls_add(struct house_calls *calls, const struct house_event *event);
/* Events gathered; 0: there is nothing to send. */
size_t house_calls_count(const struct house_calls *calls);
/* Queues the statement. False when the connection does not take it, or without memory. */
MUST_CHECK bool house_calls_send(struct house_calls *calls, struct pg_tx *tx);

#endif
