/*
 * Notifies many users of one event, a page of them in a transaction, which also notes how far it came. So each user is
 * notified once, although several of these programs run and may end at any time.
 *
 *     FANOUT_SALES     table sale_fanouts: all who wait in the line of a sale, when it is sold out (sale_writer.h) and
 *                      when its start is announced (endworker/starting_soon.h), in the order of the line. The
 *                      announcement of a start goes on until the start: those who join after it are notified as well.
 *     FANOUT_WATCHERS  table watch_fanouts: the watchers of an auction that has many (watchers.h, recipients.h)
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_FANOUT_H
#define ROSTRUM_NOTIFYWORKER_FANOUT_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

enum { FANOUT_SALES_PAGE = 500, FANOUT_WATCHERS_PAGE = 5000 };
enum fanout_statement { FANOUT_SALES, FANOUT_WATCHERS, FANOUT_STATEMENTS };

extern const struct pg_statement fanout_table[FANOUT_STATEMENTS];

struct push;
struct fanout;

/* `first_statement`: index of fanout_table[0] in the table of `pg`. NULL: no memory. */
MUST_CHECK struct fanout *fanout_new(struct event_base *base, struct pg *pg, size_t first_statement,
                                     enum fanout_statement statement, struct push *push);
/* Free `pg` first. */
void fanout_free(struct fanout *fanout);
/* Stops polling. */
void fanout_drain(struct fanout *fanout);

#endif
