/*
 * Counters of limits in the memory of one worker: fixed windows, for the time without Redis. The table is bounded. If
 * it is full, the counter with the fewest requests among some is replaced. Pure, except for a random key.
 *
 * Caller: limits.c; components.c makes the table.
 */
#ifndef ROSTRUM_GATEWAY_ACCESS_LOCAL_LIMITS_H
#define ROSTRUM_GATEWAY_ACCESS_LOCAL_LIMITS_H

#include "common/base/base.h"

struct local_limits;

enum { LOCAL_LIMITS_SLOTS = 4096 }; /* counters of a worker */

/* NULL without memory. */
MUST_CHECK struct local_limits *local_limits_new(void);
void local_limits_free(struct local_limits *limits);

struct local_count {
    int64_t used;     /* this request included */
    int64_t reset_ms; /* until the window ends */
};

/* A number for the counter of `what` and `text`; never 0. */
uint64_t local_limits_key(const struct local_limits *limits, const char *what, const char *text);
struct local_count local_limits_count(struct local_limits *limits, uint64_t key, int64_t window_ms, int64_t now_ms);

#endif
