/*
 * The WebSocket protocol (RFC 6455): handshake, frames, fragments, control frames, UTF-8, closing, limits. Tables hold
 * the frames that a client sends and the frames that it must receive. A plain socket sends them, so that frames may be
 * invalid; each exchange is sent at once and byte by byte. The meaning of messages is tested by live_test.c.
 *
 * The API answers a `ping` message with an `id` by a `pong` with the same id. The tests use it as an echo.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/suite.h"
#include "tests/support/websocket.h"

enum {
    CHUNKS_MAX = 24,    /* frames of one exchange */
    PAYLOAD_MAX = 4096, /* bytes of one frame below */
    MODES = 2,          /* at once, byte by byte */
    NONE = 1005,        /* a close frame without a code */
    NORMAL = 1000,
    PROTOCOL = 1002,
    UNACCEPTABLE = 1003,
    NOT_UTF8 = 1007,
    POLICY = 1008,
    TOO_BIG = 1009,
    RESTART = 1012,
    MESSAGE_MAX = 4096,  /* bytes of a client's message: live_message_max_bytes */
    FRAGMENTS_MAX = 256, /* of one message */
};

struct chunk {
    uint8_t first;
    const char *payload; /* NULL: end of the list */
    size_t length;
};

#define FRAME(first, text)                                                                                             \
    {                                                                                                                  \
        (first), (text), sizeof(text) - 1                                                                              \
    }
#define WHOLE_TEXT(text) FRAME(WIRE_FIN | WIRE_TEXT, text)
#define FIRST(text)      FRAME(WIRE_TEXT, text)
#define NEXT(text)       FRAME(WIRE_CONTINUATION, text)
#define LAST(text)       FRAME(WIRE_FIN | WIRE_CONTINUATION, text)
#define PING(text)       FRAME(WIRE_FIN | WIRE_PING, text)
#define PONG(text)       FRAME(WIRE_FIN | WIRE_PONG, text)
#define CLOSE(text)      FRAME(WIRE_FIN | WIRE_CLOSE, text)
#define BEFORE_ID        "{\"type\":\"ping\",\"id\":\""
#define AFTER_ID         "\"}"
#define REQUEST(id)      WHOLE_TEXT(BEFORE_ID id AFTER_ID)
#define ECHO(id)         WHOLE_TEXT(id) /* in `expected`: a pong message with this id */
#define BYTES_25         "0123456789012345678901234"
#define BYTES_125        BYTES_25 BYTES_25 BYTES_25 BYTES_25 BYTES_25

struct exchange {
    const char *name;
    struct chunk sent[CHUNKS_MAX];
    struct chunk expected[CHUNKS_MAX];
    unsigned closed; /* code of the server's close frame; 0: the connection stays open */
};

static struct websocket *guest;

static void setup(void)
{
    guest = websocket_open(deployment_http_url(), "");
    ck_assert_ptr_nonnull(guest);
}

static void teardown(void)
{
    websocket_free(guest);
}

/* ---- sending and receiving ---- */

/* A failed send is not an error here: the server may have closed already, and the received frames are checked. */
static void send_chunks(const struct chunk *chunks, size_t at_once)
{
    uint8_t bytes[WIRE_HEADER_MAX + PAYLOAD_MAX];
    for (size_t i = 0; i < CHUNKS_MAX && chunks[i].payload != NULL; i++) {
        ck_assert_uint_le(chunks[i].length, PAYLOAD_MAX);
        size_t size = wire_write(chunks[i].first, chunks[i].payload, chunks[i].length, bytes);
        (void)websocket_send(guest, bytes, size, at_once);
    }
}

static void expect_echo(const struct wire_frame *frame, const char *id, size_t length, const char *name)
{
    struct json *message = json_parse(frame->payload, frame->length, NULL);
    const char *actual = websocket_text(message, "id");
    ck_assert_msg(message != NULL && strcmp(websocket_text(message, "type"), "pong") == 0 && strlen(actual) == length &&
                      memcmp(actual, id, length) == 0,
                  "%s: should be a pong with id %.200s: %.*s", name, id, (int)frame->length,
                  (const char *)frame->payload);
    json_free(message);
}

static void expect_chunk(const struct chunk *chunk, const char *name)
{
    struct wire_frame frame;
    enum websocket_outcome outcome = websocket_next(guest, &frame, WEBSOCKET_WAIT_MS);
    ck_assert_msg(outcome == WEBSOCKET_FRAME, "%s: no frame, outcome %d", name, (int)outcome);
    ck_assert_msg(frame.first == chunk->first, "%s: frame %#x, should be %#x: %.*s", name, frame.first, chunk->first,
                  (int)frame.length, (const char *)frame.payload);
    if (chunk->first == (WIRE_FIN | WIRE_TEXT)) {
        expect_echo(&frame, chunk->payload, chunk->length, name);
        return;
    }
    ck_assert_msg(frame.length == chunk->length && memcmp(frame.payload, chunk->payload, chunk->length) == 0,
                  "%s: another payload, of %zu bytes", name, frame.length);
}

