/*
 * A listening TCP socket. Callers: the gateway's sockets, and the listener of the metrics.
 */
#ifndef ROSTRUM_COMMON_IO_LISTENER_H
#define ROSTRUM_COMMON_IO_LISTENER_H

#include "common/base/base.h"

/*
 * Binds a numeric address; the descriptor is non-blocking and closed on exec. May take 5 s: a port that is still held
 * by what remains of an earlier process is waited for. -1 if it cannot be had (logged).
 */
MUST_CHECK int listener_open(const char *address, int port);

#endif
