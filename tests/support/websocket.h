/*
 * A blocking WebSocket client for tests: sends exactly the bytes of the test, and reads frame by frame. It never
 * answers pings or closes automatically. Each wait ends after WEBSOCKET_WAIT_MS.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_WEBSOCKET_H
#define ROSTRUM_TESTS_SUPPORT_WEBSOCKET_H

#include "common/base/json.h"
#include "tests/support/wire.h"

enum {
    WEBSOCKET_WAIT_MS = 30000, /* longer than an auction of a test and its fence_grace_ms, also on a loaded machine */
    WEBSOCKET_HEAD_SIZE = 4096,
    WEBSOCKET_PACKET_SIZE = 8192, /* of websocket_send_texts */
};

/* The example of RFC 6455, and the answer to it. */
#define WEBSOCKET_KEY    "dGhlIHNhbXBsZSBub25jZQ=="
#define WEBSOCKET_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct websocket;

/* Connects without a handshake; NULL on error. */
MUST_CHECK struct websocket *websocket_connect(const char *base_url);
void websocket_free(struct websocket *socket);

/*
 * Sends GET `path` with the headers of a correct handshake, then `headers` (lines that end with CR LF, or ""). Reads
 * the answer's head into websocket_head. Returns the status, 0 without an answer.
 */
MUST_CHECK int websocket_handshake(struct websocket *socket, const char *path, const char *headers);
/* The same with a whole head of the test, and bytes after it. */
MUST_CHECK int websocket_handshake_raw(struct websocket *socket, const void *bytes, size_t length);
/* The head of the answer, from its first byte to the empty line. */
const char *websocket_head(const struct websocket *socket);
/* Connects, and makes a handshake at /ws. Returns NULL after printing an error if it is not answered 101. */
MUST_CHECK struct websocket *websocket_open(const char *base_url, const char *headers);
/* The same for a slow reader: the socket has a small receive buffer that does not grow. */
MUST_CHECK struct websocket *websocket_open_small(const char *base_url);

/* Sends `chunk` bytes at a time, each in a packet of its own; 0: all at once. False: the connection is closed. */
bool websocket_send(struct websocket *socket, const void *bytes, size_t length, size_t chunk);
/* Sends a whole masked frame, or a text message. */
bool websocket_send_frame(struct websocket *socket, uint8_t first, const void *payload, size_t length);
bool websocket_send_text(struct websocket *socket, const char *text);
/* Sends text messages in one packet: the gateway reads all of them before it can answer the first. */
MUST_CHECK bool websocket_send_texts(struct websocket *socket, const char *const *texts, size_t count);

enum websocket_outcome { WEBSOCKET_FRAME, WEBSOCKET_CLOSED, WEBSOCKET_LATE, WEBSOCKET_WRONG };
/* Reads the next frame, valid until the next call. CLOSED: the connection ended. WRONG: not allowed for a server. */
MUST_CHECK enum websocket_outcome websocket_next(struct websocket *socket, struct wire_frame *frame, int wait_ms);
/*
 * Returns the next text message, as JSON, whose type is among `types` (separated by blanks; NULL: any). Skips others
 * and answers pings. Valid until the next call; NULL after the deadline.
 */
MUST_CHECK const struct json *websocket_receive(struct websocket *socket, const char *types);
/* Returns a member's text, "" if absent or no scalar. */
const char *websocket_text(const struct json *message, const char *name);
/*
 * Skips frames until the deployment's close frame. Returns its code, 1005 if it has none, 0 if none was received.
 */
MUST_CHECK unsigned websocket_receive_close(struct websocket *socket);
/* Whether the deployment closes the connection; skips frames before that. */
MUST_CHECK bool websocket_ended(struct websocket *socket);

#endif
