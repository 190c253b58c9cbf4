/*
 * SHA-1 of a short text, only for the WebSocket handshake (RFC 6455, 4.2.2), where it protects nothing. Do not use it
 * for anything else.
 */
#ifndef ROSTRUM_COMMON_BASE_SHA1_H
#define ROSTRUM_COMMON_BASE_SHA1_H

#include "common/base/base.h"

enum {
    SHA1_BYTES = 20,
    SHA1_TEXT_MAX = 119, /* the longest text that fits into two blocks */
};

/* `length` at most SHA1_TEXT_MAX. */
void sha1(const void *text, size_t length, uint8_t out[static SHA1_BYTES]);

#endif
