/*
 * Reference-counted bytes that are written once and sent to many connections. A text is one JSON message. It is framed
 * for WebSockets and for event streams at most once each, at first use.
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

/* Returns one reference, which the caller owns. NULL without memory. */
MUST_CHECK struct frame *frame_new(const void *bytes, size_t length);
struct frame *frame_ref(struct frame *frame);
/* NULL is allowed. */
void frame_unref(struct frame *frame);

/* An unfragmented, unmasked WebSocket frame with one of wslay's opcodes; NULL without memory. */
MUST_CHECK struct frame *frame_websocket(uint8_t opcode, const void *payload, size_t length);
/* A close frame. `reason` is cut to 123 bytes, the protocol's limit. */
MUST_CHECK struct frame *frame_close(unsigned code, const char *reason);

struct text {
    size_t refs;
    int64_t seq;                /* the auction's version; 0: of no auction */
    bool unconditional;         /* sent even to watchers that have this version */
    struct frame *websocket;    /* NULL: not used yet */
    struct frame *event_stream; /* NULL: not used yet */
    size_t length;
    char json[];
};

/* `json` is one object, which is copied. Returns one reference, which the caller owns. NULL without memory. */
MUST_CHECK struct text *text_new(const char *json, size_t length, int64_t seq);
struct text *text_ref(struct text *text);
void text_unref(struct text *text);
/* The same object with one more member, at its end; `value` is raw JSON. The caller owns the reference. NULL without
 * memory. */
MUST_CHECK struct text *text_with(const struct text *text, const char *name, const char *value);
/* Owned by the text; NULL without memory. */
MUST_CHECK struct frame *text_websocket(struct text *text);
/* Owned by the text; its event has the seq as id. NULL without memory. */
MUST_CHECK struct frame *text_event_stream(struct text *text);
/*
 * A WebSocket frame of the same object with "id" as first member, whose value is `id` (raw JSON). Owned by the caller.
 * NULL without memory.
 */
MUST_CHECK struct frame *text_answer(const struct text *text, const char *id);

#endif
