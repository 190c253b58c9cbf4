/*
 * Webhooks as a channel of deliveries: finds the endpoint, has it called (webhook_call), and keeps its health: since
 * when it fails, and that it is switched off when it failed for webhook_off_after_s and a delivery had to be given up,
 * or when it answered 410. Who made it is told (WEBHOOK_OFF), in the app and by mail, by the same statement.
 *
 * Health is a note beside the delivery and not part of its transaction: if PostgreSQL is away it is written at the next
 * failure.
 *
 * Caller: main.c, which hands the channel to deliveries.
 */
#ifndef ROSTRUM_NOTIFYWORKER_WEBHOOK_CHANNEL_H
#define ROSTRUM_NOTIFYWORKER_WEBHOOK_CHANNEL_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/service/config.h"
#include "notifyworker/deliveries.h"
#include "notifyworker/push.h"

enum webhook_channel_statement { WEBHOOK_CHANNEL_WELL, WEBHOOK_CHANNEL_ILL, WEBHOOK_CHANNEL_STATEMENTS };

extern const struct pg_statement webhook_channel_table[WEBHOOK_CHANNEL_STATEMENTS];

struct webhook_channel;

/*
 * `first_statement`: index of webhook_channel_table[0] in the table of `pg`. `push` is borrowed, and sent at once. NULL
 * only without memory.
 */
MUST_CHECK struct webhook_channel *webhook_channel_new(const struct config *config, struct pg *pg,
                                                       size_t first_statement, struct push *push);
/* Free the deliveries and `pg` before. */
void webhook_channel_free(struct webhook_channel *channel);
/* For deliveries; its `arg` is the channel. */
struct delivery_channel webhook_channel_describe(struct webhook_channel *channel);

#endif
