/*
 * Slices that shrink to the failing item; see bisect.h.
 */
#include "common/base/bisect.h"

#include <assert.h>

void bisect_begin(struct bisect *bisect, size_t count)
{
    assert(count > 0);
    *bisect = (struct bisect){.count = count, .span = count, .pause_ms = BISECT_PAUSE_MS};
}

bool bisect_next(struct bisect *bisect)
{
    assert(bisect->span > 0 && bisect->span <= bisect->count - bisect->first);
    bisect->first += bisect->span;
    bisect->span = bisect->count - bisect->first;
    bisect->pause_ms = BISECT_PAUSE_MS;
    return bisect->span > 0;
}

bool bisect_split(struct bisect *bisect)
{
    if (bisect->span == 1) {
        return false;
    }
    bisect->span /= 2;
    return true;
}

int bisect_pause(struct bisect *bisect)
{
    int pause_ms = bisect->pause_ms;
    bisect->pause_ms = pause_ms * 2 > BISECT_PAUSE_MAX_MS ? BISECT_PAUSE_MAX_MS : pause_ms * 2;
    return pause_ms;
}
