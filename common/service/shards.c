/*
 * Rendezvous hashing: every pair of shard and worker has a computed weight, and a shard belongs to the worker with the
 * largest weight. No I/O.
 */
#include "common/service/shards.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* The finaliser of splitmix64: every input bit affects about half of the output bits. */
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

        /* Two workers never have the same weight: every step of the mix is invertible. */
        if (owner == 0 || weight > best) {
            owner = worker_ids[i];
            best = weight;
        }
    }
    return owner;
}

void shards_report_write(const struct shards_report *report, char out[static SHARDS_REPORT_SIZE])
{
    int length = snprintf(out, SHARDS_REPORT_SIZE, "%" PRIu32 " %" PRIu32 " %" PRId64, report->worker, report->unacked,
                          report->at_ms);
    assert(length > 0 && length < SHARDS_REPORT_SIZE);
    (void)length;
}

/* Parses digits up to `end` and advances past it. False for other text or values above `most`. */
static bool shards_number(const char **at, char end, int64_t most, int64_t *out)
{
    const char *text = *at;
    int64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (value > (most - (*text - '0')) / 10) {
            return false;
        }
        value = value * 10 + (*text - '0');
    }
    if (text == *at || *text != end) {
        return false;
    }
    *at = text + 1;
    *out = value;
    return true;
}

bool shards_report_read(const char *text, struct shards_report *report)
{
    int64_t worker = 0;
    int64_t unacked = 0;
    if (!shards_number(&text, ' ', SHARDS_WORKER_MAX, &worker) || !shards_number(&text, ' ', UINT32_MAX, &unacked) ||
        !shards_number(&text, '\0', INT64_MAX, &report->at_ms)) {
        return false;
    }
    report->worker = (uint32_t)worker;
    report->unacked = (uint32_t)unacked;
    return true;
}
