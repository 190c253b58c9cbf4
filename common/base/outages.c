/*
 * See outages.h. Only the newest outage may go on.
 */
#include "common/base/outages.h"

static struct outage *newest(struct outages *outages)
{
    return &outages->list[(outages->first + outages->count - 1) % OUTAGES_MAX];
}

void outages_note(struct outages *outages, bool accepts, int64_t now_ms)
{
    bool goes_on = outages->count > 0 && newest(outages)->until_ms == INT64_MAX;
    if (accepts == !goes_on) {
        return;
    }
    if (accepts) {
        newest(outages)->until_ms = now_ms;
        return;
    }
    if (outages->count == OUTAGES_MAX) {
        outages->first = (outages->first + 1) % OUTAGES_MAX;
        outages->count--;
    }
    outages->count++;
    *newest(outages) = (struct outage){.from_ms = now_ms, .until_ms = INT64_MAX};
}

int64_t outages_ms(const struct outages *outages, int64_t since_ms, int64_t now_ms)
{
    int64_t sum = 0;
    for (size_t i = 0; i < outages->count; i++) {
        const struct outage *outage = &outages->list[(outages->first + i) % OUTAGES_MAX];
        int64_t from_ms = outage->from_ms > since_ms ? outage->from_ms : since_ms;
        int64_t until_ms = outage->until_ms < now_ms ? outage->until_ms : now_ms;
        sum += until_ms > from_ms ? until_ms - from_ms : 0;
    }
    return sum;
}

int64_t outages_within_ms(const struct outages *outages, int64_t length_ms, int64_t now_ms)
{
    int64_t sum = 0;
    int64_t since_ms = now_ms; /* of the outages so far */
    for (size_t i = outages->count; i > 0; i--) {
        const struct outage *outage = &outages->list[(outages->first + i - 1) % OUTAGES_MAX];
        int64_t until_ms = outage->until_ms < since_ms ? outage->until_ms : since_ms;
        if (outage->from_ms > until_ms) { /* it is later, or the clock was set back */
            continue;
        }
        if (since_ms - until_ms >= length_ms) {
            break;
        }
        length_ms -= since_ms - until_ms;
        sum += until_ms - outage->from_ms;
        since_ms = outage->from_ms;
    }
    return sum;
}
