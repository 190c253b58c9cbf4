/*
 * Updates the prices of the search index after bids. While this end worker leads, it processes every second the pending
 * updates of bid batches (schema 0007). The database stores pending updates, so nothing is lost with the process.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_PRICES_H
#define ROSTRUM_ENDWORKER_PRICES_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

struct prices;

/* Idle until prices_lead. `pg`: with statements_table. NULL: no memory. */
MUST_CHECK struct prices *prices_new(struct event_base *base, struct pg *pg);
/* Free `pg` first. NULL is allowed. */
void prices_free(struct prices *prices);
/* Starts or stops; a running statement is finished. */
void prices_lead(struct prices *prices, bool leading);

#endif
