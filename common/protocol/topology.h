/*
 * The names of everything the deployment has in the broker. `rostrumctl migrate` alone declares it; programs only check
 * that it is there.
 *
 *   exchange bids.shard.NN (fanout) bids.auction.<uuid>.<NN>                 ->  queue bids.shard.NN
 *   exchange events (topic)        auction.batch, auction.settled, auction.ending_soon  ->  queue notify
 *                                  auction.ended                           ->  queue auction_end
 *   exchange dead (topic)          #  ->  queue dead_letters
 *   exchange deliveries (direct)   email    ->  queue deliveries.email
 *                                  webhook  ->  queue deliveries.webhook
 *   exchange deliveries.wait.N (fanout; N = 1, 2, 4, 8, 16)  ->  queue deliveries.wait.N
 *
 * Shard queues: quorum, x-single-active-consumer, x-max-length with reject-publish, x-delivery-limit high (a count of
 * hand-overs, not of guilt). notify, auction_end, dead_letters, deliveries: quorum.
 *
 * Nobody consumes deliveries.wait.N: after N seconds a message in it goes back to exchange deliveries, with the key
 * that it came with (dead-lettered at least once).
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_TOPOLOGY_H
#define ROSTRUM_COMMON_PROTOCOL_TOPOLOGY_H

#include "common/base/base.h"
#include "common/base/ids.h"

#define TOPOLOGY_EVENTS_EXCHANGE   "events"
#define TOPOLOGY_DEAD_EXCHANGE     "dead"
#define TOPOLOGY_NOTIFY_QUEUE      "notify"
#define TOPOLOGY_AUCTION_END_QUEUE "auction_end"
#define TOPOLOGY_DEAD_QUEUE        "dead_letters"
#define TOPOLOGY_KEY_BATCH         "auction.batch"
#define TOPOLOGY_KEY_ENDED         "auction.ended"
#define TOPOLOGY_KEY_SETTLED       "auction.settled"
#define TOPOLOGY_KEY_ENDING_SOON   "auction.ending_soon"
/* Keys of dead letters. */
#define TOPOLOGY_KEY_DEAD_BIDS        "dead.bids"
#define TOPOLOGY_KEY_DEAD_NOTIFY      "dead.notify"
#define TOPOLOGY_KEY_DEAD_AUCTION_END "dead.auction_end"
#define TOPOLOGY_KEY_DEAD_EMAIL       "dead.email"
#define TOPOLOGY_KEY_DEAD_WEBHOOK     "dead.webhook"
/* Deliveries: the exchange, the keys (as in column channel of table deliveries), the queues. */
#define TOPOLOGY_DELIVERIES_EXCHANGE "deliveries"
#define TOPOLOGY_KEY_EMAIL           "email"
#define TOPOLOGY_KEY_WEBHOOK         "webhook"
#define TOPOLOGY_EMAIL_QUEUE         "deliveries.email"
#define TOPOLOGY_WEBHOOK_QUEUE       "deliveries.webhook"
/* All delayed queues, and their exchanges, in their order. */
#define TOPOLOGY_WAIT_NAMES                                                                                            \
    "deliveries.wait.1", "deliveries.wait.2", "deliveries.wait.4", "deliveries.wait.8", "deliveries.wait.16"

enum {
    TOPOLOGY_SHARDS_MAX = 100, /* two digits in the routing key */
    TOPOLOGY_QUEUE_SIZE = 16,  /* "bids.shard.NN" */
    TOPOLOGY_KEY_SIZE = 56,    /* "bids.auction.<36>.NN" */
    TOPOLOGY_WAITS = 5,        /* delayed queues: 1, 2, 4, 8, 16 seconds */
    TOPOLOGY_WAIT_SIZE = 24,   /* "deliveries.wait.NN" */
};

/* Seconds that a message stays in the delayed queue `wait`, 0 to TOPOLOGY_WAITS - 1. */
int topology_wait_s(unsigned wait);
/* Of a delayed queue and of its exchange. */
void topology_wait_name(unsigned wait, char out[static TOPOLOGY_WAIT_SIZE]);
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
