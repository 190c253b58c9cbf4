/*
 * GET /ws: WebSockets (RFC 6455, frames by wslay). The handshake is a request like any other until it is granted; then
 * the connection leaves HTTP (stream.h). What a client says is done by commands.c.
 *
 * Callers: routes.c; commands.c.
 */
#ifndef ROSTRUM_GATEWAY_WEBSOCKET_H
#define ROSTRUM_GATEWAY_WEBSOCKET_H

#include <sys/queue.h>
#include <wslay/wslay.h>

#include "gateway/presence.h"
#include "gateway/request.h"
#include "gateway/router.h"
#include "gateway/stream.h"
#include "gateway/watch.h"

extern const struct route websocket_routes[];

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

struct auth_asking;
struct subscription;
struct placing_way;

struct websocket {
    struct stream stream; /* first: a stream's owner is found by it */
    struct gateway *gateway;
    struct request_user user; /* a guest's id is nil */
    char address[REQUEST_ADDRESS_SIZE];
    TAILQ_HEAD(, subscription) subscriptions; /* of commands.c, as are the next two */
    size_t subscription_count;
    struct presence presence;       /* entered unless it is a guest's */
    struct auth_asking *asking;     /* credentials are being looked at; NULL: none are */
    TAILQ_HEAD(, placing_way) ways; /* bids that are not answered yet */
    /* The rest belongs to websocket.c. */
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

/* Sends a text to this client: a WebSocket of its own owns nothing of it. */
void websocket_send(struct websocket *websocket, struct text *text);
/* The same as a frame; the reference goes over. NULL: without memory, and the connection fails. */
void websocket_send_frame(struct websocket *websocket, struct frame *frame);
/* Closes it. Harmless if it is closing. */
void websocket_close(struct websocket *websocket, unsigned code, const char *reason);

#endif