/* The next frame is a close with this code. The connection ends at the latest after the client's close frame. */
static void expect_close(unsigned code, const char *name)
{
    struct wire_frame frame;
    enum websocket_outcome outcome = websocket_next(guest, &frame, WEBSOCKET_WAIT_MS);
    ck_assert_msg(outcome == WEBSOCKET_FRAME && frame.first == (WIRE_FIN | WIRE_CLOSE),
                  "%s: should be closed with %u, outcome %d", name, code, (int)outcome);
    unsigned got = wire_close_code(&frame);
    ck_assert_msg(got == code || (code == NONE && got == NORMAL), "%s: closed with %u, should be %u", name, got, code);
    (void)websocket_send_frame(guest, WIRE_FIN | WIRE_CLOSE, frame.payload, frame.length < 2 ? 0 : 2);
    ck_assert_msg(websocket_ended(guest), "%s: the connection does not end", name);
}

/* The connection still works: it answers a message and the client's close. */
static void expect_alive(const char *name)
{
    static const struct chunk SENT[CHUNKS_MAX] = {REQUEST("still here")};
    static const struct chunk EXPECTED = ECHO("still here");
    send_chunks(SENT, 0);
    expect_chunk(&EXPECTED, name);
    (void)websocket_send_frame(guest, WIRE_FIN | WIRE_CLOSE, "\x03\xe8", 2);
    expect_close(NORMAL, name);
}

static void run(const struct exchange *exchange, size_t at_once)
{
    send_chunks(exchange->sent, at_once);
    for (size_t i = 0; i < CHUNKS_MAX && exchange->expected[i].payload != NULL; i++) {
        expect_chunk(&exchange->expected[i], exchange->name);
    }
    if (exchange->closed != 0) {
        expect_close(exchange->closed, exchange->name);
    } else {
        expect_alive(exchange->name);
    }
}

/* ---- frames and fragments ---- */

