/*
 * What is told of an auction, from one program to the other and to clients: the message over Redis, the frames, and the
 * hash of the handshake.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/sha1.h"
#include "common/protocol/live_update.h"
#include "gateway/live/frame.h"
#include "tests/support/suite.h"

static struct jsonw *writer;

static void set(void)
{
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
}

static void strike(void)
{
    jsonw_free(writer);
}

static const char *written(const struct live_update *update, size_t *length)
{
    jsonw_reset(writer);
    live_write(writer, update);
    const char *text = jsonw_text(writer, length);
    ck_assert_ptr_nonnull(text);
    return text;
}

START_TEST(updates_arrive_as_they_were_sent)
{
    struct live_update sent = {
        .kind = LIVE_EXTENDED,
        .auction_id = uuid_new(),
        .version = 7,
        .at_ms = 1700000000123,
        .status = RULES_ACTIVE,
        .end_ms = 1700000100000,
        .priced = true,
        .reserve_met = true,
        .start_ms = 1600000000000,
        .current_bid = 1250,
        .minimum_bid = 1350,
        .bid_count = 3,
        .bids = LIVE_BIDS_MAX,
    };
    struct live_update got;
    size_t length = 0;
    for (size_t i = 0; i < LIVE_BIDS_MAX; i++) {
        sent.newest[i] = (struct live_bid){uuid_new(), uuid_new(), (int64_t)i + 1, 1700000000000, i % 2 == 0};
    }
    const char *text = written(&sent, &length);
    ck_assert(live_read(text, length, &got));
    ck_assert_int_eq((int)got.kind, (int)sent.kind);
    ck_assert(uuid_equal(&got.auction_id, &sent.auction_id));
    ck_assert_int_eq(got.version, sent.version);
    ck_assert_int_eq(got.at_ms, sent.at_ms);
    ck_assert_int_eq(got.status, sent.status);
    ck_assert_int_eq(got.end_ms, sent.end_ms);
    ck_assert(got.priced && got.reserve_met);
    ck_assert_int_eq(got.start_ms, sent.start_ms);
    ck_assert_int_eq(got.current_bid, sent.current_bid);
    ck_assert_int_eq(got.minimum_bid, sent.minimum_bid);
    ck_assert_int_eq(got.bid_count, sent.bid_count);
    ck_assert_uint_eq(got.bids, LIVE_BIDS_MAX);
    for (size_t i = 0; i < LIVE_BIDS_MAX; i++) {
        ck_assert(uuid_equal(&got.newest[i].bid_id, &sent.newest[i].bid_id));
        ck_assert(uuid_equal(&got.newest[i].bidder_id, &sent.newest[i].bidder_id));
        ck_assert_int_eq(got.newest[i].amount, sent.newest[i].amount);
        ck_assert_int_eq((int)got.newest[i].automatic, (int)sent.newest[i].automatic);
    }
}
END_TEST

START_TEST(updates_without_a_price)
{
    struct live_update sent = {
        .kind = LIVE_SOLD, .auction_id = uuid_new(), .version = 8, .at_ms = 5, .status = RULES_SOLD};
    struct live_update got;
    size_t length = 0;
    const char *text = written(&sent, &length);
    ck_assert(live_read(text, length, &got));
    ck_assert(!got.priced);
    ck_assert_int_eq(got.status, RULES_SOLD);
    ck_assert_int_eq(got.end_ms, 0);
    ck_assert_uint_eq(got.bids, 0);
}
END_TEST

START_TEST(malformed_updates_are_refused)
{
#define SOME "\"a\": \"01890000-0000-7000-8000-000000000000\", \"n\": 1, \"d\": 1"
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"k\": \"bids\"}",
        "{\"k\": \"dance\", " SOME "}",
        "{\"k\": \"bids\", " SOME ", \"s\": \"asleep\"}",
        "{\"k\": \"bids\", " SOME ", \"m\": -1, \"b\": 1, \"l\": 1, \"c\": 1, \"r\": true}",
        "{\"k\": \"bids\", " SOME ", \"m\": 1}",
        "{\"k\": \"bids\", " SOME ", \"i\": [[1]]}",
        "{\"k\": \"bids\", " SOME ", \"i\": {}}",
    };
    struct live_update update;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ck_assert_msg(!live_read(texts[i], strlen(texts[i]), &update), "%s", texts[i]);
    }
    ck_assert(live_read("{\"k\": \"bids\", " SOME "}", strlen("{\"k\": \"bids\", " SOME "}"), &update));
}
END_TEST

static void is(const struct frame *frame, const void *bytes, size_t length)
{
    ck_assert_ptr_nonnull(frame);
    ck_assert_uint_eq(frame->length, length);
    ck_assert_mem_eq(frame->bytes, bytes, length);
}

START_TEST(a_text_is_framed_once_for_each_kind)
{
    static const char json[] = "{\"a\":1}";
    struct text *text = text_new(json, strlen(json), 42);
    ck_assert_ptr_nonnull(text);
    is(text_websocket(text), "\x81\x07{\"a\":1}", 9);
    ck_assert_ptr_eq(text_websocket(text), text_websocket(text));
    is(text_event_stream(text), "id: 42\ndata: {\"a\":1}\n\n", strlen("id: 42\ndata: {\"a\":1}\n\n"));
    ck_assert_ptr_eq(text_event_stream(text), text_event_stream(text));
    struct frame *answer = text_answer(text, "\"x\"");
    is(answer, "\x81\x10{\"id\":\"x\",\"a\":1}", 18);
    frame_unref(answer);
    struct frame *kept = frame_ref(text_websocket(text));
    text_unref(text);
    is(kept, "\x81\x07{\"a\":1}", 9);
    frame_unref(kept);
    text = text_new(json, strlen(json), 0);
    ck_assert_ptr_nonnull(text);
    is(text_event_stream(text), "data: {\"a\":1}\n\n", strlen("data: {\"a\":1}\n\n"));
    text_unref(text);
}
END_TEST

/* The three forms of a length. */
START_TEST(frames_of_any_length)
{
    static const struct {
        size_t length;
        size_t header;
        const char *head;
    } cases[] = {
        {0, 2, "\x81\x00"},
        {125, 2, "\x81\x7d"},
        {126, 4, "\x81\x7e\x00\x7e"},
        {65535, 4, "\x81\x7e\xff\xff"},
        {65536, 10, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"},
    };
    static char payload[65536];
    memset(payload, 'x', sizeof(payload));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct frame *frame = frame_websocket(1, payload, cases[i].length);
        ck_assert_ptr_nonnull(frame);
        ck_assert_uint_eq(frame->length, cases[i].header + cases[i].length);
        ck_assert_mem_eq(frame->bytes, cases[i].head, cases[i].header);
        ck_assert_mem_eq(frame->bytes + cases[i].header, payload, cases[i].length);
        frame_unref(frame);
    }
}
END_TEST

