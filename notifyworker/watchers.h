/*
 * Tells those who watch an auction of new bids, at most once a minute for each auction, and of its cancellation. It
 * looks at the auctions themselves every watch_poll_ms instead of listening to events: a bid costs nothing more for
 * being watched, and the many bids of a minute are one look. What is noted and what is told is one statement, so that
 * several of these programs tell nobody twice.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_WATCHERS_H
#define ROSTRUM_NOTIFYWORKER_WATCHERS_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

enum watchers_statement { WATCHERS_TELL_BIDS, WATCHERS_CLOSE, WATCHERS_STATEMENTS };

extern const struct pg_statement watchers_table[WATCHERS_STATEMENTS];

struct push;
struct watchers;

/* `first_statement`: index of watchers_table[0] in the table of `pg`. NULL only without memory. */
MUST_CHECK struct watchers *watchers_new(struct event_base *base, struct pg *pg, size_t first_statement,
                                         struct push *push, int poll_ms);
/* Free `pg` before. */
void watchers_free(struct watchers *watchers);
/* Begins no further look. */
void watchers_drain(struct watchers *watchers);

#endif