static const struct exchange EXCHANGES[] = {
    {"one message", {REQUEST("a")}, {ECHO("a")}, 0},
    {"ten messages",
     {REQUEST("0"), REQUEST("1"), REQUEST("2"), REQUEST("3"), REQUEST("4"), REQUEST("5"), REQUEST("6"), REQUEST("7"),
      REQUEST("8"), REQUEST("9")},
     {ECHO("0"), ECHO("1"), ECHO("2"), ECHO("3"), ECHO("4"), ECHO("5"), ECHO("6"), ECHO("7"), ECHO("8"), ECHO("9")},
     0},
    {"a binary message", {FRAME(WIRE_FIN | WIRE_BINARY, "\x01\x02")}, {{0}}, UNACCEPTABLE},
    {"an empty binary message", {FRAME(WIRE_FIN | WIRE_BINARY, "")}, {{0}}, UNACCEPTABLE},
    /* pings and pongs */
    {"an empty ping", {PING("")}, {PONG("")}, 0},
    {"a ping", {PING("hello")}, {PONG("hello")}, 0},
    {"a ping of bytes", {PING("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")}, {PONG("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")}, 0},
    {"the longest ping", {PING(BYTES_125)}, {PONG(BYTES_125)}, 0},
    {"a ping too long", {PING(BYTES_125 "x")}, {{0}}, PROTOCOL},
    {"ten pings",
     {PING("0"), PING("1"), PING("2"), PING("3"), PING("4"), PING("5"), PING("6"), PING("7"), PING("8"), PING("9")},
     {PONG("0"), PONG("1"), PONG("2"), PONG("3"), PONG("4"), PONG("5"), PONG("6"), PONG("7"), PONG("8"), PONG("9")},
     0},
    {"an unsolicited pong", {PONG("")}, {{0}}, 0},
    {"an unsolicited pong with a payload", {PONG("payload")}, {{0}}, 0},
    {"a pong too long", {PONG(BYTES_125 "x")}, {{0}}, PROTOCOL},
    {"a stray pong, then a ping", {PONG("stray"), PING("asked")}, {PONG("asked")}, 0},
    /* fragments */
    {"two fragments", {FIRST(BEFORE_ID "ab"), LAST("cd" AFTER_ID)}, {ECHO("abcd")}, 0},
    {"empty fragments around a message", {FIRST(""), NEXT(BEFORE_ID "ab" AFTER_ID), LAST("")}, {ECHO("ab")}, 0},
    {"empty fragments within", {FIRST(BEFORE_ID "a"), NEXT(""), NEXT(""), LAST("b" AFTER_ID)}, {ECHO("ab")}, 0},
    {"a ping between fragments", {FIRST(BEFORE_ID "a"), PING("now"), LAST("b" AFTER_ID)}, {PONG("now"), ECHO("ab")}, 0},
    {"pings between five fragments",
     {FIRST(BEFORE_ID "a"), PING("1"), NEXT("b"), NEXT("c"), PING("2"), NEXT("d"), PONG("3"), LAST("e" AFTER_ID)},
     {PONG("1"), PONG("2"), ECHO("abcde")},
     0},
    {"two messages in fragments",
     {FIRST(BEFORE_ID "a"), LAST("b" AFTER_ID), FIRST(BEFORE_ID), LAST("c" AFTER_ID)},
     {ECHO("ab"), ECHO("c")},
     0},
    {"a fragmented ping", {FRAME(WIRE_PING, "a"), LAST("b")}, {{0}}, PROTOCOL},
    {"a fragmented pong", {FRAME(WIRE_PONG, "a"), LAST("b")}, {{0}}, PROTOCOL},
    {"a fragmented close", {FRAME(WIRE_CLOSE, "\x03\xe8"), LAST("b")}, {{0}}, PROTOCOL},
    {"an end without a beginning", {LAST("a"), REQUEST("b")}, {{0}}, PROTOCOL},
    {"a middle without a beginning", {NEXT("a"), LAST("b")}, {{0}}, PROTOCOL},
    {"another end after the end", {FIRST(BEFORE_ID), LAST("a" AFTER_ID), LAST("b")}, {ECHO("a")}, PROTOCOL},
    {"a message within a message", {FIRST(BEFORE_ID), REQUEST("a"), LAST(AFTER_ID)}, {{0}}, PROTOCOL},
    {"a beginning within a message", {FIRST(BEFORE_ID), FIRST("a"), LAST(AFTER_ID)}, {{0}}, PROTOCOL},
    {"a binary message within a message", {FIRST(BEFORE_ID), FRAME(WIRE_FIN | WIRE_BINARY, "a")}, {{0}}, PROTOCOL},
    /* reserved bits, in each kind of frame */
    {"bit 1 in a text", {REQUEST("a"), FRAME(WIRE_FIN | WIRE_RSV1 | WIRE_TEXT, "{}")}, {ECHO("a")}, PROTOCOL},
    {"bit 2 in a text", {REQUEST("a"), FRAME(WIRE_FIN | WIRE_RSV2 | WIRE_TEXT, "{}")}, {ECHO("a")}, PROTOCOL},
    {"bit 3 in a text", {REQUEST("a"), FRAME(WIRE_FIN | WIRE_RSV3 | WIRE_TEXT, "{}")}, {ECHO("a")}, PROTOCOL},
    {"bits 1 and 2 in a ping", {FRAME(WIRE_FIN | WIRE_RSV1 | WIRE_RSV2 | WIRE_PING, "a")}, {{0}}, PROTOCOL},
    {"bits 2 and 3 in a pong", {FRAME(WIRE_FIN | WIRE_RSV2 | WIRE_RSV3 | WIRE_PONG, "a")}, {{0}}, PROTOCOL},
    {"bits 1 and 3 in a binary", {FRAME(WIRE_FIN | WIRE_RSV1 | WIRE_RSV3 | WIRE_BINARY, "a")}, {{0}}, PROTOCOL},
    {"all bits in a close", {FRAME(WIRE_FIN | WIRE_RSV1 | WIRE_RSV2 | WIRE_RSV3 | WIRE_CLOSE, "")}, {{0}}, PROTOCOL},
    {"bit 1 in a continuation", {FIRST(BEFORE_ID), FRAME(WIRE_FIN | WIRE_RSV1, AFTER_ID)}, {{0}}, PROTOCOL},
    /* reserved opcodes */
    {"opcode 3", {REQUEST("a"), FRAME(WIRE_FIN | 3, "")}, {ECHO("a")}, PROTOCOL},
    {"opcode 4", {FRAME(WIRE_FIN | 4, "x")}, {{0}}, PROTOCOL},
    {"opcode 5", {FRAME(WIRE_FIN | 5, "x")}, {{0}}, PROTOCOL},
    {"opcode 6", {FRAME(WIRE_FIN | 6, "x")}, {{0}}, PROTOCOL},
    {"opcode 7", {FRAME(7, "x")}, {{0}}, PROTOCOL},
    {"opcode 11", {REQUEST("a"), FRAME(WIRE_FIN | 11, "")}, {ECHO("a")}, PROTOCOL},
    {"opcode 12", {FRAME(WIRE_FIN | 12, "x")}, {{0}}, PROTOCOL},
    {"opcode 13", {FRAME(WIRE_FIN | 13, "x")}, {{0}}, PROTOCOL},
    {"opcode 14", {FRAME(WIRE_FIN | 14, "x")}, {{0}}, PROTOCOL},
    {"opcode 15", {FRAME(WIRE_FIN | 15, "x")}, {{0}}, PROTOCOL},
    {"opcode 3 within a message", {FIRST(BEFORE_ID), FRAME(WIRE_FIN | 3, "x")}, {{0}}, PROTOCOL},
    /* closing: frames after a close are ignored */
    {"a close without a code", {CLOSE("")}, {{0}}, NONE},
    {"a close with a reason", {REQUEST("a"), CLOSE("\x03\xe8going home")}, {ECHO("a")}, NORMAL},
    {"the longest reason",
     {CLOSE("\x03\xe8" BYTES_25 BYTES_25 BYTES_25 BYTES_25 "01234567890123456789012")},
     {{0}},
     NORMAL},
    {"a reason too long",
     {CLOSE("\x03\xe8" BYTES_25 BYTES_25 BYTES_25 BYTES_25 "012345678901234567890123")},
     {{0}},
     PROTOCOL},
    {"half a code", {CLOSE("\x03")}, {{0}}, PROTOCOL},
    {"a reason that is not UTF-8", {CLOSE("\x03\xe8\xce\xba\xed\xa0\x80")}, {{0}}, NOT_UTF8},
    {"a restart with a reason", {REQUEST("a"), CLOSE("\x03\xf4restarting")}, {ECHO("a")}, RESTART},
    {"a restart with a reason that is not UTF-8", {CLOSE("\x03\xf4\xce\xba\xed\xa0\x80")}, {{0}}, NOT_UTF8},
    {"a restart within a message", {FIRST(BEFORE_ID "a"), CLOSE("\x03\xf4"), LAST("b" AFTER_ID)}, {{0}}, RESTART},
    {"two closes", {CLOSE("\x03\xe8"), CLOSE("\x03\xe9")}, {{0}}, NORMAL},
    {"a ping after a close", {CLOSE("\x03\xe8"), PING("a")}, {{0}}, NORMAL},
    {"a message after a close", {CLOSE("\x03\xe8"), REQUEST("a")}, {{0}}, NORMAL},
    {"a close within a message", {FIRST(BEFORE_ID "a"), CLOSE("\x03\xe8"), LAST("b" AFTER_ID)}, {{0}}, NORMAL},
    {"an invalid frame after a close", {CLOSE("\x03\xe8"), FRAME(WIRE_FIN | 15, "x")}, {{0}}, NORMAL},
};

