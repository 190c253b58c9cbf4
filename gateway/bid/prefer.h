/*
 * The Prefer header (RFC 7240), as far as the contract knows it. Pure. Callers: bids.
 */
#ifndef ROSTRUM_GATEWAY_BID_PREFER_H
#define ROSTRUM_GATEWAY_BID_PREFER_H

#include "common/base/base.h"

enum {
    PREFER_WAIT_MAX_S = 10, /* longer wishes are cut to this */
    PREFER_SIZE = 256,      /* of all such headers together; what is beyond is not heard */
};

/* wait=N in seconds, 0 if it is not asked for or not a whole number. */
int prefer_wait_s(const char *header);
/* Whether a receipt is asked for. */
bool prefer_receipt(const char *header);

#endif
