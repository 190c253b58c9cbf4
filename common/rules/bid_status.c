/*
 * See bid_status.h.
 */
#include "common/rules/bid_status.h"

#include <assert.h>
#include <string.h>

#include "common/base/names.h"

#define TEXT(name, text) [BID_##name] = (text),
static const char *const texts[BID_STATUS_COUNT] = {BID_STATUSES(TEXT)};

enum rules_verdict bid_status_verdict(enum bid_status status)
{
    if (status == BID_ACCEPTED) {
        return RULES_ACCEPTED;
    }
    return status == BID_OUTBID ? RULES_OUTBID : RULES_REJECTED;
}

enum bid_status bid_status_of_verdict(enum rules_verdict verdict)
{
    switch (verdict) {
    case RULES_ACCEPTED:
        return BID_ACCEPTED;
    case RULES_OUTBID:
        return BID_OUTBID;
    case RULES_REJECTED:
        return BID_REJECTED;
    case RULES_DROPPED:
        break;
    }
    assert(false);
    return BID_REJECTED;
}

const char *bid_status_text(enum bid_status status)
{
    assert((size_t)status < BID_STATUS_COUNT);
    return texts[status];
}

bool bid_status_parse(const char *text, enum bid_status *status)
{
    size_t index = 0;
    if (!names_find(texts, BID_STATUS_COUNT, text, strlen(text), &index)) {
        return false;
    }
    *status = (enum bid_status)index;
    return true;
}
