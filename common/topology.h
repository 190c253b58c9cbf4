/*
 * The names of everything the house has in the broker. `rostrumctl migrate` alone declares it; programs only check
 * that it is there.
 *
 *   exchange bids.shard.NN (fanout) bids.auction.<uuid>.<NN>                 ->  queue bids.shard.NN
 *   exchange events (topic)        auction.batch, auction.settled, auction.ending_soon  ->  queue notify
 *                                  auction.ended                           ->  queue auction_end
 *   exchange dead (topic)          #  ->  queue dead_letters
 *
 * Shard queues: quorum, x-single-active-consumer, x-max-length with reject-publish, x-delivery-limit high (a count of
 * hand-overs, not of guilt). notify, auction_end, dead_letters: quorum.
 */
#ifndef ROSTRUM_COMMON_TOPOLOGY_H
#define ROSTRUM_COMMON_TOPOLOGY_H

#include "common/base.h"
#include "common/ids.h"

#define TOPOLOGY_EVENTS_EXCHANGE   "events"
#define TOPOLOGY_DEAD_EXCHANGE     "dead"
#define TOPOLOGY_NOTIFY_QUEUE      "notify"
#define TOPOLOGY_AUCTION_END_QUEUE "auction_end"
#define TOPOLOGY_DEAD_QUEUE        "dead_letters"
#define TOPOLOGY_KEY_BATCH         "auction.batch"
#define TOPOLOGY_KEY_ENDED         "auction.ended"
#define TOPOLOGY_KEY_SETTLED       "auction.settled"
#define TOPOLOGY_KEY_ENDING_SOON   "auction.ending_soon"
/* Keys of dead letters: dead.bids, dead.notify, dead.auction_end. */
#define TOPOLOGY_KEY_DEAD_BIDS        "dead.bids"
#define TOPOLOGY_KEY_DEAD_NOTIFY      "dead.notify"
#define TOPOLOGY_KEY_DEAD_AUCTION_END "dead.auction_end"

enum {
    TOPOLOGY_SHARDS_MAX = 100, /* two digits in the routing key */
    TOPOLOGY_QUEUE_SIZE = 16,  /* "bids.shard.NN" */
    TOPOLOGY_KEY_SIZE = 56,    /* "bids.auction.<36>.NN" */
};

/* Of a shard's exchange and of its queue. */
void topology_shard_name(unsigned shard, char out[static TOPOLOGY_QUEUE_SIZE]);
/*
 * Where a command of an auction is published: the exchange of its shard, and the auction's own key. An exchange a
 * shard, because choosing among queues costs the broker: a topic exchange bound by bids.*.*.NN took 111 to 160
 * microseconds a message, a direct one with the shard's key in header CC 64 to 90 (side by side), this one another 7 %
 * less.
 */
void topology_bid_exchange(const struct uuid *auction_id, unsigned shards, char out[static TOPOLOGY_QUEUE_SIZE]);
void topology_bid_key(const struct uuid *auction_id, unsigned shards, char out[static TOPOLOGY_KEY_SIZE]);

#endif
