/*
 * Notifies watchers of an auction: of new bids, at most once a minute for each auction, of extensions, at most once in
 * five minutes, and of its cancellation. It polls the auctions every watch_poll_ms instead of consuming events. So a
 * bid costs nothing more for being watched, and many bids of a minute cost one query. One statement both marks the
 * auctions and writes the notifications, so that several of these programs write no duplicates.
 *
 * Caller: main.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_WATCHERS_H
#define ROSTRUM_NOTIFYWORKER_WATCHERS_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"

enum watchers_statement { WATCHERS_NOTIFY_BIDS, WATCHERS_NOTIFY_EXTENSIONS, WATCHERS_CLOSE, WATCHERS_STATEMENTS };

extern const struct pg_statement watchers_table[WATCHERS_STATEMENTS];

struct push;
struct watchers;

/* `first_statement`: index of watchers_table[0] in the table of `pg`. NULL: no memory. */
MUST_CHECK struct watchers *watchers_new(struct event_base *base, struct pg *pg, size_t first_statement,
                                         struct push *push, int poll_ms);
/* Free `pg` first. */
void watchers_free(struct watchers *watchers);
/* Stops polling. */
void watchers_drain(struct watchers *watchers);

#endif
