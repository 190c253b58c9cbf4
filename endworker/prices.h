/*
 * The prices by which searches find auctions, brought up to date behind the bids: while this end worker leads, it pays
 * every second what batches owe (schema 0007). Nothing is lost with the process: what is owed stands in the
 * database.
 *
 * Callers: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_PRICES_H
#define ROSTRUM_ENDWORKER_PRICES_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

struct prices;

/* Idle until prices_lead. `pg`: with statements_table. NULL only without memory. */
MUST_CHECK struct prices *prices_new(struct event_base *base, struct pg *pg);
/* Free `pg` before. NULL is allowed. */
void prices_free(struct prices *prices);
/* Begins or stops; a statement under way ends by itself. */
void prices_lead(struct prices *prices, bool leading);

#endif