START_TEST(each_exchange_of_frames_gets_its_answer)
{
    run(&EXCHANGES[_i / MODES], (size_t)(_i % MODES));
}
END_TEST

/* ---- the codes of a close ---- */

static const struct {
    unsigned first;
    unsigned last;
    bool valid;
} CODES[] = {
    {1000, 1003, true},  {1007, 1014, true},  {3000, 3000, true},  {3999, 4000, true},  {4999, 4999, true},
    {0, 0, false},       {1, 1, false},       {999, 999, false},   {1004, 1006, false}, {1015, 1016, false},
    {1100, 1100, false}, {2000, 2000, false}, {2999, 2999, false}, {5000, 5000, false}, {65535, 65535, false},
};

START_TEST(close_codes_are_echoed_if_valid_and_refused_otherwise)
{
    for (unsigned code = CODES[_i].first; code <= CODES[_i].last; code++) {
        char name[32];
        const uint8_t payload[] = {(uint8_t)(code >> 8U), (uint8_t)code};
        (void)snprintf(name, sizeof(name), "code %u", code);
        struct websocket *before = guest;
        ck_assert(websocket_send_frame(guest, WIRE_FIN | WIRE_CLOSE, payload, sizeof(payload)));
        expect_close(CODES[_i].valid ? code : (unsigned)PROTOCOL, name);
        setup();
        websocket_free(before);
    }
}
END_TEST

/* ---- UTF-8 ---- */

static const char *const VALID_TEXTS[] = {
    "\x7f",
    "\xc2\x80",
    "\xdf\xbf",
    "\xe0\xa0\x80",
    "\xed\x9f\xbf",
    "\xee\x80\x80",
    "\xef\xbf\xbd",
    "\xef\xbf\xbe",
    "\xef\xbf\xbf",
    "\xef\xbb\xbf",
    "\xf0\x90\x80\x80",
    "\xf0\x9f\xbf\xbe",
    "\xf4\x8f\xbf\xbf",
    "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
    "price: 5\xe2\x82\xac, \xf0\x9f\x94\xa8 \xf0\x9f\x94\xa8!",
};

