/*
 * The parts of the Prefer header (RFC 7240) that the API supports: wait and receipt. Pure. Caller: command_request.c.
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_PREFER_H
#define ROSTRUM_GATEWAY_SUBMIT_PREFER_H

#include "common/base/base.h"

enum {
    PREFER_WAIT_MAX_S = 10, /* longer waits are cut to this */
    PREFER_SIZE = 256,      /* bytes of all Prefer headers together; the rest is ignored */
};

/* wait=N in seconds; 0 if absent or not a whole number. */
int prefer_wait_s(const char *header);
/* True if the client asks for a receipt. */
bool prefer_receipt(const char *header);

#endif
