/*
 * Names of all exchanges, queues and routing keys in RabbitMQ. Only `rostrumctl migrate` declares them; the other
 * programs check that they exist.
 *
 *   exchange bids.shard.NN (fanout)   bids.auction.<uuid>.<NN>               ->  queue bids.shard.NN
 *   exchange sales.shard.NN (fanout)  sales.sale.<uuid>.<NN>                 ->  queue sales.shard.NN
 *   exchange events (topic)        auction.batch, auction.settled, auction.ending_soon  ->  queue notify
 *                                  auction.ended                           ->  queue auction_end
 *                                  sale.batch, sale.starting_soon          ->  queue sale_notify
 *   exchange dead (topic)          #  ->  queue dead_letters
 *   exchange deliveries (direct)   email    ->  queue deliveries.email
 *                                  webhook  ->  queue deliveries.webhook
 *   exchange deliveries.wait.N (fanout; N = 1, 2, 4, 8, 16)  ->  queue deliveries.wait.N
 *
 * Shard queues: quorum, x-single-active-consumer, x-max-length with reject-publish. Their x-delivery-limit is high,
 * because a delivery count also rises when a shard is handed over. notify, sale_notify, auction_end, dead_letters,
 * deliveries: quorum.
 *
 * deliveries.wait.N has no consumer: after N seconds, its messages are dead-lettered (at least once) to exchange
 * deliveries with their original key.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_TOPOLOGY_H
#define ROSTRUM_COMMON_PROTOCOL_TOPOLOGY_H

#include "common/base/base.h"
#include "common/base/ids.h"

#define TOPOLOGY_EVENTS_EXCHANGE   "events"
#define TOPOLOGY_DEAD_EXCHANGE     "dead"
#define TOPOLOGY_NOTIFY_QUEUE      "notify"
#define TOPOLOGY_SALE_NOTIFY_QUEUE "sale_notify"
#define TOPOLOGY_AUCTION_END_QUEUE "auction_end"
#define TOPOLOGY_DEAD_QUEUE        "dead_letters"
#define TOPOLOGY_KEY_BATCH         "auction.batch"
#define TOPOLOGY_KEY_ENDED         "auction.ended"
#define TOPOLOGY_KEY_SETTLED       "auction.settled"
#define TOPOLOGY_KEY_ENDING_SOON   "auction.ending_soon"
#define TOPOLOGY_KEY_SALE_BATCH    "sale.batch"
#define TOPOLOGY_KEY_SALE_SOON     "sale.starting_soon"
/* Routing keys of dead letters. */
#define TOPOLOGY_KEY_DEAD_BIDS        "dead.bids"
#define TOPOLOGY_KEY_DEAD_SALES       "dead.sales"
#define TOPOLOGY_KEY_DEAD_NOTIFY      "dead.notify"
#define TOPOLOGY_KEY_DEAD_SALE_NOTIFY "dead.sale_notify"
#define TOPOLOGY_KEY_DEAD_AUCTION_END "dead.auction_end"
#define TOPOLOGY_KEY_DEAD_EMAIL       "dead.email"
#define TOPOLOGY_KEY_DEAD_WEBHOOK     "dead.webhook"
/* Deliveries: the exchange, the routing keys (as in column deliveries.channel), the queues. */
#define TOPOLOGY_DELIVERIES_EXCHANGE "deliveries"
#define TOPOLOGY_KEY_EMAIL           "email"
#define TOPOLOGY_KEY_WEBHOOK         "webhook"
#define TOPOLOGY_EMAIL_QUEUE         "deliveries.email"
#define TOPOLOGY_WEBHOOK_QUEUE       "deliveries.webhook"
/* All delayed queues in ascending order; their exchanges have the same names. */
#define TOPOLOGY_WAIT_NAMES                                                                                            \
    "deliveries.wait.1", "deliveries.wait.2", "deliveries.wait.4", "deliveries.wait.8", "deliveries.wait.16"

enum {
    TOPOLOGY_SHARDS_MAX = 100, /* two digits in the routing key */
    TOPOLOGY_QUEUE_SIZE = 16,  /* "sales.shard.NN" */
    TOPOLOGY_KEY_SIZE = 56,    /* "bids.auction.<36>.NN" */
    TOPOLOGY_WAITS = 5,        /* delayed queues: 1, 2, 4, 8, 16 seconds */
    TOPOLOGY_WAIT_SIZE = 24,   /* "deliveries.wait.NN" */
};

/* Delay in seconds of the delayed queue `wait`, 0 to TOPOLOGY_WAITS - 1. */
int topology_wait_s(unsigned wait);
/* The name of a delayed queue and of its exchange. */
void topology_wait_name(unsigned wait, char out[static TOPOLOGY_WAIT_SIZE]);
/*
 * A family of shards: bids of auctions, or commands to flash sales. Both have the deployment's number of shards. Each
 * has queues of its own, so that one never waits for the other.
 */
struct topology_family {
    const char *prefix;   /* of exchanges, queues and routing keys: "bids" */
    const char *subject;  /* of the commands: "auction" */
    const char *dead_key; /* routing key of its dead letters */
    /* Redis hashes of the reports about its shards, and of their depths (common/service/shards.h). */
    const char *reports_key;
    const char *depths_key;
};
extern const struct topology_family topology_bids;
extern const struct topology_family topology_sales;

/* The name of a shard's exchange and of its queue. */
void topology_shard_name(const struct topology_family *family, unsigned shard, char out[static TOPOLOGY_QUEUE_SIZE]);
/*
 * The exchange and the routing key to which commands of an auction or a sale are published. Each shard has an exchange
 * of its own, because routing costs the broker time. A topic exchange bound by bids.*.*.NN took 111 to 160 microseconds
 * a message. A direct exchange with the shard's key in header CC took 64 to 90 (side by side), this form another 7 %
 * less.
 */
void topology_exchange(const struct topology_family *family, const struct uuid *subject, unsigned shards,
                       char out[static TOPOLOGY_QUEUE_SIZE]);
void topology_key(const struct topology_family *family, const struct uuid *subject, unsigned shards,
                  char out[static TOPOLOGY_KEY_SIZE]);

#endif
