/*
 * See websocket.h.
 */
#include "tests/support/websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/live_recording.h"

enum { BUFFER_SIZE = 1 << 20 /* bytes that were read and not yet parsed; the longest message is much shorter */ };

struct websocket {
    int fd;
    char head[WEBSOCKET_HEAD_SIZE];
    struct json *json;
    size_t taken; /* of `bytes`: the frame that was returned last */
    size_t length;
    bool closed;
    uint8_t bytes[BUFFER_SIZE];
};

/* `receive_bytes`: fixed size of the kernel's receive buffer; 0: the kernel decides. */
static struct websocket *connect_to(const char *base_url, int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    const char *colon = strrchr(base_url, ':');
    struct websocket *made = calloc(1, sizeof(*made));
    const int on = 1;
    if (made == NULL || colon == NULL) {
        free(made);
        return NULL;
    }
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    made->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made->fd < 0 ||
        (receive_bytes > 0 &&
         setsockopt(made->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)) != 0) ||
        connect(made->fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        websocket_free(made);
        return NULL;
    }
    return made;
}

struct websocket *websocket_connect(const char *base_url)
{
    return connect_to(base_url, 0);
}

void websocket_free(struct websocket *socket)
{
    if (socket == NULL) {
        return;
    }
    if (socket->fd >= 0) {
        (void)close(socket->fd);
    }
    json_free(socket->json);
    free(socket);
}

const char *websocket_head(const struct websocket *socket)
{
    return socket->head;
}

