/*
 * Fan-out of committed results to current subscribers: a live update of an auction to the gateways whose clients watch
 * it, a decision to the gateways where its bidder is connected. Most channels have no subscriber, and one PUBSUB NUMSUB
 * for many channels is cheaper than publishing to each. So a message is only built for channels with subscribers.
 *
 * A gateway that subscribes after the query reads PostgreSQL afterwards, where the batch is already committed.
 *
 * Caller: results.c.
 */
#ifndef ROSTRUM_BIDWORKER_FANOUT_H
#define ROSTRUM_BIDWORKER_FANOUT_H

#include "common/io/redis.h"
#include "common/protocol/live_update.h"
#include "common/protocol/message.h"

struct fanout;

/* `redis` is borrowed, and must be freed before the fan-out: freeing it ends all pending queries. */
MUST_CHECK struct fanout *fanout_new(struct redis *redis);
void fanout_free(struct fanout *fanout);
/* Both copy their argument, and may send a query. False: Redis takes no more, or no memory; some messages are lost. */
MUST_CHECK bool fanout_update(struct fanout *fanout, const struct live_update *update);
MUST_CHECK bool fanout_decision(struct fanout *fanout, const struct decision *decision);
/* Sends the query for the collected channels. False: Redis takes no more; the collected messages are lost. */
MUST_CHECK bool fanout_flush(struct fanout *fanout);

#endif
