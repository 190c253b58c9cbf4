/*
 * Fuzz target: bytes of a WebSocket client, through the real handshake, wslay and the command handlers. The first byte
 * selects the client (u: a user, else a guest), the second the input: r raw bytes, else lines of text, each sent as one
 * masked text message.
 *
 * Properties: the worker accepts the handshake and closes the connection. It sends unmasked frames of RFC 6455 whose
 * text messages are JSON.
 */
#include <string.h>
#include <wslay/wslay.h>

#include "common/base/json.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/gateway.h"

enum {
    MODES = 2, /* bytes before the input that select how it is sent */
    INPUT_MAX = 65536,
    HEADER_MAX = 8, /* of a masked frame below 64 KiB */
};

#define HANDSHAKE                                                                                                      \
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                     \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n"
#define CREDENTIALS "Authorization: Bearer @USER@\r\n"

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer declares it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_gateway_start();
    return 0;
}

/* ---- to the gateway ---- */

/* A mask of zeros is valid, and the payload of a saved input stays readable. */
static size_t put_message(uint8_t *out, const uint8_t *text, size_t length)
{
    size_t used = 0;
    out[used++] = 0x80 | WSLAY_TEXT_FRAME;
    if (length < 126) {
        out[used++] = (uint8_t)(0x80 | length);
    } else {
        out[used++] = 0x80 | 126;
        out[used++] = (uint8_t)(length >> 8);
        out[used++] = (uint8_t)length;
    }
    memset(out + used, 0, 4);
    memcpy(out + used + 4, text, length);
    return used + 4 + length;
}

static size_t put_lines(uint8_t *out, const uint8_t *bytes, size_t length)
{
    size_t used = 0;
    for (size_t at = 0; at < length && used + HEADER_MAX + (length - at) < INPUT_MAX;) {
        const uint8_t *end = memchr(bytes + at, '\n', length - at);
        size_t line = end == NULL ? length - at : (size_t)(end - (bytes + at));
        used += put_message(out + used, bytes + at, line);
        at += line + 1;
    }
    return used;
}

/* ---- from the gateway ---- */

static size_t check_frame(const uint8_t *at, size_t left)
{
    size_t header = 2;
    size_t length = left < 2 ? 0 : at[1];
    if (left < 2) {
        return 0;
    }
    fuzz_check((at[0] & 0x70) == 0 && (at[1] & 0x80) == 0); /* no extension, no mask */
    fuzz_check(length != 127);                              /* 64 bits of length: a guest receives less */
    if (length == 126) {
        header = 4;
        length = left < header ? 0 : (size_t)at[2] << 8 | at[3];
    }
    if (left < header + length) {
        return 0;
    }
    if ((at[0] & 0x0f) == WSLAY_TEXT_FRAME) {
        const char *reason = NULL;
        struct json *json = json_parse(at + header, length, &reason);
        fuzz_check(json != NULL && json->type == JSON_OBJECT);
        json_free(json);
    }
    return header + length;
}

static void check_reply(const struct fuzz_reply *reply)
{
    static const char granted[] = "HTTP/1.1 101 ";
    fuzz_check(reply->length > sizeof(granted) && memcmp(reply->bytes, granted, sizeof(granted) - 1) == 0);
    const uint8_t *end = memmem(reply->bytes, reply->length, "\r\n\r\n", 4);
    fuzz_check(end != NULL);
    size_t at = (size_t)(end - reply->bytes) + 4;
    size_t frame = 0;
    while ((frame = check_frame(reply->bytes + at, reply->length - at)) > 0) {
        at += frame;
    }
    /* Only a reply that fills the buffer may end within a frame. */
    fuzz_check(at == reply->length || reply->length == sizeof(reply->bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static uint8_t input[INPUT_MAX + 1024];
    if (length < MODES || length > INPUT_MAX / 2) {
        return 0;
    }
    int used = snprintf((char *)input, sizeof(input), "%s%s\r\n", HANDSHAKE, bytes[0] == 'u' ? CREDENTIALS : "");
    size_t total = (size_t)used;
    if (bytes[1] == 'r') {
        memcpy(input + total, bytes + MODES, length - MODES);
        total += length - MODES;
    } else {
        total += put_lines(input + total, bytes + MODES, length - MODES);
    }
    check_reply(fuzz_gateway_exchange(input, total, 0));
    return 0;
}
