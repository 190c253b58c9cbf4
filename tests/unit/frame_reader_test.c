/*
 * The limits of WebSocket frames at their headers (gateway/live/frame_reader). Each case is a list of headers, followed
 * by their payloads, given at once and byte by byte.
 */
#include <string.h>

#include "gateway/live/frame_reader.h"
#include "tests/support/suite.h"
#include "tests/support/wire.h"

enum { MESSAGE_MAX = 200, FRAMES_MAX = 6, BYTES_SIZE = 8192, MODES = 2 };

struct frame {
    uint8_t first;
    uint64_t length;
};

static const struct {
    const char *name;
    struct frame frames[FRAMES_MAX]; /* ends with a zero, or after FRAMES_MAX */
    enum frame_verdict verdict;      /* of the last one */
    bool idle;                       /* afterwards */
} CASES[] = {
    {"an empty message", {{WIRE_FIN | WIRE_TEXT, 0}}, FRAME_FITS, true},
    {"the maximum", {{WIRE_FIN | WIRE_TEXT, MESSAGE_MAX}}, FRAME_FITS, true},
    {"over the maximum", {{WIRE_FIN | WIRE_TEXT, MESSAGE_MAX + 1}}, FRAME_TOO_BIG, false},
    {"a length of 16 bits", {{WIRE_FIN | WIRE_TEXT, 65535}}, FRAME_TOO_BIG, false},
    {"a length of 64 bits", {{WIRE_FIN | WIRE_BINARY, UINT64_C(1) << 40U}}, FRAME_TOO_BIG, false},
    {"the largest length", {{WIRE_FIN | WIRE_TEXT, UINT64_MAX}}, FRAME_TOO_BIG, false},
    {"two messages of the maximum",
     {{WIRE_FIN | WIRE_TEXT, MESSAGE_MAX}, {WIRE_FIN | WIRE_TEXT, MESSAGE_MAX}},
     FRAME_FITS,
     true},
    {"an open message", {{WIRE_TEXT, 10}}, FRAME_FITS, false},
    {"fragments of the maximum", {{WIRE_TEXT, MESSAGE_MAX - 1}, {WIRE_FIN, 1}}, FRAME_FITS, true},
    {"fragments over the maximum", {{WIRE_TEXT, MESSAGE_MAX - 1}, {WIRE_FIN, 2}}, FRAME_TOO_BIG, false},
    {"three fragments over the maximum",
     {{WIRE_TEXT, 100}, {WIRE_CONTINUATION, 100}, {WIRE_FIN, 1}},
     FRAME_TOO_BIG,
     false},
    {"the largest length in a fragment", {{WIRE_TEXT, 100}, {WIRE_CONTINUATION, UINT64_MAX}}, FRAME_TOO_BIG, false},
    {"a ping between fragments",
     {{WIRE_TEXT, MESSAGE_MAX}, {WIRE_FIN | WIRE_PING, 125}, {WIRE_FIN, 0}},
     FRAME_FITS,
     true},
    {"a ping within an open message", {{WIRE_TEXT, 1}, {WIRE_FIN | WIRE_PING, 1}}, FRAME_FITS, false},
};

/* Feeds all bytes; returns the number taken. With `each`, one byte at a time. */
static size_t feed(struct frame_reader *reader, const uint8_t *bytes, size_t length, bool each,
                   enum frame_verdict *verdict)
{
    size_t taken = 0;
    *verdict = FRAME_FITS;
    while (taken < length && *verdict == FRAME_FITS) {
        taken += frame_reader_take(reader, bytes + taken, each ? 1 : length - taken, MESSAGE_MAX, verdict);
    }
    return taken;
}

