/*
 * Auctions as a kind of what clients watch (watch.h): their state comes from PostgreSQL or from live updates of the bid
 * worker.
 *
 * Caller: components.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_AUCTION_WATCH_H
#define ROSTRUM_GATEWAY_LIVE_AUCTION_WATCH_H

#include "gateway/live/watch.h"

extern struct statements auction_watch_statements;
extern const struct watch_kind auction_watch_kind;

/* Handles a message of a channel live:{auction}. */
void auction_watch_message(struct watches *watches, const struct uuid *auction, const char *bytes, size_t length);

#endif
