/*
 * WebSockets (RFC 6455); wslay parses the frames. The handshake is an ordinary request. When it is granted, the
 * connection leaves HTTP (stream.h). The owner handles the messages by a table of functions.
 *
 * Caller: commands.c (GET /ws).
 */
#ifndef ROSTRUM_GATEWAY_LIVE_WEBSOCKET_H
#define ROSTRUM_GATEWAY_LIVE_WEBSOCKET_H

#include <wslay/wslay.h>

#include "gateway/http/request.h"
#include "gateway/live/frame_reader.h"
#include "gateway/live/stream.h"

enum { WEBSOCKET_CLOSE_MAX = 125 /* bytes of a control frame's payload: code and reason */ };

/* Close codes (RFC 6455, 7.4.1; from 1012 on the registry of IANA). */
enum {
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL = 1002,
    WEBSOCKET_NOT_TEXT = 1003,
    WEBSOCKET_NOT_UTF8 = 1007,
    WEBSOCKET_POLICY = 1008,
    WEBSOCKET_TOO_BIG = 1009,
    WEBSOCKET_INTERNAL = 1011,
    WEBSOCKET_RESTART = 1012,
    WEBSOCKET_TRY_LATER = 1013,
    WEBSOCKET_BAD_GATEWAY = 1014,
    WEBSOCKET_EXPIRED = 4001, /* ours: the session or access token has expired */
};

struct live_context;
struct websocket;

/* The functions of a WebSocket's owner. */
struct websocket_kind {
    size_t size; /* of the owner's object, whose first member is the struct websocket; zeroed, and freed after `end` */
    /* Called once it is open. */
    void (*begin)(struct websocket *websocket);
    /* Called with one message. It may close the WebSocket, and must not free it. */
    void (*take)(struct websocket *websocket, const void *bytes, size_t length);
    /* Called when its queue has been written: what was held back can be sent. */
    void (*ready)(struct websocket *websocket);
    /* Called after closing, before it is freed: no reference to it may remain. */
    void (*end)(struct websocket *websocket);
};

struct websocket {
    struct stream stream; /* first: the owner of a stream casts it */
    const struct live_context *live;
    struct request_user user; /* nil id: a guest */
    char address[REQUEST_ADDRESS_SIZE];
    /* Private to websocket.c. */
    const struct websocket_kind *kind;
    wslay_event_context_ptr frames; /* NULL between messages: a context takes 8 KiB */
    const uint8_t *bytes;           /* input being parsed */
    size_t length;
    struct frame_reader reader;
    uint8_t close_payload[WEBSOCKET_CLOSE_MAX]; /* of the client's close frame, as far as received */
    uint8_t close_length;
    bool closing;     /* the frame being received is a close frame */
    bool closed;      /* its close was counted */
    int64_t since_ms; /* monotonic; start of the window that limits messages */
    int messages;     /* messages in the window */
};

/*
 * ENDS a request. If the handshake is valid and the limit of connections allows, the connection becomes a WebSocket of
 * this kind; else the request is refused.
 */
void websocket_upgrade(const struct live_context *live, struct request *request, const struct websocket_kind *kind);
/* Sends a text to this client; the caller keeps its reference. */
void websocket_send(struct websocket *websocket, struct text *text);
/* Sends a frame and takes over the reference. NULL means no memory: the connection fails. */
void websocket_send_frame(struct websocket *websocket, struct frame *frame);
/* Closes it. No effect if it is closing. */
void websocket_close(struct websocket *websocket, unsigned code, const char *reason);

#endif
