/*
 * Bisection of a batch that one item may spoil. The caller commits slices of the batch, one transaction each. The first
 * slice holds all items. A slice that is refused because of its data is tried again as its first half, down to the
 * failing item. Then all remaining items form one slice again. A slice that failed for another reason is retried
 * unchanged after a pause that doubles. No I/O: the functions only return the next slice and the pause.
 *
 *     bisect_begin(&bisect, count)  -> the first slice is [first, first + span)
 *     committed, or its only item was set aside: bisect_next -> the next slice, or false: all items are done
 *     refused: bisect_split -> a smaller slice, or false: the only item of the slice is the failing one
 *     failed otherwise: bisect_pause -> ms until the same slice is tried again
 *
 * Callers: endworker/settlement.c, notifyworker/inapp.c.
 */
#ifndef ROSTRUM_COMMON_BASE_BISECT_H
#define ROSTRUM_COMMON_BASE_BISECT_H

#include "common/base/base.h"

enum {
    BISECT_PAUSE_MS = 100,      /* the first pause; it doubles */
    BISECT_PAUSE_MAX_MS = 2000, /* the longest pause */
};

struct bisect {
    size_t count; /* number of all items */
    size_t first; /* index of the slice's first item */
    size_t span;  /* number of items in the slice; the caller may reduce it, but not to 0 */
    int pause_ms; /* the next pause */
};

/* `count` is at least 1. */
void bisect_begin(struct bisect *bisect, size_t count);
/* The slice is committed or set aside: moves to the next slice. False: no item is left. */
MUST_CHECK bool bisect_next(struct bisect *bisect);
/* The slice was refused: reduces it to its first half. False: it has one item only. */
MUST_CHECK bool bisect_split(struct bisect *bisect);
/* The slice failed, but not because of its data. Returns the pause in ms before the retry. */
MUST_CHECK int bisect_pause(struct bisect *bisect);

#endif
