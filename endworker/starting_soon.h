/*
 * Announces once that a flash sale with an open line starts within sale_starting_soon_s. One statement writes the event
 * into the outbox and the row in table sale_fanouts, by which the notification worker notifies all who wait. Only the
 * leader does this.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_STARTING_SOON_H
#define ROSTRUM_ENDWORKER_STARTING_SOON_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/service/outbox.h"

struct starting_soon;

/* `pg` with statements_table; `within_s` is sale_starting_soon_s, 0: disabled. NULL: no memory. */
MUST_CHECK struct starting_soon *starting_soon_new(struct event_base *base, struct pg *pg, struct outbox *outbox,
                                                   int within_s);
/* Free `pg` first. NULL is allowed. */
void starting_soon_free(struct starting_soon *soon);
/* Starts or stops; a running statement is finished. */
void starting_soon_lead(struct starting_soon *soon, bool leading);
/* True while a statement is running. */
bool starting_soon_busy(const struct starting_soon *soon);

#endif
