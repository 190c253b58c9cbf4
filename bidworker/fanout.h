/*
 * News that only those hear who listen now: what became of an auction, to the gateways whose clients watch it, and what
 * became of a bid, to wherever its bidder is connected. Most auctions and most bidders have nobody who listens, and
 * a channel is cheaper asked about, many at a time, than written to: the message is made only for those who are there.
 *
 * Whoever begins to listen after the question looks into PostgreSQL afterwards, where the batch is committed already.
 *
 * Caller: emit.c.
 */
#ifndef ROSTRUM_BIDWORKER_FANOUT_H
#define ROSTRUM_BIDWORKER_FANOUT_H

#include "common/io/redis.h"
#include "common/protocol/live_update.h"
#include "common/protocol/message.h"

struct fanout;

/* `redis` is borrowed, and is to be freed first: what is under way ends with it. */
MUST_CHECK struct fanout *fanout_new(struct redis *redis);
void fanout_free(struct fanout *fanout);
/* Both copy, and may ask Redis at once. False: Redis takes no more, or no memory; some of it is not told. */
MUST_CHECK bool fanout_update(struct fanout *fanout, const struct live_update *update);
MUST_CHECK bool fanout_decision(struct fanout *fanout, const struct decision *decision);
/* Asks about what was collected. */
MUST_CHECK bool fanout_flush(struct fanout *fanout);

#endif
