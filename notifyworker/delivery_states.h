/*
 * The states of a delivery, as table deliveries has them in `state`. Callers: deliveries.c, notifyworker_metrics.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_DELIVERY_STATES_H
#define ROSTRUM_NOTIFYWORKER_DELIVERY_STATES_H

#include "common/base/base.h"

/*
 * X(name, text).
 *
 *   QUEUED    not tried yet, or sent again by hand
 *   RETRYING  a try has failed, another follows
 *   FAILED    for good: a dead letter
 *   DROPPED   nobody wants it any more
 */
#define DELIVERY_STATES(X)                                                                                             \
    X(QUEUED, "queued")                                                                                                \
    X(RETRYING, "retrying")                                                                                            \
    X(DELIVERED, "delivered")                                                                                          \
    X(FAILED, "failed")                                                                                                \
    X(DROPPED, "dropped")

enum delivery_state {
    DELIVERY_STATE_UNKNOWN,
#define DELIVERY_STATE_ENUMERATOR(name, text) DELIVERY_STATE_##name,
    DELIVERY_STATES(DELIVERY_STATE_ENUMERATOR)
#undef DELIVERY_STATE_ENUMERATOR
        DELIVERY_STATE_COUNT
};

const char *delivery_state_text(enum delivery_state state);
/* DELIVERY_STATE_UNKNOWN for any other word. */
enum delivery_state delivery_state_of_text(const char *text);

#endif
