/*
 * Webhooks as a channel of deliveries: finds the endpoint, calls it (webhook_call), and records since when it has been
 * failing. The endpoint is switched off after a 410. It is also switched off when it has failed for webhook_off_after_s
 * and a delivery was given up. The same statement notifies its creator (WEBHOOK_OFF) in the app and by mail.
 *
 * The health is stored separately from the delivery's transaction: while PostgreSQL is down, it is stored at the next
 * failure.
 *
 * Caller: main.c, which passes the channel to deliveries.
 */
#ifndef ROSTRUM_NOTIFYWORKER_WEBHOOK_CHANNEL_H
#define ROSTRUM_NOTIFYWORKER_WEBHOOK_CHANNEL_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/service/config.h"
#include "notifyworker/deliveries.h"
#include "notifyworker/push.h"

enum webhook_channel_statement { WEBHOOK_CHANNEL_HEALTHY, WEBHOOK_CHANNEL_FAILING, WEBHOOK_CHANNEL_STATEMENTS };

extern const struct pg_statement webhook_channel_table[WEBHOOK_CHANNEL_STATEMENTS];

struct webhook_channel;

/*
 * `first_statement`: index of webhook_channel_table[0] in the table of `pg`. `push` is borrowed; signals are sent at
 * once. NULL: no memory.
 */
MUST_CHECK struct webhook_channel *webhook_channel_new(const struct config *config, struct pg *pg,
                                                       size_t first_statement, struct push *push);
/* Free the deliveries and `pg` first. */
void webhook_channel_free(struct webhook_channel *channel);
/* The channel for deliveries; its `arg` is `channel`. */
struct delivery_channel webhook_channel_describe(struct webhook_channel *channel);

#endif
