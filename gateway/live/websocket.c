/*
 * See websocket.h. wslay parses frames and checks the protocol. It also answers pings and closes, into a buffer of this
 * file. Its context exists only while a frame or a message is incomplete (frame_reader.h).
 */
#include "gateway/live/websocket.h"

#include <assert.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/sha1.h"
#include "common/base/utf8.h"
#include "gateway/access/limits.h"
#include "gateway/http/cors.h"
#include "gateway/http/http.h"
#include "gateway/http/reply.h"
#include "gateway/live/live.h"
#include "gateway/live/live_metrics.h"

enum {
    KEY_BYTES = 16,
    KEY_TEXT = 24,                              /* base64 of it */
    ACCEPT_SIZE = 32,                           /* base64 of SHA1_BYTES, and the terminator */
    HANDSHAKE_SIZE = ANSWER_HEADERS_SIZE + 512, /* of the response to the handshake */
    ANSWERS_SIZE = 32768, /* pongs and a close for one read: no longer than the frames that they answer, plus 127 */
    REASON_SIZE = 64,
    LIST_SIZE = 512,      /* of a list header; a longer one counts as absent */
    CLOSE_CODE_BYTES = 2, /* of a close frame's payload; the reason follows */
};

#define KEY_SUFFIX  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SUBPROTOCOL "rostrum.v1"

static struct websocket *websocket_of(struct stream *stream)
{
    return (struct websocket *)stream;
}

/* ---- sending ---- */

void websocket_send_frame(struct websocket *websocket, struct frame *frame)
{
    live_metrics_add_sent(LIVE_METRICS_WEBSOCKET);
    stream_send(&websocket->stream, frame);
    frame_unref(frame);
}

void websocket_send(struct websocket *websocket, struct text *text)
{
    live_metrics_add_sent(LIVE_METRICS_WEBSOCKET);
    stream_send(&websocket->stream, text_websocket(text));
}

/* Code 0: the connection was lost. */
static void note_closed(struct websocket *websocket, unsigned code)
{
    websocket->closed = true;
    live_metrics_add_closed(code);
}

void websocket_close(struct websocket *websocket, unsigned code, const char *reason)
{
    if (websocket->stream.state == STREAM_OPEN) {
        note_closed(websocket, code);
        stream_finish(&websocket->stream, frame_close(code, reason));
    }
}

/* ---- callbacks of wslay ---- */

static ssize_t on_recv(wslay_event_context_ptr frames, uint8_t *out, size_t size, int flags, void *arg)
{
    struct websocket *websocket = arg;
    size_t length = websocket->length < size ? websocket->length : size;
    (void)flags;
    if (length == 0) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(out, websocket->bytes, length);
    websocket->bytes += length;
    websocket->length -= length;
    return (ssize_t)length;
}

/* Answers that wslay writes during one read; reads never overlap. */
static struct {
    size_t length;
    uint8_t bytes[ANSWERS_SIZE];
} answers;

