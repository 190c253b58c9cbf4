/*
 * Writes and reads WebSocket frames (RFC 6455) as a client, for tests. It can write invalid frames, and accepts only
 * valid ones.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_WIRE_H
#define ROSTRUM_TESTS_SUPPORT_WIRE_H

#include "common/base/base.h"

enum {
    WIRE_FIN = 0x80,
    WIRE_RSV1 = 0x40,
    WIRE_RSV2 = 0x20,
    WIRE_RSV3 = 0x10,
    WIRE_OPCODE = 0x0f,
    WIRE_MASKED = 0x80,     /* in the second byte */
    WIRE_HEADER_MAX = 14,   /* bytes: two, a length of eight, a mask */
    WIRE_SHORT_MAX = 125,   /* bytes of a payload whose length is in the second byte; of a control frame */
    WIRE_MEDIUM_MAX = 65535 /* bytes of a payload whose length takes two bytes */
};
enum wire_opcode {
    WIRE_CONTINUATION = 0x0,
    WIRE_TEXT = 0x1,
    WIRE_BINARY = 0x2,
    WIRE_CLOSE = 0x8,
    WIRE_PING = 0x9,
    WIRE_PONG = 0xa,
};

struct wire_frame {
    uint8_t first;          /* WIRE_FIN and the like, and the opcode */
    const uint8_t *payload; /* points into the bytes that were read */
    size_t length;          /* of `payload` */
    size_t size;            /* of the whole frame */
};

/* Writes the header of a masked frame that declares `length`; returns its size. The mask is zero: the payload is plain.
 */
size_t wire_head(uint8_t first, uint64_t length, uint8_t out[static WIRE_HEADER_MAX]);
/* Writes a whole frame with a non-zero mask; returns its size. `out` has room for WIRE_HEADER_MAX and `length`. */
size_t wire_write(uint8_t first, const void *payload, size_t length, uint8_t *out);

enum wire_outcome { WIRE_MORE, WIRE_WHOLE, WIRE_WRONG };
/* Reads a server's frame at the start of `bytes`. WIRE_WRONG: masked, reserved bits, a length in too many bytes. */
enum wire_outcome wire_read(const uint8_t *bytes, size_t length, struct wire_frame *frame);
/* Returns the code in the payload of a close frame; 1005 (none) if it is empty, 0 if it is invalid. */
unsigned wire_close_code(const struct wire_frame *frame);

#endif
