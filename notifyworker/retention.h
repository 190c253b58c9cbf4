/*
 * Deletes rows with a limited lifetime: the log of deliveries (delivery_keep_days), expired tokens of account mail,
 * expired sessions, old login places and idempotency keys. It runs periodically and deletes a bounded number of rows at
 * a time.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_RETENTION_H
#define ROSTRUM_NOTIFYWORKER_RETENTION_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

enum retention_statement { RETENTION_SWEEP, RETENTION_STATEMENTS };

extern const struct pg_statement retention_table[RETENTION_STATEMENTS];

struct retention;

/* `first_statement` is the index of retention_table[0] in the table of `pg`. NULL: no memory. */
MUST_CHECK struct retention *retention_new(struct event_base *base, struct pg *pg, size_t first_statement,
                                           int keep_days);
/* Free the pool first. */
void retention_free(struct retention *retention);
void retention_drain(struct retention *retention);

#endif
