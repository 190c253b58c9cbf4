/*
 * Builds the names of exchanges, queues and routing keys from a shard's number; see topology.h. The number always has
 * two digits, so the names sort.
 */
#include "common/protocol/topology.h"

#include <assert.h>
#include <stdio.h>

void topology_shard_name(unsigned shard, char out[static TOPOLOGY_QUEUE_SIZE])
{
    assert(shard < TOPOLOGY_SHARDS_MAX);
    int length = snprintf(out, TOPOLOGY_QUEUE_SIZE, "bids.shard.%02u", shard % TOPOLOGY_SHARDS_MAX);
    assert(length > 0 && length < TOPOLOGY_QUEUE_SIZE);
    (void)length;
}

void topology_bid_key(const struct uuid *auction_id, unsigned shards, char out[static TOPOLOGY_KEY_SIZE])
{
    assert(shards > 0 && shards <= TOPOLOGY_SHARDS_MAX);
    char id[UUID_TEXT_SIZE];
    uuid_format(auction_id, id);
    unsigned shard = ids_shard(auction_id, shards);
    int length = snprintf(out, TOPOLOGY_KEY_SIZE, "bids.auction.%s.%02u", id, shard % TOPOLOGY_SHARDS_MAX);
    assert(length > 0 && length < TOPOLOGY_KEY_SIZE);
    (void)length;
}

void topology_bid_exchange(const struct uuid *auction_id, unsigned shards, char out[static TOPOLOGY_QUEUE_SIZE])
{
    assert(shards > 0 && shards <= TOPOLOGY_SHARDS_MAX);
    topology_shard_name(ids_shard(auction_id, shards), out);
}

int topology_wait_s(unsigned wait)
{
    assert(wait < TOPOLOGY_WAITS);
    return 1 << wait;
}

void topology_wait_name(unsigned wait, char out[static TOPOLOGY_WAIT_SIZE])
{
    int length = snprintf(out, TOPOLOGY_WAIT_SIZE, "deliveries.wait.%d", topology_wait_s(wait));
    assert(length > 0 && length < TOPOLOGY_WAIT_SIZE);
    (void)length;
}