bool websocket_send(struct websocket *socket, const void *bytes, size_t length, size_t chunk)
{
    const uint8_t *from = bytes;
    while (length > 0) {
        size_t part = chunk == 0 || chunk > length ? length : chunk;
        ssize_t sent = send(socket->fd, from, part, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        from += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool websocket_send_frame(struct websocket *socket, uint8_t first, const void *payload, size_t length)
{
    uint8_t *bytes = malloc(WIRE_HEADER_MAX + length);
    bool sent = bytes != NULL && websocket_send(socket, bytes, wire_write(first, payload, length, bytes), 0);
    free(bytes);
    return sent;
}

bool websocket_send_text(struct websocket *socket, const char *text)
{
    live_recording_add(LIVE_RECORDING_SENT, socket, text, strlen(text));
    return websocket_send_frame(socket, WIRE_FIN | WIRE_TEXT, text, strlen(text));
}

bool websocket_send_texts(struct websocket *socket, const char *const *texts, size_t count)
{
    uint8_t packet[WEBSOCKET_PACKET_SIZE];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(texts[i]);
        if (size + length + WIRE_HEADER_MAX > sizeof(packet)) {
            return false;
        }
        live_recording_add(LIVE_RECORDING_SENT, socket, texts[i], length);
        size += wire_write(WIRE_FIN | WIRE_TEXT, texts[i], length, packet + size);
    }
    return websocket_send(socket, packet, size, 0);
}

/* Reads available bytes, and waits for them until `until_ms`. False if none arrived or the connection ended. */
static bool read_more(struct websocket *socket, int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    struct pollfd look = {.fd = socket->fd, .events = POLLIN};
    if (socket->closed || socket->length == sizeof(socket->bytes) ||
        poll(&look, 1, left_ms > 0 ? (int)left_ms : 0) <= 0) {
        return false;
    }
    ssize_t got = recv(socket->fd, socket->bytes + socket->length, sizeof(socket->bytes) - socket->length, 0);
    socket->closed = got <= 0;
    socket->length += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static void drop(struct websocket *socket, size_t count)
{
    memmove(socket->bytes, socket->bytes + count, socket->length - count);
    socket->length -= count;
}

/* ---- the handshake ---- */

static bool read_head(struct websocket *socket)
{
    int64_t until_ms = clock_mono_ms() + WEBSOCKET_WAIT_MS;
    static const char END[] = "\r\n\r\n";
    for (;;) {
        const uint8_t *end = memmem(socket->bytes, socket->length, END, strlen(END));
        size_t size = end == NULL ? 0 : (size_t)(end - socket->bytes) + strlen(END);
        if (size > 0 && size < sizeof(socket->head)) {
            memcpy(socket->head, socket->bytes, size);
            socket->head[size] = '\0';
            drop(socket, size);
            return true;
        }
        if (size > 0 || !read_more(socket, until_ms)) {
            return false;
        }
    }
}

int websocket_handshake_raw(struct websocket *socket, const void *bytes, size_t length)
{
    static const char VERSION[] = "HTTP/1.";
    if (!websocket_send(socket, bytes, length, 0) || !read_head(socket) ||
        strncmp(socket->head, VERSION, strlen(VERSION)) != 0) {
        return 0;
    }
    return (int)strtol(socket->head + strlen(VERSION) + 1, NULL, 10); /* after a digit */
}

int websocket_handshake(struct websocket *socket, const char *path, const char *headers)
{
    char request[WEBSOCKET_HEAD_SIZE];
    int length = snprintf(request, sizeof(request),
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: " WEBSOCKET_KEY "\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                          path, headers);
    return length > 0 && (size_t)length < sizeof(request) ? websocket_handshake_raw(socket, request, (size_t)length)
                                                          : 0;
}

static struct websocket *shake_hands(struct websocket *socket, const char *headers)
{
    enum { SWITCHING = 101 };
    int status = socket == NULL ? 0 : websocket_handshake(socket, "/ws", headers);
    if (status == SWITCHING) {
        return socket;
    }
    (void)fprintf(stderr, "no WebSocket: %s\n", status == 0 ? "no answer" : socket->head);
    websocket_free(socket);
    return NULL;
}

struct websocket *websocket_open(const char *base_url, const char *headers)
{
    return shake_hands(websocket_connect(base_url), headers);
}

struct websocket *websocket_open_small(const char *base_url)
{
    enum { RECEIVE_BYTES = 4096 };
    return shake_hands(connect_to(base_url, RECEIVE_BYTES), "");
}

/* ---- frames ---- */

enum websocket_outcome websocket_next(struct websocket *socket, struct wire_frame *frame, int wait_ms)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    drop(socket, socket->taken);
    socket->taken = 0;
    for (;;) {
        switch (wire_read(socket->bytes, socket->length, frame)) {
        case WIRE_WHOLE:
            socket->taken = frame->size;
            if (frame->first == (WIRE_FIN | WIRE_TEXT)) {
                live_recording_add(LIVE_RECORDING_RECEIVED, socket, frame->payload, frame->length);
            }
            return WEBSOCKET_FRAME;
        case WIRE_WRONG:
            return WEBSOCKET_WRONG;
        case WIRE_MORE:
            break;
        }
        if (!read_more(socket, until_ms)) {
            return socket->closed ? WEBSOCKET_CLOSED : WEBSOCKET_LATE;
        }
    }
}

static bool among(const char *types, const char *type)
{
    size_t length = strlen(type);
    for (const char *at = types; at != NULL && length > 0; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, type, length) == 0 && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return types == NULL;
}

const struct json *websocket_receive(struct websocket *socket, const char *types)
{
    int64_t until_ms = clock_mono_ms() + WEBSOCKET_WAIT_MS;
    struct wire_frame frame;
    while (websocket_next(socket, &frame, (int)(until_ms - clock_mono_ms())) == WEBSOCKET_FRAME) {
        if (frame.first == (WIRE_FIN | WIRE_PING)) {
            (void)websocket_send_frame(socket, WIRE_FIN | WIRE_PONG, frame.payload, frame.length);
        }
        if (frame.first != (WIRE_FIN | WIRE_TEXT)) {
            continue;
        }
        json_free(socket->json);
        socket->json = json_parse(frame.payload, frame.length, NULL);
        if (socket->json != NULL && among(types, websocket_text(socket->json, "type"))) {
            return socket->json;
        }
    }
    return NULL;
}

const char *websocket_text(const struct json *message, const char *name)
{
    const struct json *member = json_member(message, name);
    bool scalar = member != NULL && (member->type == JSON_STRING || member->type == JSON_NUMBER);
    return scalar ? member->text : "";
}

unsigned websocket_receive_close(struct websocket *socket)
{
    int64_t until_ms = clock_mono_ms() + WEBSOCKET_WAIT_MS;
    struct wire_frame frame;
    while (websocket_next(socket, &frame, (int)(until_ms - clock_mono_ms())) == WEBSOCKET_FRAME) {
        if (frame.first == (WIRE_FIN | WIRE_CLOSE)) {
            return wire_close_code(&frame);
        }
    }
    return 0;
}

bool websocket_ended(struct websocket *socket)
{
    int64_t until_ms = clock_mono_ms() + WEBSOCKET_WAIT_MS;
    struct wire_frame frame;
    enum websocket_outcome outcome = WEBSOCKET_FRAME;
    while (outcome == WEBSOCKET_FRAME) {
        outcome = websocket_next(socket, &frame, (int)(until_ms - clock_mono_ms()));
    }
    return outcome == WEBSOCKET_CLOSED;
}
