/*
 * What webhooks of the deployment are told: each event once, whomever it concerns, where a user's are told of the
 * user's own notifications (a trigger, schema/). Gathers the events of a slice into one statement of its transaction.
 * The id of a delivery is made from event and webhook: the same event again makes the same row again.
 *
 * Caller: inapp.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_DEPLOYMENT_WEBHOOKS_H
#define ROSTRUM_NOTIFYWORKER_DEPLOYMENT_WEBHOOKS_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/protocol/message.h"

enum deployment_webhooks_statement { DEPLOYMENT_WEBHOOKS_ADD, DEPLOYMENT_WEBHOOKS_STATEMENTS };

extern const struct pg_statement deployment_webhooks_table[DEPLOYMENT_WEBHOOKS_STATEMENTS];

struct deployment_webhooks;

/* `first_statement`: index of deployment_webhooks_table[0] in the table of the pool. NULL only without memory. */
MUST_CHECK struct deployment_webhooks *deployment_webhooks_new(size_t first_statement);
void deployment_webhooks_free(struct deployment_webhooks *calls);
/* Forgets the events gathered so far. */
void deployment_webhooks_reset(struct deployment_webhooks *calls);
/* Events of kinds that no webhook can choose are passed over. */
void deployment_webhooks_add(struct deployment_webhooks *calls, const struct auction_event *event);
/* Events gathered; 0: there is nothing to send. */
size_t deployment_webhooks_count(const struct deployment_webhooks *calls);
/* Queues the statement. False when the connection does not take it, or without memory. */
MUST_CHECK bool deployment_webhooks_send(struct deployment_webhooks *calls, struct pg_tx *tx);

#endif