/* `at`: index of the first byte that makes the text invalid; equal to its length, the quote after the text does. */
static const struct {
    const char *text;
    size_t at;
} INVALID_TEXTS[] = {
    {"\x80", 0}, /* continuation byte without a start */
    {"\xbf", 0},
    {"ab\x80", 2},
    {"\xc0\xaf", 0}, /* overlong encodings */
    {"\xc1\xbf", 0},
    {"\xe0\x80\xaf", 1},
    {"\xe0\x9f\xbf", 1},
    {"\xf0\x80\x80\xaf", 1},
    {"\xf0\x8f\xbf\xbf", 1},
    {"\xed\xa0\x80", 1}, /* surrogates */
    {"\xed\xbf\xbf", 1},
    {"\xed\xad\xbf\xed\xb0\x80", 1},
    {"\xf4\x90\x80\x80", 1}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", 0},
    {"\xf8\x88\x80\x80\x80", 0},
    {"\xfc\x84\x80\x80\x80\x80", 0},
    {"\xfe", 0},
    {"\xff", 0},
    {"\xc2 ", 1}, /* continuation bytes missing */
    {"\xe2\x82 ", 2},
    {"\xf0\x9f\x94 ", 3},
    {"\xe2\xe2\x82\xac", 1},
    {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80 edited", 12},
    {"\xc2", 1}, /* the quote follows instead */
    {"\xe2\x82", 2},
    {"\xf0\x9f\x94", 3},
};

enum split { SPLIT_NOT, SPLIT_BYTES, SPLIT_FRAMES, SPLIT_FRAMES_AND_PINGS, SPLITS };

/* Encodes a message in one frame, or in one frame per byte, optionally with a ping before each but the first. */
static size_t split_message(const char *text, enum split split, uint8_t *out)
{
    size_t length = strlen(text);
    size_t size = 0;
    if (split == SPLIT_NOT || split == SPLIT_BYTES) {
        return wire_write(WIRE_FIN | WIRE_TEXT, text, length, out);
    }
    for (size_t i = 0; i < length; i++) {
        uint8_t first = i == 0 ? WIRE_TEXT : WIRE_CONTINUATION;
        if (split == SPLIT_FRAMES_AND_PINGS && i > 0) {
            size += wire_write(WIRE_FIN | WIRE_PING, "", 0, out + size);
        }
        size += wire_write((uint8_t)(first | (i + 1 == length ? WIRE_FIN : 0)), text + i, 1, out + size);
    }
    return size;
}

enum { MESSAGE_SIZE = 256, SPLIT_SIZE = 2 * MESSAGE_SIZE * WIRE_HEADER_MAX };

START_TEST(valid_utf8_is_accepted_however_it_is_split)
{
    const char *id = VALID_TEXTS[_i / SPLITS];
    enum split split = (enum split)(_i % SPLITS);
    char text[MESSAGE_SIZE];
    uint8_t bytes[SPLIT_SIZE];
    struct wire_frame frame = {0};
    (void)snprintf(text, sizeof(text), BEFORE_ID "%s" AFTER_ID, id);
    size_t size = split_message(text, split, bytes);
    ck_assert(websocket_send(guest, bytes, size, split == SPLIT_BYTES ? 1 : 0));
    do {
        ck_assert_int_eq((int)websocket_next(guest, &frame, WEBSOCKET_WAIT_MS), (int)WEBSOCKET_FRAME);
    } while (frame.first == (WIRE_FIN | WIRE_PONG));
    ck_assert_uint_eq(frame.first, WIRE_FIN | WIRE_TEXT);
    expect_echo(&frame, id, strlen(id), "valid text");
    expect_alive("valid text");
}
END_TEST

static void expect_not_utf8(void)
{
    struct wire_frame frame = {0};
    ck_assert_uint_eq(websocket_receive_close(guest), NOT_UTF8);
    (void)websocket_send_frame(guest, WIRE_FIN | WIRE_CLOSE, "\x03\xef", 2);
    ck_assert_int_eq((int)websocket_next(guest, &frame, WEBSOCKET_WAIT_MS), (int)WEBSOCKET_CLOSED);
}

START_TEST(invalid_utf8_is_refused_however_it_is_split)
{
    enum split split = (enum split)(_i % SPLITS);
    char text[MESSAGE_SIZE];
    uint8_t bytes[SPLIT_SIZE];
    (void)snprintf(text, sizeof(text), BEFORE_ID "%s" AFTER_ID, INVALID_TEXTS[_i / SPLITS].text);
    (void)websocket_send(guest, bytes, split_message(text, split, bytes), split == SPLIT_BYTES ? 1 : 0);
    expect_not_utf8();
}
END_TEST

/* The rest of the frame is never sent: the server must not wait for it. */
START_TEST(invalid_utf8_is_refused_before_the_frame_is_complete)
{
    char text[MESSAGE_SIZE];
    uint8_t head[WIRE_HEADER_MAX];
    (void)snprintf(text, sizeof(text), BEFORE_ID "%s" AFTER_ID, INVALID_TEXTS[_i].text);
    size_t sent = strlen(BEFORE_ID) + INVALID_TEXTS[_i].at + 1;
    ck_assert(websocket_send(guest, head, wire_head(WIRE_FIN | WIRE_TEXT, sent + 100, head), 0));
    ck_assert(websocket_send(guest, text, sent, 0));
    expect_not_utf8();
}
END_TEST

START_TEST(a_message_ending_within_a_character_is_refused)
{
    static const char *const TAILS[] = {"\xc3", "\xe2\x82", "\xf0\x9f\x94", "\xf0"};
    for (size_t i = 0; i < ARRAY_LEN(TAILS); i++) {
        struct websocket *before = guest;
        ck_assert(websocket_send_frame(guest, WIRE_TEXT, TAILS[i], strlen(TAILS[i])));
        ck_assert(websocket_send_frame(guest, WIRE_FIN | WIRE_CONTINUATION, "", 0));
        expect_not_utf8();
        setup();
        websocket_free(before);
    }
}
END_TEST

/* ---- lengths ---- */

/* Fills `out` with an echo request, padded with spaces to `length` bytes. */
static void pad(char *out, size_t length)
{
    static const char ECHOED[] = BEFORE_ID "long" AFTER_ID;
    for (size_t i = 0; i < length; i++) {
        out[i] = ' ';
        if (i < strlen(ECHOED)) {
            out[i] = ECHOED[i];
        }
    }
}

static const struct chunk LONG_ECHO = ECHO("long");

START_TEST(lengths_of_7_and_16_bits_are_decoded)
{
    static const size_t LENGTHS[] = {125, 126, 127, 128, 255, 256, 1024, MESSAGE_MAX - 1, MESSAGE_MAX};
    char text[MESSAGE_MAX];
    uint8_t bytes[WIRE_HEADER_MAX + MESSAGE_MAX];
    for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
        pad(text, LENGTHS[i]);
        size_t size = wire_write(WIRE_FIN | WIRE_TEXT, text, LENGTHS[i], bytes);
        ck_assert(websocket_send(guest, bytes, size, 997));
        expect_chunk(&LONG_ECHO, "a length");
    }
    expect_alive("lengths");
}
END_TEST

