/*
 * See wire.h.
 */
#include "tests/support/wire.h"

#include <string.h>

enum { HEAD_SHORT = 2, HEAD_MEDIUM = 4, HEAD_LONG = 10, MASK_SIZE = 4, MEDIUM = 126, LONG = 127, NO_CODE = 1005 };

/* Big-endian. */
static void put(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    }
}

static uint64_t get(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 8U | bytes[i];
    }
    return value;
}

size_t wire_head(uint8_t first, uint64_t length, uint8_t out[static WIRE_HEADER_MAX])
{
    size_t size = HEAD_SHORT;
    out[0] = first;
    if (length <= WIRE_SHORT_MAX) {
        out[1] = (uint8_t)(WIRE_MASKED | length);
    } else if (length <= WIRE_MEDIUM_MAX) {
        out[1] = WIRE_MASKED | MEDIUM;
        put(out + HEAD_SHORT, length, HEAD_MEDIUM - HEAD_SHORT);
        size = HEAD_MEDIUM;
    } else {
        out[1] = WIRE_MASKED | LONG;
        put(out + HEAD_SHORT, length, HEAD_LONG - HEAD_SHORT);
        size = HEAD_LONG;
    }
    memset(out + size, 0, MASK_SIZE);
    return size + MASK_SIZE;
}

size_t wire_write(uint8_t first, const void *payload, size_t length, uint8_t *out)
{
    static const uint8_t MASK[MASK_SIZE] = {0x37, 0xfa, 0x21, 0x3d};
    const uint8_t *from = payload;
    size_t size = wire_head(first, length, out);
    memcpy(out + size - MASK_SIZE, MASK, MASK_SIZE);
    for (size_t i = 0; i < length; i++) {
        out[size + i] = from[i] ^ MASK[i % MASK_SIZE];
    }
    return size + length;
}

/* Reads the length and the size of the header; WIRE_WRONG if a shorter form of the length was possible. */
static enum wire_outcome read_head(const uint8_t *bytes, size_t length, size_t *head, uint64_t *payload)
{
    if (length < HEAD_SHORT) {
        return WIRE_MORE;
    }
    *payload = bytes[1];
    *head = *payload == LONG ? HEAD_LONG : *payload == MEDIUM ? HEAD_MEDIUM : HEAD_SHORT;
    if (*payload > LONG || (bytes[0] & (WIRE_RSV1 | WIRE_RSV2 | WIRE_RSV3)) != 0) {
        return WIRE_WRONG;
    }
    if (length < *head) {
        return WIRE_MORE;
    }
    if (*head == HEAD_SHORT) {
        return WIRE_WHOLE;
    }
    *payload = get(bytes + HEAD_SHORT, *head - HEAD_SHORT);
    bool minimal = *payload > (*head == HEAD_LONG ? (uint64_t)WIRE_MEDIUM_MAX : (uint64_t)WIRE_SHORT_MAX);
    return minimal ? WIRE_WHOLE : WIRE_WRONG;
}

enum wire_outcome wire_read(const uint8_t *bytes, size_t length, struct wire_frame *frame)
{
    size_t head = 0;
    uint64_t payload = 0;
    enum wire_outcome outcome = read_head(bytes, length, &head, &payload);
    if (outcome != WIRE_WHOLE) {
        return outcome;
    }
    if (length - head < payload) {
        return WIRE_MORE;
    }
    *frame = (struct wire_frame){
        .first = bytes[0], .payload = bytes + head, .length = (size_t)payload, .size = head + (size_t)payload};
    return WIRE_WHOLE;
}

unsigned wire_close_code(const struct wire_frame *frame)
{
    if (frame->length == 0) {
        return NO_CODE;
    }
    return frame->length < 2 ? 0 : (unsigned)get(frame->payload, 2);
}
