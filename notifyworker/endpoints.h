/*
 * What is remembered of endpoints for a while, so that one that fails, is slow, or gets more than it takes costs the
 * others little: how many of its messages may be in hand, and how long one that may not be is put aside. A cache of
 * fixed size: what is forgotten costs a moment and no delivery. Pure.
 *
 * Caller: deliveries.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_ENDPOINTS_H
#define ROSTRUM_NOTIFYWORKER_ENDPOINTS_H

#include "common/base/base.h"

enum {
    ENDPOINTS_SLOW_MS = 2000,     /* a transfer that takes longer is slow */
    ENDPOINTS_REMEMBER_MS = 60000 /* how long a failure or slowness counts, unless all is well before */
};

enum endpoints_health {
    ENDPOINTS_WELL,
    ENDPOINTS_SLOW, /* none of its messages waits in hand */
    ENDPOINTS_ILL,  /* and one at a time is enough */
};

struct endpoints;

/* NULL only without memory. */
MUST_CHECK struct endpoints *endpoints_new(void);
void endpoints_free(struct endpoints *endpoints);
/* A transfer to it ended after `took_ms`. */
void endpoints_note(struct endpoints *endpoints, const char *endpoint, bool failed, int64_t took_ms, int64_t now_ms);
enum endpoints_health endpoints_health(const struct endpoints *endpoints, const char *endpoint, int64_t now_ms);
/*
 * One more of its messages is put aside: into which delayed queue, 0 the shortest. The more there were within this
 * second, the longer, so that they come back spread, and a great number costs the broker no more than a small one.
 */
unsigned endpoints_put_aside(struct endpoints *endpoints, const char *endpoint, int64_t now_ms);

#endif
