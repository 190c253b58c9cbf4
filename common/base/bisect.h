/*
 * Working through many items in slices, one transaction each, when one item may spoil its slice: all of them are tried
 * together, a slice that is refused for what is in it is tried again as its first half, down to the one item that is to
 * blame; then the rest is one slice again. What fails for another reason is tried again as it is, after a pause that
 * doubles. Pure: says which items are next and how long to wait, and does nothing itself.
 *
 *     bisect_begin(&halving, count)  -> the first slice is [first, first + span)
 *     committed, or its only item was set aside: bisect_next -> the next slice, or false: that was all
 *     refused: bisect_split -> a smaller slice, or false: its only item is to blame
 *     failed otherwise: bisect_pause -> ms until the same slice is tried again
 *
 * Callers: endworker/settlement.c, notifyworker/inapp.c.
 */
#ifndef ROSTRUM_COMMON_BASE_BISECT_H
#define ROSTRUM_COMMON_BASE_BISECT_H

#include "common/base/base.h"

enum {
    BISECT_PAUSE_MS = 100,      /* doubling, */
    BISECT_PAUSE_MAX_MS = 2000, /* up to here */
};

struct bisect {
    size_t count; /* of all items */
    size_t first; /* of the slice */
    size_t span;  /* of the slice; the caller may make it smaller, never 0 */
    int pause_ms; /* the next one */
};

/* `count` is at least 1. */
void bisect_begin(struct bisect *bisect, size_t count);
/* The slice is done. */
MUST_CHECK bool bisect_next(struct bisect *bisect);
/* The slice was refused. */
MUST_CHECK bool bisect_split(struct bisect *bisect);
/* The slice failed, and no item is to blame: how long to wait, in ms. */
MUST_CHECK int bisect_pause(struct bisect *bisect);

#endif
