/*
 * WebSockets (RFC 6455, frames by wslay). The handshake is a request like any other until it is granted; then the
 * connection leaves HTTP (stream.h). What a client says is its owner's, by a table of functions.
 *
 * Caller: commands.c, whose GET /ws it is.
 */
#ifndef ROSTRUM_GATEWAY_LIVE_WEBSOCKET_H
#define ROSTRUM_GATEWAY_LIVE_WEBSOCKET_H

#include <wslay/wslay.h>

#include "gateway/http/request.h"
#include "gateway/live/stream.h"

/* Codes of a close (RFC 6455, 7.4.1). */
enum {
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL = 1002,
    WEBSOCKET_NOT_TEXT = 1003,
    WEBSOCKET_NOT_UTF8 = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_INTERNAL = 1011,
    WEBSOCKET_TRY_LATER = 1013,
};

struct live_context;
struct websocket;

/* What the owner of a WebSocket does at its turns. */
struct websocket_kind {
    size_t size; /* of the owner's object, whose first member is the struct websocket; zeroed, and freed after `end` */
    /* It is open. */
    void (*begin)(struct websocket *websocket);
    /* One message; it may close the WebSocket, and never frees it. */
    void (*take)(struct websocket *websocket, const void *bytes, size_t length);
    /* It takes something again: what could not be told before can be now. */
    void (*ready)(struct websocket *websocket);
    /* It is closed, and is freed next: nothing of it may be left anywhere. */
    void (*end)(struct websocket *websocket);
};

struct websocket {
    struct stream stream; /* first: a stream's owner is found by it */
    const struct live_context *live;
    struct request_user user; /* a guest's id is nil */
    char address[REQUEST_ADDRESS_SIZE];
    /* The rest belongs to websocket.c. */
    const struct websocket_kind *kind;
    wslay_event_context_ptr frames; /* NULL while no message has come half way: a context takes 8 KiB */
    const uint8_t *bytes;           /* that have come, while they are worked through */
    size_t length;
    uint64_t given;   /* to `frames`, bytes */
    uint64_t framed;  /* of which in frames that are complete */
    uint64_t frame;   /* size of the one under way */
    bool closed;      /* by a frame that said why */
    bool fragmented;  /* a message waits for its next frame, */
    int fragments;    /* and so many of it came */
    int64_t since_ms; /* monotonic: the window in which */
    int messages;     /* so many were counted */
};

/* ENDS a request: it becomes a WebSocket of this kind if it asks for one rightly and there is room, or is refused. */
void websocket_upgrade(const struct live_context *live, struct request *request, const struct websocket_kind *kind);
/* Sends a text to this client: a WebSocket of its own owns nothing of it. */
void websocket_send(struct websocket *websocket, struct text *text);
/* The same as a frame; the reference goes over. NULL: without memory, and the connection fails. */
void websocket_send_frame(struct websocket *websocket, struct frame *frame);
/* Closes it. Harmless if it is closing. */
void websocket_close(struct websocket *websocket, unsigned code, const char *reason);

#endif