START_TEST(a_close_has_a_code_and_room_for_a_reason)
{
    char reason[200];
    struct frame *frame = frame_close(1001, "bye");
    is(frame,
       "\x88\x05\x03\xe9"
       "bye",
       7);
    frame_unref(frame);
    memset(reason, 'x', sizeof(reason));
    memcpy(reason + 122, "\xc3\xa4", 2); /* across the cut */
    reason[sizeof(reason) - 1] = '\0';
    frame = frame_close(1008, reason);
    ck_assert_ptr_nonnull(frame);
    ck_assert_uint_eq(frame->length, 2 + 2 + 122);
    frame_unref(frame);
}
END_TEST

START_TEST(the_hash_of_the_handshake)
{
    static const struct {
        const char *text;
        const char *hex;
    } cases[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11", "b37a4f2cc0624f1690f64606cf385945b2bec4ea"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t hash[SHA1_BYTES];
        char hex[2 * SHA1_BYTES + 1];
        sha1(cases[i].text, strlen(cases[i].text), hash);
        for (size_t k = 0; k < SHA1_BYTES; k++) {
            (void)snprintf(hex + 2 * k, 3, "%02x", hash[k]);
        }
        ck_assert_str_eq(hex, cases[i].hex);
    }
}
END_TEST

static Suite *live_text_suite(void)
{
    Suite *suite = suite_create("live_text");
    TCase *texts = tcase_create("live_text");
    tcase_add_checked_fixture(texts, set, strike);
    tcase_add_test(texts, updates_arrive_as_they_were_sent);
    tcase_add_test(texts, updates_without_a_price);
    tcase_add_test(texts, malformed_updates_are_refused);
    tcase_add_test(texts, a_text_is_framed_once_for_each_kind);
    tcase_add_test(texts, frames_of_any_length);
    tcase_add_test(texts, a_close_has_a_code_and_room_for_a_reason);
    tcase_add_test(texts, the_hash_of_the_handshake);
    suite_add_tcase(suite, texts);
    return suite;
}

int main(void)
{
    return suite_run(live_text_suite());
}