START_TEST(a_fragmented_message_of_the_maximum_length_is_accepted)
{
    char text[MESSAGE_MAX];
    pad(text, sizeof(text));
    for (size_t i = 0; i < sizeof(text); i += 64) {
        uint8_t first = (uint8_t)((i == 0 ? WIRE_TEXT : WIRE_CONTINUATION) | (i + 64 == sizeof(text) ? WIRE_FIN : 0));
        ck_assert(websocket_send_frame(guest, first, text + i, 64));
    }
    expect_chunk(&LONG_ECHO, "fragments");
    expect_alive("fragments");
}
END_TEST

/* Sends an echo request in `count` fragments without the last one. All but the first hold a space or nothing. */
static void send_fragments(size_t count)
{
    static const char ID[] = BEFORE_ID "split" AFTER_ID;
    (void)websocket_send_frame(guest, WIRE_TEXT, ID, strlen(ID));
    for (size_t i = 1; i < count; i++) {
        (void)websocket_send_frame(guest, WIRE_CONTINUATION, " ", i % 2);
    }
}

/* Fragments are limited because each costs memory, even an empty one. */
START_TEST(the_number_of_fragments_is_limited)
{
    static const struct chunk EXPECTED = ECHO("split");
    send_fragments(FRAGMENTS_MAX - 1);
    ck_assert(websocket_send_frame(guest, WIRE_FIN | WIRE_CONTINUATION, " ", 1));
    expect_chunk(&EXPECTED, "the maximum");
    send_fragments(FRAGMENTS_MAX + 1);
    expect_close(POLICY, "over the maximum");
}
END_TEST

START_TEST(a_message_over_the_limit_is_refused)
{
    char text[MESSAGE_MAX + 1];
    pad(text, sizeof(text));
    (void)websocket_send_frame(guest, WIRE_FIN | WIRE_TEXT, text, sizeof(text));
    expect_close(TOO_BIG, "one frame");
}
END_TEST

START_TEST(a_fragmented_message_over_the_limit_is_refused)
{
    char text[MESSAGE_MAX];
    pad(text, sizeof(text));
    (void)websocket_send_frame(guest, WIRE_TEXT, text, sizeof(text));
    (void)websocket_send_frame(guest, WIRE_CONTINUATION, " ", 1);
    expect_close(TOO_BIG, "fragments");
}
END_TEST

/* The length in the header is refused at once: the server must not wait for any byte of the payload. */
START_TEST(an_oversized_length_is_refused_before_the_payload)
{
    static const uint64_t LENGTHS_CLAIMED[] = {MESSAGE_MAX + 1, 65536, UINT64_C(1) << 31U, UINT64_C(1) << 40U,
                                               INT64_MAX};
    uint8_t head[WIRE_HEADER_MAX] = {0};
    for (size_t i = 0; i < ARRAY_LEN(LENGTHS_CLAIMED) * MODES; i++) {
        char name[64];
        struct websocket *before = guest;
        size_t size = wire_head(WIRE_FIN | WIRE_TEXT, LENGTHS_CLAIMED[i / MODES], head);
        ck_assert(websocket_send(guest, head, size, i % MODES));
        (void)snprintf(name, sizeof(name), "a length of %" PRIu64, LENGTHS_CLAIMED[i / MODES]);
        expect_close(TOO_BIG, name);
        setup();
        websocket_free(before);
    }
}
END_TEST

START_TEST(a_fragment_over_the_limit_is_refused_before_its_payload)
{
    char text[MESSAGE_MAX];
    uint8_t head[WIRE_HEADER_MAX] = {0};
    pad(text, sizeof(text));
    ck_assert(websocket_send_frame(guest, WIRE_TEXT, text, sizeof(text) - 1));
    ck_assert(websocket_send_frame(guest, WIRE_FIN | WIRE_PING, "between", 7));
    ck_assert(websocket_send(guest, head, wire_head(WIRE_CONTINUATION, 2, head), 0));
    expect_chunk(&(const struct chunk)PONG("between"), "a fragment");
    expect_close(TOO_BIG, "a fragment");
}
END_TEST

