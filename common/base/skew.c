/*
 * See skew.h. Twice the offset is compared, so that half a millisecond of the round trip counts.
 */
#include "common/base/skew.h"

#include <stdlib.h>

bool skew_measured(struct skew *skew, int64_t asked_ms, int64_t answered_ms, int64_t database_ms)
{
    int64_t twice = llabs(asked_ms + answered_ms - 2 * database_ms);
    bool inside = false;
    skew->round_trip_ms = answered_ms - asked_ms;
    skew->offset_ms = asked_ms + skew->round_trip_ms / 2 - database_ms;
    inside = twice + skew->round_trip_ms <= 2 * skew->max_ms;
    if (inside) {
        skew->state = SKEW_RIGHT;
        skew->suspected = false;
    } else if (twice - skew->round_trip_ms > 2 * skew->max_ms) {
        if (skew->state == SKEW_UNKNOWN || skew->suspected) {
            skew->state = SKEW_WRONG;
        }
        skew->suspected = skew->state == SKEW_RIGHT;
    }
    return inside;
}

bool skew_alike(const struct skew *skew, int64_t offset_ms)
{
    return llabs(skew->offset_ms - offset_ms) <= skew->max_ms;
}
