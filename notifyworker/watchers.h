/*
 * Notifies watchers of an auction: of new bids, at most once a minute for each auction, of extensions, at most once in
 * five minutes, and of its cancellation. It asks every watch_poll_ms about the auctions that events named since then.
 * It also looks at a part of all watched ones, and so at each of them once a minute; up to 1,000 are one part. So a bid
 * costs nothing more for being watched, and many bids of a minute cost one query. One statement both marks the auctions
 * and writes the notifications, so that several of these programs write no duplicates.
 *
 * Callers: main.c, auction_writer.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_WATCHERS_H
#define ROSTRUM_NOTIFYWORKER_WATCHERS_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/io/pg.h"

enum watchers_statement {
    WATCHERS_LOOK,
    WATCHERS_NOTIFY_BIDS,
    WATCHERS_NOTIFY_EXTENSIONS,
    WATCHERS_CLOSE,
    WATCHERS_STATEMENTS
};

extern const struct pg_statement watchers_table[WATCHERS_STATEMENTS];

struct push;
struct watchers;

/* `first_statement`: index of watchers_table[0] in the table of `pg`. NULL: no memory. */
MUST_CHECK struct watchers *watchers_new(struct event_base *base, struct pg *pg, size_t first_statement,
                                         struct push *push, int poll_ms);
/* Free `pg` first. */
void watchers_free(struct watchers *watchers);
/* An event named this auction: the next poll asks about it. */
void watchers_moved(struct watchers *watchers, const struct uuid *auction);
/* Stops polling. */
void watchers_drain(struct watchers *watchers);

#endif
