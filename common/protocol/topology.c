/*
 * Builds the names of exchanges, queues and routing keys from a shard's number; see topology.h. The number always has
 * two digits, so the names sort.
 */
#include "common/protocol/topology.h"

#include <assert.h>
#include <stdio.h>

#include "common/protocol/keys.h"

const struct topology_family topology_bids = {"bids", "auction", TOPOLOGY_KEY_DEAD_BIDS, KEYS_SHARDS, KEYS_DEPTHS};
const struct topology_family topology_sales = {"sales", "sale", TOPOLOGY_KEY_DEAD_SALES, KEYS_SALE_SHARDS,
                                               KEYS_SALE_DEPTHS};

void topology_shard_name(const struct topology_family *family, unsigned shard, char out[static TOPOLOGY_QUEUE_SIZE])
{
    assert(shard < TOPOLOGY_SHARDS_MAX);
    int length = snprintf(out, TOPOLOGY_QUEUE_SIZE, "%s.shard.%02u", family->prefix, shard % TOPOLOGY_SHARDS_MAX);
    assert(length > 0 && length < TOPOLOGY_QUEUE_SIZE);
    (void)length;
}

void topology_key(const struct topology_family *family, const struct uuid *subject, unsigned shards,
                  char out[static TOPOLOGY_KEY_SIZE])
{
    assert(shards > 0 && shards <= TOPOLOGY_SHARDS_MAX);
    char id[UUID_TEXT_SIZE];
    uuid_format(subject, id);
    unsigned shard = ids_shard(subject, shards);
    int length = snprintf(out, TOPOLOGY_KEY_SIZE, "%s.%s.%s.%02u", family->prefix, family->subject, id,
                          shard % TOPOLOGY_SHARDS_MAX);
    assert(length > 0 && length < TOPOLOGY_KEY_SIZE);
    (void)length;
}

void topology_exchange(const struct topology_family *family, const struct uuid *subject, unsigned shards,
                       char out[static TOPOLOGY_QUEUE_SIZE])
{
    assert(shards > 0 && shards <= TOPOLOGY_SHARDS_MAX);
    topology_shard_name(family, ids_shard(subject, shards), out);
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
