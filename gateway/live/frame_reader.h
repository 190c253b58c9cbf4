/*
 * Follows the headers of the frames that a client sends, so that a frame over a limit is refused at its header. wslay
 * reports a frame only with the first byte of its payload. It also knows when no frame and no message is incomplete.
 *
 * The header is not checked otherwise: wslay parses the same bytes and refuses an invalid one.
 *
 * Caller: websocket.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_FRAME_READER_H
#define ROSTRUM_GATEWAY_LIVE_FRAME_READER_H

#include "common/base/base.h"

enum {
    FRAME_READER_HEAD_MAX = 14,       /* bytes of a header: two, a length of eight, a mask */
    FRAME_READER_FRAGMENTS_MAX = 256, /* per message: wslay keeps each separately, and one byte takes a hundred */
};

enum frame_verdict { FRAME_FITS, FRAME_TOO_BIG, FRAME_TOO_MANY };

/* Zeroed before the first byte. */
struct frame_reader {
    uint8_t head[FRAME_READER_HEAD_MAX];
    uint8_t have;     /* bytes of the header so far; 0: between frames, or within a payload */
    bool fragmented;  /* a message lacks its next frame */
    int fragments;    /* frames of this message so far */
    uint64_t payload; /* bytes of this frame's payload that are still to come */
    uint64_t message; /* bytes of this message, as announced so far */
};

/*
 * Follows `bytes`. Returns how many of them may be parsed: all, or those up to the end of the first refused header.
 * That is one that announces a message of more than `max` bytes (FRAME_TOO_BIG), or too many fragments
 * (FRAME_TOO_MANY).
 */
size_t frame_reader_take(struct frame_reader *reader, const uint8_t *bytes, size_t length, uint64_t max,
                         enum frame_verdict *verdict);
/* Whether all frames and messages are complete. */
bool frame_reader_idle(const struct frame_reader *reader);

#endif
