/*
 * Rendezvous hashing: every pair of shard and worker has a weight that anybody can compute, and a shard belongs to the
 * worker of the greatest weight. Pure.
 */
#include "common/shards.h"

#include <assert.h>

/* The finaliser of splitmix64: every bit of the input changes about half of the output's. */
static uint64_t shards_mix(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

uint32_t shards_owner(unsigned shard, const uint32_t *worker_ids, size_t count)
{
    uint32_t owner = 0;
    uint64_t best = 0;

    assert(worker_ids != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t weight = shards_mix(shards_mix(worker_ids[i]) ^ shard);

        if (owner == 0 || weight > best || (weight == best && worker_ids[i] < owner)) {
            owner = worker_ids[i];
            best = weight;
        }
    }
    return owner;
}
