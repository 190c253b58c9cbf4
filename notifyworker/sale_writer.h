/*
 * What events of flash sales cause:
 *
 *     TURN_*, ORDER_RESERVED, ORDER_CONFIRMED, ORDER_EXPIRED   a notification to the user of the event
 *     REFUND_DUE                                              the same, and one to each admin
 *     SOLD_OUT                                                a row in table sale_fanouts, for fanout.h
 *
 * Other events cause no notification. Each event goes to webhooks of the deployment (sale_webhooks.h). Kinds that a
 * user has muted are skipped, unless the user wants them by email or webhook. The id of a notification is a hash of
 * kind, sale, user, seq and order: a repeated event results in the same id, and its row already exists.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_SALE_WRITER_H
#define ROSTRUM_NOTIFYWORKER_SALE_WRITER_H

#include "common/base/base.h"
#include "common/io/pg.h"
#include "notifyworker/inapp.h"

enum sale_writer_statement { SALE_WRITER_NOTIFY, SALE_WRITER_FAN_OUT, SALE_WRITER_STATEMENTS };

extern const struct pg_statement sale_writer_table[SALE_WRITER_STATEMENTS];
extern const struct inapp_writer sale_writer_calls;

struct sale_writer;
struct push;

/* Indexes of sale_writer_table[0] and sale_webhooks_table[0] in the table of the pool. NULL: no memory. */
MUST_CHECK struct sale_writer *sale_writer_new(size_t first_statement, size_t first_of_webhooks, struct push *push);
void sale_writer_free(struct sale_writer *writer);

#endif
