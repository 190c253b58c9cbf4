/*
 * Bytes for many connections: written once, shared by all that they go to, freed with the last of them. A text (one
 * message of ours, JSON) is framed once for WebSockets and once for event streams, when the first of either kind asks.
 *
 * Callers: stream.c, websocket.c, eventstream.c, watch.c.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_FRAME_H
#define ROSTRUM_GATEWAY_LIVE_FRAME_H

#include "common/base/base.h"

struct frame {
    size_t refs;
    size_t length;
    uint8_t bytes[];
};

/* One reference, the caller's. NULL without memory. */
MUST_CHECK struct frame *frame_new(const void *bytes, size_t length);
struct frame *frame_ref(struct frame *frame);
/* NULL is no frame. */
void frame_unref(struct frame *frame);

/* An unfragmented, unmasked WebSocket frame of an opcode of wslay's; NULL without memory. */
MUST_CHECK struct frame *frame_websocket(uint8_t opcode, const void *payload, size_t length);
/* A close frame; `reason` is cut at the 123 bytes that there is room for. */
MUST_CHECK struct frame *frame_close(unsigned code, const char *reason);

struct text {
    size_t refs;
    int64_t seq;                /* of the auction; 0: belongs to none */
    bool aside;                 /* of a version that was told before: an announcement */
    struct frame *websocket;    /* NULL: nobody asked for it */
    struct frame *event_stream; /* likewise */
    size_t length;
    char json[];
};

/* `json` is one object; copied. One reference, the caller's. NULL without memory. */
MUST_CHECK struct text *text_new(const char *json, size_t length, int64_t seq);
struct text *text_ref(struct text *text);
void text_unref(struct text *text);
/* The text's own; NULL without memory. */
MUST_CHECK struct frame *text_websocket(struct text *text);
/* With the seq as its id. */
MUST_CHECK struct frame *text_event_stream(struct text *text);
/*
 * A WebSocket frame of the same object with the member "id" first, whose value is `id` (JSON as it came); the caller's.
 * NULL without memory.
 */
MUST_CHECK struct frame *text_answer(const struct text *text, const char *id);

#endif
