/*
 * See frame_reader.h. A header (RFC 6455, 5.2) begins with FIN and opcode, then the mask bit and a length of 7 bits. If
 * that is 126 or 127, a length of 16 or 64 bits follows. The mask is last.
 */
#include "gateway/live/frame_reader.h"

enum {
    HEAD_MIN = 2,
    MASK_BYTES = 4,
    FIN = 0x80,
    CONTROL = 0x08, /* bit of the opcodes of control frames */
    OPCODE = 0x0f,
    MASKED = 0x80,
    SHORT_LENGTH = 0x7f,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    BYTES_16 = 2,
    BYTES_64 = 8,
};

/* Bytes of the length after the second byte. */
static size_t length_bytes(const struct frame_reader *reader)
{
    unsigned length = reader->head[1] & SHORT_LENGTH;
    if (length == LENGTH_64) {
        return BYTES_64;
    }
    return length == LENGTH_16 ? BYTES_16 : 0;
}

/* Of the whole header, as far as it is known. */
static size_t head_size(const struct frame_reader *reader)
{
    if (reader->have < HEAD_MIN) {
        return HEAD_MIN;
    }
    return HEAD_MIN + length_bytes(reader) + ((reader->head[1] & MASKED) != 0 ? MASK_BYTES : 0);
}

static uint64_t payload_length(const struct frame_reader *reader)
{
    size_t count = length_bytes(reader);
    uint64_t length = count == 0 ? reader->head[1] & SHORT_LENGTH : 0;
    for (size_t i = 0; i < count; i++) {
        length = length << 8U | reader->head[HEAD_MIN + i];
    }
    return length;
}

/* Control frames stand between the fragments of a message and do not count; wslay refuses long ones. */
static enum frame_verdict judge(struct frame_reader *reader, uint64_t max)
{
    if ((reader->head[0] & CONTROL) != 0) {
        return FRAME_FITS;
    }
    bool first = (reader->head[0] & OPCODE) != 0;
    uint64_t before = first ? 0 : reader->message;
    if (reader->payload > max || before > max - reader->payload) {
        return FRAME_TOO_BIG;
    }
    reader->message = before + reader->payload;
    reader->fragments = first ? 1 : reader->fragments + 1;
    reader->fragmented = (reader->head[0] & FIN) == 0;
    return reader->fragments > FRAME_READER_FRAGMENTS_MAX ? FRAME_TOO_MANY : FRAME_FITS;
}

size_t frame_reader_take(struct frame_reader *reader, const uint8_t *bytes, size_t length, uint64_t max,
                         enum frame_verdict *verdict)
{
    size_t taken = 0;
    *verdict = FRAME_FITS;
    while (taken < length && *verdict == FRAME_FITS) {
        if (reader->payload > 0) {
            size_t part = length - taken < reader->payload ? length - taken : (size_t)reader->payload;
            reader->payload -= part;
            taken += part;
            continue;
        }
        reader->head[reader->have++] = bytes[taken++];
        if (reader->have == head_size(reader)) {
            reader->payload = payload_length(reader);
            *verdict = judge(reader, max);
            reader->have = 0;
        }
    }
    return taken;
}

bool frame_reader_idle(const struct frame_reader *reader)
{
    return reader->have == 0 && reader->payload == 0 && !reader->fragmented;
}
