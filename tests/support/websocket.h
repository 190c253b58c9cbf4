/*
 * A blocking WebSocket client for tests: a plain socket on which a test says exactly the bytes that it wants, and reads
 * what the deployment says, frame by frame. It answers nothing by itself, no ping and no close. Waits end after
 * WEBSOCKET_WAIT_MS.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_WEBSOCKET_H
#define ROSTRUM_TESTS_SUPPORT_WEBSOCKET_H

#include "common/base/json.h"
#include "tests/support/wire.h"

enum {
    WEBSOCKET_WAIT_MS =
        10000, /* the deployment answers within this, also on a machine that is busy with other things */
    WEBSOCKET_HEAD_SIZE = 4096,
};

/* What RFC 6455 gives as its example, with the answer that it must get. */
#define WEBSOCKET_KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define WEBSOCKET_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct websocket;

/* Connects, without a handshake; NULL when it cannot. */
MUST_CHECK struct websocket *websocket_connect(const char *base_url);
void websocket_free(struct websocket *socket);

/*
 * Asks for `path` by GET with the headers of a proper client and then `headers` (lines that end with CR LF, or ""), and
 * reads the answer's head into websocket_head. The status; 0 if none came.
 */
MUST_CHECK int websocket_ask(struct websocket *socket, const char *path, const char *headers);
/* The same with a head of the test's own, whole, and bytes behind it. */
MUST_CHECK int websocket_ask_raw(struct websocket *socket, const void *bytes, size_t length);
/* The head of the answer, from its first byte to the empty line. */
const char *websocket_head(const struct websocket *socket);
/* websocket_connect and a handshake at /ws that is answered 101; NULL, and said, otherwise. */
MUST_CHECK struct websocket *websocket_open(const char *base_url, const char *headers);
/* The same for one who reads slowly: the kernel keeps little for it, where else it would make more and more room. */
MUST_CHECK struct websocket *websocket_open_small(const char *base_url);

/* False: the deployment does not take it any more. `piece` bytes at a time, each in a packet of its own; 0: all at
 * once. */
bool websocket_send(struct websocket *socket, const void *bytes, size_t length, size_t chunk);
/* A whole masked frame, or a text message. */
bool websocket_send_frame(struct websocket *socket, uint8_t first, const void *payload, size_t length);
bool websocket_say(struct websocket *socket, const char *text);

enum websocket_outcome { WEBSOCKET_FRAME, WEBSOCKET_CLOSED, WEBSOCKET_LATE, WEBSOCKET_WRONG };
/* The next frame, valid until the next call. Closed: the connection ended. Wrong: what no server may say. */
MUST_CHECK enum websocket_outcome websocket_next(struct websocket *socket, struct wire_frame *frame, int wait_ms);
/*
 * The next text message as JSON, its type among `types` (separated by blanks; NULL: any); others are skipped, and pings
 * answered. Valid until the next call; NULL when it does not come.
 */
MUST_CHECK const struct json *websocket_hear(struct websocket *socket, const char *types);
/* A member's text, "" when absent or no scalar. */
const char *websocket_text(const struct json *message, const char *name);
/*
 * Skips what comes until the deployment's close frame; its code, 1005 if it has none, 0 if the connection ended without
 * one or nothing came.
 */
MUST_CHECK unsigned websocket_closing(struct websocket *socket);
/* Whether the deployment ends the connection; what comes before is skipped. */
MUST_CHECK bool websocket_ended(struct websocket *socket);

#endif
