/*
 * Announces once that an auction ends within ending_soon_s. The row in table ending_soon and the event in the outbox
 * are committed together. Only the leader does this.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_ENDWORKER_ENDING_SOON_H
#define ROSTRUM_ENDWORKER_ENDING_SOON_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/io/redis.h"
#include "common/service/outbox.h"

struct ending_soon;

/* `pg` with statements_table; `within_s` is ending_soon_s, 0: disabled. NULL: no memory. */
MUST_CHECK struct ending_soon *ending_soon_new(struct event_base *base, struct pg *pg, struct outbox *outbox,
                                               struct redis *redis, int within_s);
/* Free `pg` first; `redis` may be freed before, too. */
void ending_soon_free(struct ending_soon *soon);
void ending_soon_lead(struct ending_soon *soon, bool leading);
/* True while a transaction is running. */
bool ending_soon_busy(const struct ending_soon *soon);

#endif