START_TEST(a_message_before_an_oversized_one_is_answered)
{
    static const char ID[] = BEFORE_ID "first" AFTER_ID;
    uint8_t bytes[sizeof(ID) + WIRE_HEADER_MAX + WIRE_HEADER_MAX];
    size_t size = wire_write(WIRE_FIN | WIRE_TEXT, ID, strlen(ID), bytes);
    size += wire_head(WIRE_FIN | WIRE_TEXT, MESSAGE_MAX + 1, bytes + size);
    ck_assert(websocket_send(guest, bytes, size, 0));
    expect_chunk(&(const struct chunk)ECHO("first"), "two messages in one packet");
    expect_close(TOO_BIG, "two messages in one packet");
}
END_TEST

static const struct {
    const char *name;
    const char *bytes;
    size_t length;
} MALFORMED[] = {
#define BYTES(name, text)                                                                                              \
    {                                                                                                                  \
        (name), (text), sizeof(text) - 1                                                                               \
    }
    BYTES("no mask", "\x81\x02{}"),
    BYTES("an empty ping without a mask", "\x89\x00"),
    BYTES("a close without a mask", "\x88\x02\x03\xe8"),
    BYTES("two bytes for a short length", "\x81\xfe\x00\x02\x00\x00\x00\x00{}"),
    BYTES("eight bytes for a short length", "\x81\xff\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00{}"),
    BYTES("eight bytes for a medium length", "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00{}"),
    BYTES("a length with its highest bit", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00{}"),
    BYTES("two bytes for a ping's length", "\x89\xfe\x00\x02\x00\x00\x00\x00{}"),
#undef BYTES
};

START_TEST(malformed_frames_are_refused_with_1002)
{
    (void)websocket_send(guest, MALFORMED[_i / MODES].bytes, MALFORMED[_i / MODES].length, (size_t)(_i % MODES));
    expect_close(PROTOCOL, MALFORMED[_i / MODES].name);
}
END_TEST

/* ---- the handshake ---- */

static int send_handshake(const char *head)
{
    struct websocket *socket = websocket_connect(deployment_http_url());
    ck_assert_ptr_nonnull(socket);
    int status = websocket_handshake_raw(socket, head, strlen(head));
    websocket_free(guest);
    guest = socket;
    return status;
}

static bool answer_contains(const char *line)
{
    return strcasestr(websocket_head(guest), line) != NULL;
}

#define LINE(text) text "\r\n"
#define GET        LINE("GET /ws HTTP/1.1") LINE("Host: 127.0.0.1")
#define UPGRADE    LINE("Upgrade: websocket") LINE("Connection: Upgrade")
#define KEY        LINE("Sec-WebSocket-Key: " WEBSOCKET_KEY)
#define VERSION    LINE("Sec-WebSocket-Version: 13")
#define END        "\r\n"

START_TEST(a_valid_handshake_gets_101_and_the_accept_key)
{
    ck_assert_int_eq(send_handshake(GET UPGRADE KEY VERSION END), 101);
    ck_assert(answer_contains("\r\nSec-WebSocket-Accept: " WEBSOCKET_ACCEPT "\r\n"));
    ck_assert(answer_contains("\r\nUpgrade: websocket\r\n"));
    ck_assert(answer_contains("\r\nConnection: Upgrade\r\n"));
    ck_assert(!answer_contains("Sec-WebSocket-Extensions"));
    ck_assert(!answer_contains("Sec-WebSocket-Protocol"));
    ck_assert(!answer_contains("Content-Length"));
    expect_alive("handshake");
    /* Another key, to exclude a constant answer. */
    ck_assert_int_eq(send_handshake(GET UPGRADE LINE("Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==") VERSION END), 101);
    ck_assert(answer_contains("\r\nSec-WebSocket-Accept: C/0nmHhBztSRGR1CwL6Tf4ZjwpY=\r\n"));
}
END_TEST

static const struct {
    const char *name;
    const char *head;
    int status;
} HANDSHAKES[] = {
    {"names and words in any case",
     LINE("GET /ws HTTP/1.1") LINE("hOST: 127.0.0.1") LINE("UPGRADE: WebSocket") LINE("connection: keep-alive, UPGRADE")
         LINE("SEC-WEBSOCKET-KEY: " WEBSOCKET_KEY) LINE("sec-websocket-version: 13") END,
     101},
    {"compression is not negotiated",
     GET UPGRADE KEY VERSION LINE("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits") END, 101},
    {"an unknown subprotocol is not negotiated",
     GET UPGRADE KEY VERSION LINE("Sec-WebSocket-Protocol: chat, superchat") END, 101},
    {"no upgrade", GET END, 426},
    {"no version", GET UPGRADE KEY END, 426},
    {"an older version", GET UPGRADE KEY LINE("Sec-WebSocket-Version: 8") END, 426},
    {"HTTP before 1.1", LINE("GET /ws HTTP/1.0") LINE("Host: 127.0.0.1") UPGRADE KEY VERSION END, 426},
    {"no key", GET UPGRADE VERSION END, 400},
    {"a short key", GET UPGRADE LINE("Sec-WebSocket-Key: AQIDBAUGBwg=") VERSION END, 400},
    {"a key that is no Base64", GET UPGRADE LINE("Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==") VERSION END, 400},
    {"another site's page", GET UPGRADE KEY VERSION LINE("Origin: https://elsewhere.example") END, 403},
    {"a page without a site", GET UPGRADE KEY VERSION LINE("Origin: null") END, 403},
    {"POST", LINE("POST /ws HTTP/1.1") LINE("Host: 127.0.0.1") LINE("Content-Length: 0") UPGRADE KEY VERSION END, 405},
};

START_TEST(each_handshake_gets_its_status)
{
    int status = send_handshake(HANDSHAKES[_i].head);
    ck_assert_msg(status == HANDSHAKES[_i].status, "%s: %d, should be %d: %s", HANDSHAKES[_i].name, status,
                  HANDSHAKES[_i].status, websocket_head(guest));
    ck_assert(!answer_contains("Sec-WebSocket-Extensions"));
    ck_assert(!answer_contains("Sec-WebSocket-Protocol"));
    if (status == 426) {
        ck_assert(answer_contains(" 426 Upgrade Required\r\n"));
        ck_assert(answer_contains("\r\nSec-WebSocket-Version: 13\r\n"));
        ck_assert(answer_contains("\r\nUpgrade: websocket\r\n"));
    } else if (status == 101) {
        expect_alive(HANDSHAKES[_i].name);
    }
}
END_TEST

START_TEST(the_deployments_own_origin_is_allowed)
{
    char head[WEBSOCKET_HEAD_SIZE];
    const char *url = deployment_http_url();
    (void)snprintf(head, sizeof(head),
                   LINE("GET /ws HTTP/1.1") LINE("Host: %s") LINE("Origin: %s") UPGRADE KEY VERSION END,
                   strstr(url, "//") + 2, url);
    ck_assert_int_eq(send_handshake(head), 101);
    expect_alive("own origin");
}
END_TEST

/* RFC 6455 forbids it, but fast clients send their first frame in the packet of the handshake. */
START_TEST(a_frame_sent_with_the_handshake_is_read)
{
    static const struct chunk EXPECTED = ECHO("early");
    static const char ID[] = BEFORE_ID "early" AFTER_ID;
    static const char HEAD[] = GET UPGRADE KEY VERSION END;
    uint8_t bytes[WEBSOCKET_HEAD_SIZE];
    size_t size = sizeof(HEAD) - 1;
    memcpy(bytes, HEAD, sizeof(HEAD));
    size += wire_write(WIRE_FIN | WIRE_TEXT, ID, strlen(ID), bytes + size);
    struct websocket *before = guest;
    guest = websocket_connect(deployment_http_url());
    ck_assert_ptr_nonnull(guest);
    ck_assert_int_eq(websocket_handshake_raw(guest, bytes, size), 101);
    expect_chunk(&EXPECTED, "early");
    expect_alive("early");
    websocket_free(before);
}
END_TEST

static Suite *websocket_suite(void)
{
    const TTest *const LENGTHS[] = {
        lengths_of_7_and_16_bits_are_decoded,
        a_fragmented_message_of_the_maximum_length_is_accepted,
        the_number_of_fragments_is_limited,
        a_message_over_the_limit_is_refused,
        a_fragmented_message_over_the_limit_is_refused,
        an_oversized_length_is_refused_before_the_payload,
        a_fragment_over_the_limit_is_refused_before_its_payload,
        a_message_before_an_oversized_one_is_answered,
        a_message_ending_within_a_character_is_refused,
        a_valid_handshake_gets_101_and_the_accept_key,
        the_deployments_own_origin_is_allowed,
        a_frame_sent_with_the_handshake_is_read,
    };
    Suite *suite = suite_create("websocket");
    TCase *protocol = tcase_create("websocket");
    tcase_add_checked_fixture(protocol, setup, teardown);
    tcase_add_loop_test(protocol, each_exchange_of_frames_gets_its_answer, 0, (int)ARRAY_LEN(EXCHANGES) * MODES);
    tcase_add_loop_test(protocol, close_codes_are_echoed_if_valid_and_refused_otherwise, 0, (int)ARRAY_LEN(CODES));
    tcase_add_loop_test(protocol, valid_utf8_is_accepted_however_it_is_split, 0, (int)ARRAY_LEN(VALID_TEXTS) * SPLITS);
    tcase_add_loop_test(protocol, invalid_utf8_is_refused_however_it_is_split, 0,
                        (int)ARRAY_LEN(INVALID_TEXTS) * SPLITS);
    tcase_add_loop_test(protocol, invalid_utf8_is_refused_before_the_frame_is_complete, 0,
                        (int)ARRAY_LEN(INVALID_TEXTS));
    tcase_add_loop_test(protocol, malformed_frames_are_refused_with_1002, 0, (int)ARRAY_LEN(MALFORMED) * MODES);
    tcase_add_loop_test(protocol, each_handshake_gets_its_status, 0, (int)ARRAY_LEN(HANDSHAKES));
    for (size_t i = 0; i < ARRAY_LEN(LENGTHS); i++) {
        tcase_add_test(protocol, LENGTHS[i]);
    }
    suite_add_tcase(suite, protocol);
    return suite;
}

int main(void)
{
    return suite_run(websocket_suite());
}
