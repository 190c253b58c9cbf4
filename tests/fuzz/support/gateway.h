/*
 * A gateway worker for fuzz targets: the real parts of gateway/components.c on a real loopback listener, in this
 * process. Its back ends are down, as after an outage: the deployment's record is known from before, so requests get as
 * far as their handlers, and whatever needs a server is answered 503. Callers: tests/fuzz/http.c,
 * tests/fuzz/websocket.c.
 *
 * The texts @USER@ and @ADMIN@ in what is sent stand for access tokens that are valid.
 */
#ifndef ROSTRUM_TESTS_FUZZ_SUPPORT_GATEWAY_H
#define ROSTRUM_TESTS_FUZZ_SUPPORT_GATEWAY_H

#include "common/base/base.h"

/* Once per process. */
void fuzz_gateway_start(void);

/* What came back over one connection; cut at its size. */
struct fuzz_reply {
    size_t length;
    uint8_t bytes[65536];
};

/*
 * Opens a connection, sends these bytes in pieces of `piece` (0: all at once) while the worker's loop runs, then ends
 * the sending side and waits for the worker to close. Ends the process if a connection is left, or none is closed.
 * The reply is valid until the next call.
 */
const struct fuzz_reply *fuzz_gateway_exchange(const uint8_t *bytes, size_t length, size_t chunk);

#endif
