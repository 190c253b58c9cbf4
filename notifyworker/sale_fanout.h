/*
 * Notifies all who wait in the line of a sale, when it is sold out and when it starts within sale_starting_soon_s. It
 * polls table sale_fanouts and writes SALE_FANOUT_PAGE notifications in a transaction, in the order of the line. The
 * transaction also notes how far it came. So each user is notified once, although several of these programs run and may
 * end at any time. Who joins after the announcement of the start is not notified of it.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_SALE_FANOUT_H
#define ROSTRUM_NOTIFYWORKER_SALE_FANOUT_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

enum { SALE_FANOUT_PAGE = 500 };

enum sale_fanout_statement { SALE_FANOUT_ANNOUNCE, SALE_FANOUT_NEXT, SALE_FANOUT_STATEMENTS };

extern const struct pg_statement sale_fanout_table[SALE_FANOUT_STATEMENTS];

struct push;
struct sale_fanout;

/*
 * `first_statement`: index of sale_fanout_table[0] in the table of `pg`. `soon_s`: sale_starting_soon_s, 0: no start is
 * announced. NULL: no memory.
 */
MUST_CHECK struct sale_fanout *sale_fanout_new(struct event_base *base, struct pg *pg, size_t first_statement,
                                               struct push *push, int soon_s);
/* Free `pg` first. */
void sale_fanout_free(struct sale_fanout *fanout);
/* Stops polling. */
void sale_fanout_drain(struct sale_fanout *fanout);

#endif
