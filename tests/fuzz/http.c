/*
 * Fuzz target: bytes of HTTP through the gateway's whole request path, from accept to the answer. The first byte
 * selects the size of the chunks in which the rest is sent.
 *
 * Properties: the worker closes every connection; its output begins with a status line, which is never 500.
 */
#include <string.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/gateway.h"

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer declares it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_gateway_start();
    return 0;
}

/* "HTTP/1.1 404": evhttp answers with the version of the request. */
static bool begins_well(const struct fuzz_reply *reply)
{
    static const char version[] = "HTTP/";
    const uint8_t *status = reply->length < 12 ? NULL : memchr(reply->bytes, ' ', 12);
    return status != NULL && memcmp(reply->bytes, version, sizeof(version) - 1) == 0 && status[1] >= '1' &&
           status[1] <= '5' && memcmp(status + 1, "500", 3) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    /* Few sizes: most inputs are sent at once, some byte by byte. */
    size_t chunk = bytes[0] >= '1' && bytes[0] <= '9' ? (size_t)(bytes[0] - '0') : 0;
    const struct fuzz_reply *reply = fuzz_gateway_exchange(bytes + 1, length - 1, chunk);
    fuzz_check(reply->length == 0 || begins_well(reply));
    return 0;
}
