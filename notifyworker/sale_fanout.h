/*
 * Notifies all who wait in the line of a sale, when it is sold out (sale_writer.h) and when its start is announced
 * (endworker/starting_soon.h). It polls table sale_fanouts and writes SALE_FANOUT_PAGE notifications in a transaction,
 * in the order of the line. The transaction also notes how far it came. So each user is notified once, although several
 * of these programs run and may end at any time. The announcement of a start goes on until the start: those who join
 * after it are notified as well.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_SALE_FANOUT_H
#define ROSTRUM_NOTIFYWORKER_SALE_FANOUT_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

enum { SALE_FANOUT_PAGE = 500 };

enum sale_fanout_statement { SALE_FANOUT_NEXT, SALE_FANOUT_STATEMENTS };

extern const struct pg_statement sale_fanout_table[SALE_FANOUT_STATEMENTS];

struct push;
struct sale_fanout;

/* `first_statement`: index of sale_fanout_table[0] in the table of `pg`. NULL: no memory. */
MUST_CHECK struct sale_fanout *sale_fanout_new(struct event_base *base, struct pg *pg, size_t first_statement,
                                               struct push *push);
/* Free `pg` first. */
void sale_fanout_free(struct sale_fanout *fanout);
/* Stops polling. */
void sale_fanout_drain(struct sale_fanout *fanout);

#endif