START_TEST(each_frame_gets_its_verdict_at_its_header)
{
    struct frame_reader reader = {0};
    enum frame_verdict verdict = FRAME_FITS;
    const char *name = CASES[_i / MODES].name;
    const struct frame *frames = CASES[_i / MODES].frames;
    for (size_t i = 0; i < FRAMES_MAX && (frames[i].first != 0 || frames[i].length != 0); i++) {
        const struct frame *frame = &frames[i];
        uint8_t bytes[BYTES_SIZE] = {0};
        size_t head = wire_head(frame->first, frame->length, bytes);
        ck_assert_msg(verdict == FRAME_FITS, "%s: refused before the last frame", name);
        size_t taken = feed(&reader, bytes, head, _i % MODES == 1, &verdict);
        ck_assert_msg(taken == head, "%s: %zu bytes of a header of %zu", name, taken, head);
        if (verdict == FRAME_FITS && frame->length > 0) {
            ck_assert_msg(!frame_reader_idle(&reader), "%s: idle before the payload", name);
            ck_assert_uint_eq(feed(&reader, bytes, (size_t)frame->length, _i % MODES == 1, &verdict), frame->length);
        }
    }
    ck_assert_msg(verdict == CASES[_i / MODES].verdict, "%s: verdict %d", name, (int)verdict);
    ck_assert_msg(verdict != FRAME_FITS || frame_reader_idle(&reader) == CASES[_i / MODES].idle, "%s: idle", name);
}
END_TEST

START_TEST(the_number_of_fragments_is_limited_for_each_message)
{
    struct frame_reader reader = {0};
    enum frame_verdict verdict = FRAME_FITS;
    uint8_t head[WIRE_HEADER_MAX];
    for (int message = 0; message < 2; message++) {
        for (int i = 0; i < FRAME_READER_FRAGMENTS_MAX; i++) {
            uint8_t first = (uint8_t)(i == 0 ? WIRE_TEXT : WIRE_CONTINUATION);
            ck_assert_int_eq((int)verdict, FRAME_FITS);
            (void)feed(&reader, head, wire_head(first, 0, head), false, &verdict);
        }
        ck_assert_int_eq((int)verdict, FRAME_FITS);
        ck_assert(!frame_reader_idle(&reader));
    }
    (void)feed(&reader, head, wire_head(WIRE_FIN, 0, head), false, &verdict);
    ck_assert_int_eq((int)verdict, FRAME_TOO_MANY);
}
END_TEST

START_TEST(bytes_after_a_refused_header_are_not_taken)
{
    struct frame_reader reader = {0};
    enum frame_verdict verdict = FRAME_FITS;
    uint8_t bytes[2 * WIRE_HEADER_MAX + 2] = {0};
    size_t first = wire_write(WIRE_FIN | WIRE_TEXT, "{}", 2, bytes);
    size_t second = wire_head(WIRE_FIN | WIRE_TEXT, MESSAGE_MAX + 1, bytes + first);
    ck_assert_uint_eq(frame_reader_take(&reader, bytes, first + second + 1, MESSAGE_MAX, &verdict), first + second);
    ck_assert_int_eq((int)verdict, FRAME_TOO_BIG);
}
END_TEST

/* wslay refuses it, but its header is shorter. */
START_TEST(a_frame_without_a_mask_is_followed)
{
    static const uint8_t bytes[] = {WIRE_FIN | WIRE_TEXT, 2, '{', '}'};
    struct frame_reader reader = {0};
    enum frame_verdict verdict = FRAME_FITS;
    ck_assert_uint_eq(frame_reader_take(&reader, bytes, sizeof(bytes), MESSAGE_MAX, &verdict), sizeof(bytes));
    ck_assert(frame_reader_idle(&reader));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame_reader");
    TCase *tests = tcase_create("frame_reader");
    tcase_add_loop_test(tests, each_frame_gets_its_verdict_at_its_header, 0, (int)ARRAY_LEN(CASES) * MODES);
    tcase_add_test(tests, the_number_of_fragments_is_limited_for_each_message);
    tcase_add_test(tests, bytes_after_a_refused_header_are_not_taken);
    tcase_add_test(tests, a_frame_without_a_mask_is_followed);
    suite_add_tcase(suite, tests);
    return suite_run(suite);
}
