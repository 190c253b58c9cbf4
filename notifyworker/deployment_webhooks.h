/*
 * Deliveries to webhooks of the deployment: each event once, for all users. A user's own webhooks get the notifications
 * of that user (a trigger, schema/). It collects the events of a slice into one statement of the slice's transaction.
 * The id of a delivery is a hash of event and webhook: a repeated event results in the same row.
 *
 * Caller: auction_writer.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_DEPLOYMENT_WEBHOOKS_H
#define ROSTRUM_NOTIFYWORKER_DEPLOYMENT_WEBHOOKS_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/protocol/message.h"

enum deployment_webhooks_statement { DEPLOYMENT_WEBHOOKS_ADD, DEPLOYMENT_WEBHOOKS_STATEMENTS };

extern const struct pg_statement deployment_webhooks_table[DEPLOYMENT_WEBHOOKS_STATEMENTS];

struct deployment_webhooks;

/* `first_statement`: index of deployment_webhooks_table[0] in the table of the pool. NULL: no memory. */
MUST_CHECK struct deployment_webhooks *deployment_webhooks_new(size_t first_statement);
void deployment_webhooks_free(struct deployment_webhooks *calls);
/* Drops the collected events. */
void deployment_webhooks_reset(struct deployment_webhooks *calls);
/* Ignores events of kinds that webhooks cannot select. */
void deployment_webhooks_add(struct deployment_webhooks *calls, const struct auction_event *event);
/* Number of collected events; 0: there is nothing to send. */
size_t deployment_webhooks_count(const struct deployment_webhooks *calls);
/* Queues the statement. False: the connection refused it, or no memory. */
MUST_CHECK bool deployment_webhooks_send(struct deployment_webhooks *calls, struct pg_tx *tx);

#endif
