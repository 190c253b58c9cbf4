/*
 * Slices that shrink to the item that is to blame; see halving.h.
 */
#include "common/base/bisect.h"

#include <assert.h>

void halving_begin(struct halving *halving, size_t count)
{
    assert(count > 0);
    *halving = (struct halving){.count = count, .span = count, .pause_ms = HALVING_PAUSE_MS};
}

bool halving_next(struct halving *halving)
{
    assert(halving->span > 0 && halving->span <= halving->count - halving->first);
    halving->first += halving->span;
    halving->span = halving->count - halving->first;
    halving->pause_ms = HALVING_PAUSE_MS;
    return halving->span > 0;
}

bool halving_halve(struct halving *halving)
{
    if (halving->span == 1) {
        return false;
    }
    halving->span /= 2;
    return true;
}

int halving_pause(struct halving *halving)
{
    int pause_ms = halving->pause_ms;
    halving->pause_ms = pause_ms * 2 > HALVING_PAUSE_MAX_MS ? HALVING_PAUSE_MAX_MS : pause_ms * 2;
    return pause_ms;
}
