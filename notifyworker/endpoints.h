/*
 * Recent health of delivery endpoints. It limits the cost that a failing, slow or overloaded endpoint has for others:
 * how many of its messages may be held, and how long others are deferred. A cache of fixed size: a lost entry costs a
 * short delay and never a delivery. No I/O.
 *
 * Caller: deliveries.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_ENDPOINTS_H
#define ROSTRUM_NOTIFYWORKER_ENDPOINTS_H

#include "common/base/base.h"

enum {
    ENDPOINTS_SLOW_MS = 2000,     /* a longer transfer is slow */
    ENDPOINTS_REMEMBER_MS = 60000 /* how long a failure or slow transfer counts, unless a good transfer follows */
};

enum endpoints_health {
    ENDPOINTS_HEALTHY,
    ENDPOINTS_SLOW,    /* none of its messages may wait in memory */
    ENDPOINTS_FAILING, /* additionally, one transfer at a time */
};

struct endpoints;

/* NULL only without memory. */
MUST_CHECK struct endpoints *endpoints_new(void);
void endpoints_free(struct endpoints *endpoints);
/* Records a transfer to it that took `took_ms`. */
void endpoints_note(struct endpoints *endpoints, const char *endpoint, bool failed, int64_t took_ms, int64_t now_ms);
enum endpoints_health endpoints_health(const struct endpoints *endpoints, const char *endpoint, int64_t now_ms);
/*
 * Chooses the delayed queue for a deferred message; 0 is the shortest. The delay grows with the number of messages
 * deferred within this second. So they return spread over time, and a large number costs the broker no more than a
 * small one.
 */
unsigned endpoints_defer(struct endpoints *endpoints, const char *endpoint, int64_t now_ms);

#endif