static ssize_t on_send(wslay_event_context_ptr frames, const uint8_t *data, size_t length, int flags, void *arg)
{
    (void)flags;
    (void)arg;
    if (length > sizeof(answers.bytes) - answers.length) {
        wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    memcpy(answers.bytes + answers.length, data, length);
    answers.length += length;
    return (ssize_t)length;
}

static void on_frame(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
    struct websocket *websocket = arg;
    (void)frames;
    websocket->closing = frame->opcode == WSLAY_CONNECTION_CLOSE;
}

static void on_chunk(wslay_event_context_ptr frames, const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *arg)
{
    struct websocket *websocket = arg;
    (void)frames;
    if (websocket->closing && chunk->data_length <= sizeof(websocket->close_payload) - websocket->close_length) {
        memcpy(websocket->close_payload + websocket->close_length, chunk->data, chunk->data_length);
        websocket->close_length += (uint8_t)chunk->data_length;
    }
}

/* wslay knows the codes of RFC 6455 only, and would answer those that IANA registered later as errors. */
static bool is_registered(unsigned code)
{
    return code == WEBSOCKET_RESTART || code == WEBSOCKET_TRY_LATER || code == WEBSOCKET_BAD_GATEWAY;
}

/* Answers a close with such a code as wslay answers the others: by the same code and reason. */
static void on_frame_end(wslay_event_context_ptr frames, void *arg)
{
    struct websocket *websocket = arg;
    const uint8_t *payload = websocket->close_payload;
    size_t length = websocket->close_length;
    if (!websocket->closing || length < CLOSE_CODE_BYTES || websocket->stream.state != STREAM_OPEN) {
        return;
    }
    unsigned code = (unsigned)payload[0] << 8U | payload[1];
    if (is_registered(code) && utf8_valid(payload + CLOSE_CODE_BYTES, length - CLOSE_CODE_BYTES)) {
        note_closed(websocket, code);
        stream_finish(&websocket->stream, frame_websocket(WSLAY_CONNECTION_CLOSE, payload, length));
        wslay_event_shutdown_read(frames);
    } else if (is_registered(code)) {
        websocket_close(websocket, WEBSOCKET_NOT_UTF8, "close reason is not UTF-8");
    }
}

/* False: the client exceeded the limit of messages, and was closed. */
static bool count_message(struct websocket *websocket)
{
    const struct config *config = websocket->live->config;
    int64_t now = clock_mono_ms();
    if (now - websocket->since_ms >= INT64_C(1000) * config->live_messages_window_s) {
        websocket->since_ms = now;
        websocket->messages = 0;
    }
    if (++websocket->messages <= config->live_messages_max) {
        return true;
    }
    websocket_close(websocket, WEBSOCKET_POLICY, "too many messages");
    return false;
}

/* Sends pongs before the next message is handled, so that answers keep the order of their causes. */
static bool send_pongs(struct websocket *websocket)
{
    if (wslay_event_send(websocket->frames) != 0) {
        return false;
    }
    if (answers.length > 0 && !wslay_event_get_close_sent(websocket->frames)) {
        struct frame *frame = frame_new(answers.bytes, answers.length);
        stream_send(&websocket->stream, frame);
        frame_unref(frame);
        answers.length = 0;
    }
    return true;
}

/* Checks that wslay lacks: a code of one byte, and a reason that is not UTF-8. */
static void check_close(struct websocket *websocket, const struct wslay_event_on_msg_recv_arg *message)
{
    if (message->msg_length == 1) {
        websocket_close(websocket, WEBSOCKET_PROTOCOL, "incomplete close code");
    } else if (message->msg_length > 2 && !utf8_valid(message->msg + 2, message->msg_length - 2)) {
        websocket_close(websocket, WEBSOCKET_NOT_UTF8, "close reason is not UTF-8");
    }
}

static void on_message(wslay_event_context_ptr frames, const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
    struct websocket *websocket = arg;
    if (websocket->stream.state != STREAM_OPEN) {
        return;
    }
    if (message->opcode == WSLAY_CONNECTION_CLOSE) {
        check_close(websocket, message);
    } else if (!count_message(websocket)) {
        wslay_event_shutdown_read(frames);
    } else if (message->opcode == WSLAY_TEXT_FRAME && send_pongs(websocket)) {
        websocket->kind->take(websocket, message->msg, message->msg_length);
    } else if (message->opcode == WSLAY_BINARY_FRAME) {
        websocket_close(websocket, WEBSOCKET_NOT_TEXT, "text only");
        wslay_event_shutdown_read(frames);
    }
}

/* ---- receiving ---- */

static bool open_frames(struct websocket *websocket)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
        .on_frame_recv_start_callback = on_frame,
        .on_frame_recv_chunk_callback = on_chunk,
        .on_frame_recv_end_callback = on_frame_end,
        .on_msg_recv_callback = on_message,
    };
    if (websocket->frames == NULL) {
        if (wslay_event_context_server_init(&websocket->frames, &callbacks, websocket) != 0) {
            return false;
        }
        wslay_event_config_set_max_recv_msg_length(websocket->frames,
                                                   (uint64_t)websocket->live->config->live_message_max_bytes);
    }
    return true;
}

static void close_frames(struct websocket *websocket)
{
    if (websocket->frames != NULL) {
        wslay_event_context_free(websocket->frames);
        websocket->frames = NULL;
    }
}

