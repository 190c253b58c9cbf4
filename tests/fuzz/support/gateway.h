/*
 * A gateway worker for fuzz targets: the components of gateway/components.c on a loopback listener, in this process.
 * Its back ends are down, but the deployment's record is loaded. So requests reach their handlers, and those that need
 * a server are answered 503. Callers: tests/fuzz/http.c, tests/fuzz/websocket.c.
 *
 * The texts @USER@ and @ADMIN@ in the input are replaced by valid access tokens.
 */
#ifndef ROSTRUM_TESTS_FUZZ_SUPPORT_GATEWAY_H
#define ROSTRUM_TESTS_FUZZ_SUPPORT_GATEWAY_H

#include "common/base/base.h"

/* Once per process. */
void fuzz_gateway_start(void);

/* The bytes received over one connection, cut at the buffer's size. */
struct fuzz_reply {
    size_t length;
    uint8_t bytes[65536];
};

/*
 * Opens a connection and sends the bytes in chunks of `chunk` (0: all at once) while the worker's loop runs. Then shuts
 * down the sending side and waits until the worker closes. Aborts if the worker does not close, or keeps a connection.
 * The reply is valid until the next call.
 */
const struct fuzz_reply *fuzz_gateway_exchange(const uint8_t *bytes, size_t length, size_t chunk);

#endif
