/*
 * See frame.h. wslay writes the frame headers. Its context for that keeps no state between frames, so one context
 * serves all.
 */
#include "gateway/live/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "common/base/utf8.h"

enum {
    HEADER_MAX = 10,     /* of a frame without a mask */
    CLOSE_BYTES = 125,   /* bytes of a control frame's payload */
    CLOSE_CODE = 2,      /* bytes of its code; the reason follows */
    STREAM_PREFIX = 48,  /* "id: ", 19 digits, "\ndata: " */
    ANSWER_OVERHEAD = 8, /* "id":, */
    MEMBER_OVERHEAD = 8, /* ,"":} */
};

struct frame *frame_new(const void *bytes, size_t length)
{
    struct frame *frame = malloc(sizeof(*frame) + length);
    if (frame != NULL) {
        frame->refs = 1;
        frame->length = length;
        if (length > 0) {
            memcpy(frame->bytes, bytes, length);
        }
    }
    return frame;
}

struct frame *frame_ref(struct frame *frame)
{
    frame->refs++;
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (frame != NULL && --frame->refs == 0) {
        free(frame);
    }
}

/* ---- WebSocket ---- */

/* wslay's callback. `user_data` is the frame being filled, which has room for all of it. */
static ssize_t append(const uint8_t *data, size_t length, int flags, void *user_data)
{
    struct frame *frame = user_data;
    (void)flags;
    memcpy(frame->bytes + frame->length, data, length);
    frame->length += length;
    return (ssize_t)length;
}

struct frame *frame_websocket(uint8_t opcode, const void *payload, size_t length)
{
    static const struct wslay_frame_callbacks callbacks = {.send_callback = append};
    struct wslay_frame_iocb part = {
        .fin = 1, .opcode = opcode, .payload_length = length, .data = payload, .data_length = length};
    wslay_frame_context_ptr context = NULL;
    struct frame *frame = malloc(sizeof(*frame) + HEADER_MAX + length);
    if (frame == NULL || wslay_frame_context_init(&context, &callbacks, frame) != 0) {
        free(frame);
        return NULL;
    }
    *frame = (struct frame){.refs = 1};
    ssize_t sent = wslay_frame_send(context, &part);
    assert(sent == (ssize_t)length);
    (void)sent;
    wslay_frame_context_free(context);
    return frame;
}

struct frame *frame_close(unsigned code, const char *reason)
{
    char payload[CLOSE_BYTES + 1] = {(char)(code >> 8U), (char)(code & 0xffU)};
    int written = snprintf(payload + CLOSE_CODE, sizeof(payload) - CLOSE_CODE, "%s", reason);
    size_t length = written > CLOSE_BYTES - CLOSE_CODE ? CLOSE_BYTES - CLOSE_CODE : (size_t)written;
    while (!utf8_valid(payload + CLOSE_CODE, length)) {
        length--; /* our reasons are valid UTF-8: only the cut can split a character */
    }
    return frame_websocket(WSLAY_CONNECTION_CLOSE, payload, CLOSE_CODE + length);
}

/* ---- texts ---- */

struct text *text_new(const char *json, size_t length, int64_t seq)
{
    struct text *text = malloc(sizeof(*text) + length + 1);
    assert(length >= 2 && json[0] == '{');
    if (text != NULL) {
        *text = (struct text){.refs = 1, .seq = seq, .length = length};
        memcpy(text->json, json, length);
        text->json[length] = '\0';
    }
    return text;
}

struct text *text_ref(struct text *text)
{
    text->refs++;
    return text;
}

void text_unref(struct text *text)
{
    if (text != NULL && --text->refs == 0) {
        frame_unref(text->websocket);
        frame_unref(text->event_stream);
        free(text);
    }
}

struct text *text_with(const struct text *text, const char *name, const char *value)
{
    size_t size = text->length + strlen(name) + strlen(value) + MEMBER_OVERHEAD;
    struct text *made = malloc(sizeof(*made) + size);
    if (made == NULL) {
        return NULL;
    }
    *made = (struct text){.refs = 1, .seq = text->seq, .unconditional = text->unconditional};
    int length = snprintf(made->json, size, "%.*s,\"%s\":%s}", (int)text->length - 1, text->json, name, value);
    assert(length > 0 && (size_t)length < size);
    made->length = (size_t)length;
    return made;
}

struct frame *text_websocket(struct text *text)
{
    if (text->websocket == NULL) {
        text->websocket = frame_websocket(WSLAY_TEXT_FRAME, text->json, text->length);
    }
    return text->websocket;
}

struct frame *text_event_stream(struct text *text)
{
    if (text->event_stream == NULL) {
        struct frame *frame = malloc(sizeof(*frame) + STREAM_PREFIX + text->length + 2);
        if (frame == NULL) {
            return NULL;
        }
        int prefix = 0;
        if (text->seq > 0) {
            prefix = snprintf((char *)frame->bytes, STREAM_PREFIX, "id: %" PRId64 "\ndata: ", text->seq);
        } else {
            prefix = snprintf((char *)frame->bytes, STREAM_PREFIX, "data: ");
        }
        memcpy(frame->bytes + prefix, text->json, text->length);
        frame->bytes[(size_t)prefix + text->length] = '\n';
        frame->bytes[(size_t)prefix + text->length + 1] = '\n';
        frame->refs = 1;
        frame->length = (size_t)prefix + text->length + 2;
        text->event_stream = frame;
    }
    return text->event_stream;
}

struct frame *text_answer(const struct text *text, const char *id)
{
    size_t size = text->length + strlen(id) + ANSWER_OVERHEAD;
    char *json = malloc(size);
    if (json == NULL) {
        return NULL;
    }
    int length = snprintf(json, size, "{\"id\":%s,%s", id, text->json + 1);
    assert(length > 0 && (size_t)length < size);
    struct frame *frame = frame_websocket(WSLAY_TEXT_FRAME, json, (size_t)length);
    free(json);
    return frame;
}