/* Sends wslay's close frame, if the client closed or broke the protocol. */
static void send_close(struct websocket *websocket)
{
    if (wslay_event_get_close_sent(websocket->frames)) {
        note_closed(websocket, wslay_event_get_status_code_sent(websocket->frames));
        stream_finish(&websocket->stream, frame_new(answers.bytes, answers.length));
    }
}

/* Closes because of a frame that exceeds a limit; everything before it has been handled. */
static void refuse_frame(struct websocket *websocket, enum frame_verdict verdict)
{
    if (verdict == FRAME_TOO_BIG) {
        websocket_close(websocket, WEBSOCKET_TOO_BIG, "message too big");
    } else if (verdict == FRAME_TOO_MANY) {
        websocket_close(websocket, WEBSOCKET_POLICY, "too many fragments");
    }
}

static void on_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct websocket *websocket = websocket_of(stream);
    enum frame_verdict verdict = FRAME_FITS;
    if (!open_frames(websocket)) {
        websocket_close(websocket, WEBSOCKET_INTERNAL, "no memory");
        return;
    }
    websocket->bytes = bytes;
    websocket->length = frame_reader_take(&websocket->reader, bytes, length,
                                          (uint64_t)websocket->live->config->live_message_max_bytes, &verdict);
    answers.length = 0;
    int failed = wslay_event_recv(websocket->frames);
    if (failed == 0 && stream->state == STREAM_OPEN && !send_pongs(websocket)) {
        failed = WSLAY_ERR_NOMEM;
    }
    websocket->bytes = NULL;
    websocket->length = 0;
    if (failed == 0 && stream->state == STREAM_OPEN) {
        send_close(websocket);
    } else if (failed == WSLAY_ERR_NOMEM) {
        websocket_close(websocket, WEBSOCKET_INTERNAL, "no memory");
    } else if (failed != 0) {
        websocket_close(websocket, WEBSOCKET_PROTOCOL, "invalid frame"); /* wslay writes no close frame in this case */
    }
    refuse_frame(websocket, verdict);
    if (stream->state != STREAM_OPEN || frame_reader_idle(&websocket->reader)) {
        close_frames(websocket);
    }
}

/* ---- callbacks of the stream ---- */

static void on_beat(struct stream *stream)
{
    static struct frame *ping; /* one for all connections, never freed */
    if (ping == NULL) {
        ping = frame_websocket(WSLAY_PING, NULL, 0);
    }
    stream_send(stream, ping);
}

static void on_close(struct stream *stream, enum stream_end end)
{
    struct websocket *websocket = websocket_of(stream);
    char reason[REASON_SIZE];
    switch (end) {
    case STREAM_END_DRAIN:
        (void)snprintf(reason, sizeof(reason), "reconnect in %u ms", streams_reconnect_ms(stream->streams));
        websocket_close(websocket, WEBSOCKET_GOING_AWAY, reason);
        break;
    case STREAM_END_SLOW:
        websocket_close(websocket, WEBSOCKET_TRY_LATER, "reads too slowly");
        break;
    case STREAM_END_SILENT:
        websocket_close(websocket, WEBSOCKET_GOING_AWAY, "no answer to a ping");
        break;
    }
}

static void on_ready(struct stream *stream)
{
    struct websocket *websocket = websocket_of(stream);
    websocket->kind->ready(websocket);
}

static void on_ended(struct stream *stream)
{
    struct websocket *websocket = websocket_of(stream);
    if (!websocket->closed) {
        note_closed(websocket, 0);
    }
    websocket->kind->end(websocket);
    close_frames(websocket);
    free(websocket);
}

static const struct stream_kind stream_kind = {
    .input = on_input,
    .ready = on_ready,
    .beat = on_beat,
    .close = on_close,
    .ended = on_ended,
    .answers = true,
};

/* ---- the handshake ---- */

/* True if a list header contains this token, in any case. */
static bool header_has(const struct request *request, const char *name, const char *word)
{
    char list[LIST_SIZE];
    const char *text = list;
    size_t length = strlen(word);
    request_header_list(request, name, list, sizeof(list));
    while (*text != '\0') {
        text += strspn(text, " \t,");
        size_t item = strcspn(text, ",");
        size_t end = item;
        while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t')) {
            end--;
        }
        if (end == length && strncasecmp(text, word, length) == 0) {
            return true;
        }
        text += item;
    }
    return false;
}

