/*
 * The Prefer header (RFC 7240), as far as the contract knows it. Pure.
 */
#ifndef ROSTRUM_GATEWAY_PREFER_H
#define ROSTRUM_GATEWAY_PREFER_H

#include "common/base.h"

enum { PREFER_WAIT_MAX_S = 10 }; /* longer wishes are cut to this */

/* wait=N in seconds, 0 if it is not asked for or not a whole number. `header` may be NULL. */
int prefer_wait_s(const char *header);

#endif
