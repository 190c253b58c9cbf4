/*
 * A listening TCP socket. Callers: the gateway, and the metrics server.
 */
#ifndef ROSTRUM_COMMON_IO_LISTENER_H
#define ROSTRUM_COMMON_IO_LISTENER_H

#include "common/base/base.h"

/*
 * Binds a numeric address. The descriptor is non-blocking and close-on-exec. It waits up to 5 s for a port that an
 * earlier process still holds. Returns -1 on failure (logged).
 */
MUST_CHECK int listener_open(const char *address, int port);

#endif