static bool key_is_valid(const char *key)
{
    uint8_t bytes[KEY_BYTES];
    size_t length = 0;
    return key != NULL && strlen(key) == KEY_TEXT &&
           sodium_base642bin(bytes, sizeof(bytes), key, KEY_TEXT, NULL, &length, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           length == sizeof(bytes);
}

static bool is_upgrade(const struct request *request)
{
    const char *version = request_header(request, "Sec-WebSocket-Version");
    bool http_11 = request->evreq->major == 1 && request->evreq->minor >= 1;
    return http_11 && !request->head && header_has(request, "Upgrade", "websocket") &&
           header_has(request, "Connection", "upgrade") && version != NULL && strcmp(version, "13") == 0;
}

/* The response to the handshake, as a frame. */
static struct frame *write_handshake(const struct request *request)
{
    uint8_t hash[SHA1_BYTES];
    char text[KEY_TEXT + sizeof(KEY_SUFFIX)];
    char accept[ACCEPT_SIZE];
    char answer[HANDSHAKE_SIZE];
    char lines[ANSWER_HEADERS_SIZE];
    const struct answer_headers headers = reply_headers(request, 101);
    bool named = header_has(request, "Sec-WebSocket-Protocol", SUBPROTOCOL);
    (void)snprintf(text, sizeof(text), "%s" KEY_SUFFIX, request_header(request, "Sec-WebSocket-Key"));
    sha1(text, strlen(text), hash);
    sodium_bin2base64(accept, sizeof(accept), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
    answer_headers_text(&headers, lines);
    int length = snprintf(answer, sizeof(answer),
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\nX-Request-Id: %s\r\n%s%s\r\n",
                          accept, request->id, lines, named ? "Sec-WebSocket-Protocol: " SUBPROTOCOL "\r\n" : "");
    assert(length > 0 && length < HANDSHAKE_SIZE);
    return frame_new(answer, (size_t)length);
}

static void grant(const struct live_context *live, struct request *request, const struct websocket_kind *kind)
{
    struct websocket *websocket = calloc(1, kind->size);
    struct frame *handshake = write_handshake(request);
    if (websocket == NULL || handshake == NULL) {
        free(websocket);
        frame_unref(handshake);
        reply_error(request, ERROR_UNAVAILABLE);
        return;
    }
    const struct uuid *user = request->user.via == REQUEST_GUEST ? NULL : &request->user.id;
    if (!stream_admit(live->streams, &websocket->stream, request->address, user)) {
        free(websocket);
        frame_unref(handshake);
        limits_refuse_client(request);
        return;
    }
    websocket->stream.kind = &stream_kind;
    websocket->kind = kind;
    websocket->live = live;
    websocket->user = request->user;
    websocket->since_ms = clock_mono_ms();
    memcpy(websocket->address, request->address, sizeof(websocket->address));
    kind->begin(websocket);
    stream_begin(live->streams, &websocket->stream, reply_take_over(request, 101), handshake);
}

void websocket_upgrade(const struct live_context *live, struct request *request, const struct websocket_kind *kind)
{
    if (request_answered(request)) {
        reply_end(request);
    } else if (!is_upgrade(request)) {
        reply_header(request, "Upgrade", "websocket");
        reply_header(request, "Connection", "Upgrade");
        reply_header(request, "Sec-WebSocket-Version", "13");
        reply_error(request, ERROR_UPGRADE_REQUIRED);
    } else if (!key_is_valid(request_header(request, "Sec-WebSocket-Key"))) {
        reply_error(request, ERROR_BAD_REQUEST);
    } else if (!cors_socket_allowed(request)) {
        reply_error(request, ERROR_CROSS_ORIGIN);
    } else if (streams_full(live->streams) || request->http->draining || !live->deployment->known) {
        reply_error(request, ERROR_UNAVAILABLE);
    } else {
        grant(live, request, kind);
    }
}
