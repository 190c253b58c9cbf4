/*
 * See latency.h. Values below 64 have a bucket each. Above, the highest bit and the six bits after it choose the
 * bucket.
 */
#include "tests/support/latency.h"

enum { PARTS = 1 << LATENCY_PART_BITS, WHOLE = 1000000 };

static size_t bucket_of(int64_t us)
{
    unsigned shift = 0;
    while (us >> shift >= 2 * (int64_t)PARTS) {
        shift++;
    }
    return us < PARTS ? (size_t)us : ((size_t)shift << LATENCY_PART_BITS) + (size_t)(us >> shift);
}

/* The largest value of a bucket, so that no quantile is too low. */
static int64_t bucket_end(size_t bucket)
{
    if (bucket < PARTS) {
        return (int64_t)bucket;
    }
    size_t shift = (bucket >> LATENCY_PART_BITS) - 1;
    return ((int64_t)(bucket - (shift << LATENCY_PART_BITS) + 1) << shift) - 1;
}

void latency_add(struct latency *latency, int64_t us)
{
    int64_t value = us < 0 ? 0 : us > LATENCY_MAX_US ? LATENCY_MAX_US : us;
    latency->counts[bucket_of(value)]++;
    latency->count++;
    if (value > latency->most_us) {
        latency->most_us = value;
    }
}

int64_t latency_quantile(const struct latency *latency, uint32_t part)
{
    uint64_t rank = (latency->count * part + WHOLE - 1) / WHOLE;
    uint64_t seen = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->counts[i];
        if (seen >= rank && seen > 0) {
            int64_t end = bucket_end(i);
            return end < latency->most_us ? end : latency->most_us;
        }
    }
    return 0;
}
