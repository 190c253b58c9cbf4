/*
 * Deliveries of events of flash sales to webhooks of the deployment; as deployment_webhooks.h for auctions.
 *
 * Callers: sale_writer.c, main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_SALE_WEBHOOKS_H
#define ROSTRUM_NOTIFYWORKER_SALE_WEBHOOKS_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/protocol/sale_message.h"

/* ADD: (kinds, sales, users, seqs, orders, amounts, times in ms, times of the events in ms): arrays of the events */
enum sale_webhooks_statement { SALE_WEBHOOKS_ADD, SALE_WEBHOOKS_STATEMENTS };

extern const struct pg_statement sale_webhooks_table[SALE_WEBHOOKS_STATEMENTS];

/* The name of this event in webhook_deployment_kinds. */
const char *sale_webhooks_kind(enum sale_event_kind kind);

#endif
