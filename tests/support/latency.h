/*
 * A histogram of durations for measurements, like HdrHistogram. From 1 µs to LATENCY_MAX_US a value loses less than 1.6
 * % of itself, and its memory does not grow with the number of values. Longer values count as LATENCY_MAX_US.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_LATENCY_H
#define ROSTRUM_TESTS_SUPPORT_LATENCY_H

#include "common/base/base.h"

enum {
    LATENCY_MAX_US = (1 << 27) - 1, /* two minutes */
    LATENCY_PART_BITS = 6,          /* 64 buckets for each power of two */
    LATENCY_BUCKETS = (27 - LATENCY_PART_BITS + 1) << LATENCY_PART_BITS,
};

/* Zeroed: empty. */
struct latency {
    uint64_t counts[LATENCY_BUCKETS];
    uint64_t count;
    int64_t most_us;
};

/* Adds a value; a negative one counts as 0. */
void latency_add(struct latency *latency, int64_t us);
/* The value below or at which `part` of 1 million values lie: 500000 is the median. 0 of an empty histogram. */
int64_t latency_quantile(const struct latency *latency, uint32_t part);

#endif
