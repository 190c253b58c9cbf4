/*
 * SHA-1 of a short text, for the one place that asks for it: the handshake of WebSockets (RFC 6455, 4.2.2), where it
 * protects nothing. Nothing else may use it.
 */
#ifndef ROSTRUM_COMMON_BASE_SHA1_H
#define ROSTRUM_COMMON_BASE_SHA1_H

#include "common/base/base.h"

enum {
    SHA1_BYTES = 20,
    SHA1_TEXT_MAX = 119, /* what fits into two blocks */
};

/* `length` at most SHA1_TEXT_MAX. */
void sha1(const void *text, size_t length, uint8_t out[static SHA1_BYTES]);

#endif
