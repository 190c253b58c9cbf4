/*
 * Judges measurements of the difference between this machine's clock and the database's. The database read its clock at
 * some time between question and answer. So a measurement gives an interval: the offset, plus or minus half the round
 * trip. It is outside if all of the interval is beyond the limit, and inside if none of it is. A slow measurement may
 * be neither, and then changes nothing.
 *
 *   UNKNOWN ──inside──> RIGHT ──outside twice in a row──> WRONG ──inside──> RIGHT
 *   UNKNOWN ──outside──> WRONG
 *
 * One measurement alone does not make a clock wrong that was right. A clock that was never right has no such credit.
 *
 * No I/O; the caller measures. Caller: common/service/timing_guard.
 */
#ifndef ROSTRUM_COMMON_BASE_SKEW_H
#define ROSTRUM_COMMON_BASE_SKEW_H

#include "common/base/base.h"

enum skew_state { SKEW_UNKNOWN, SKEW_RIGHT, SKEW_WRONG };

struct skew {
    int64_t max_ms; /* clock_skew_max_ms */
    enum skew_state state;
    bool suspected;        /* RIGHT, but the last measurement inside or outside was outside */
    int64_t offset_ms;     /* of the last measurement: this machine's clock minus the database's */
    int64_t round_trip_ms; /* likewise */
};

/*
 * The measurement was asked at `asked_ms` and answered at `answered_ms`, both by this machine's clock. Returns whether
 * it was inside.
 */
bool skew_measured(struct skew *skew, int64_t asked_ms, int64_t answered_ms, int64_t database_ms);
/* Whether two offsets are equal but for what clock_skew_max_ms allows. */
bool skew_alike(const struct skew *skew, int64_t offset_ms);

#endif
