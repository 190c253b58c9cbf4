/*
 * The exact text of a live update of a flash sale between programs, and the reader's refusals (see
 * common/protocol/sale_live.h).
 */
#include <stdio.h>
#include <string.h>

#include "common/protocol/sale_live.h"
#include "tests/support/suite.h"

#define ID "01000000-0000-0000-0000-000000000000"

enum { TEXT_SIZE = 8192 };

static struct jsonw *writer;

static const struct sale_live sample = {
    .sale_id = {{1}},
    .version = 2,
    .at_ms = 3,
    .status = SALE_ACTIVE,
    .quantity = 100,
    .claimed = 5,
    .reserved = 6,
    .sold = 7,
    .waiting = 8,
    .head_seq = 9,
    .join_ms = 10,
    .start_ms = 11,
    .end_ms = 12,
    .granted = 13,
};

#define START   "{\"t\":\"sale\",\"a\":\"" ID "\",\"s\":\"active\""
#define NUMBERS ",\"n\":2,\"d\":3,\"q\":100,\"c\":5,\"r\":6,\"o\":7,\"w\":8,\"h\":9,\"j\":10,\"b\":11,\"e\":12,\"g\":13"

static void set_up(void)
{
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
}

static void tear_down(void)
{
    jsonw_free(writer);
}

static const char *written(const struct sale_live *update)
{
    jsonw_reset(writer);
    sale_live_write(writer, update);
    return jsonw_text(writer, NULL);
}

START_TEST(an_update_has_this_text)
{
    struct sale_live update = sample;
    ck_assert_str_eq(written(&update), START NUMBERS "}");
    sale_live_add_gone(&update, 41);
    ck_assert_str_eq(written(&update), START NUMBERS ",\"i\":[41]}");
    update.look = true;
    sale_live_add_gone(&update, 17);
    ck_assert_str_eq(written(&update), START NUMBERS ",\"l\":true,\"i\":[41,17]}");
}
END_TEST

START_TEST(an_update_is_read_as_written)
{
    struct sale_live sent = sample;
    struct sale_live got;
    sale_live_add_gone(&sent, INT64_MAX);
    sale_live_add_gone(&sent, 1);
    sent.look = true;
    const char *text = written(&sent);
    ck_assert(sale_live_read(text, strlen(text), &got));
    ck_assert(uuid_equal(&got.sale_id, &sent.sale_id));
    ck_assert_int_eq(got.version, 2);
    ck_assert_int_eq(got.at_ms, 3);
    ck_assert_int_eq(got.status, SALE_ACTIVE);
    ck_assert_int_eq(got.quantity, 100);
    ck_assert_int_eq(got.claimed, 5);
    ck_assert_int_eq(got.reserved, 6);
    ck_assert_int_eq(got.sold, 7);
    ck_assert_int_eq(got.waiting, 8);
    ck_assert_int_eq(got.head_seq, 9);
    ck_assert_int_eq(got.join_ms, 10);
    ck_assert_int_eq(got.start_ms, 11);
    ck_assert_int_eq(got.end_ms, 12);
    ck_assert_int_eq(got.granted, 13);
    ck_assert(got.look);
    ck_assert_uint_eq(got.gone_count, 2);
    ck_assert_int_eq(got.gone[0], INT64_MAX);
    ck_assert_int_eq(got.gone[1], 1);
}
END_TEST

START_TEST(places_beyond_the_bound_make_the_reader_look)
{
    struct sale_live sent = sample;
    struct sale_live got;
    for (int64_t i = 1; i <= SALE_LIVE_GONE_MAX; i++) {
        sale_live_add_gone(&sent, i);
    }
    ck_assert(!sent.look);
    const char *text = written(&sent);
    ck_assert(sale_live_read(text, strlen(text), &got));
    ck_assert(!got.look);
    ck_assert_uint_eq(got.gone_count, SALE_LIVE_GONE_MAX);
    ck_assert_int_eq(got.gone[SALE_LIVE_GONE_MAX - 1], SALE_LIVE_GONE_MAX);
    sale_live_add_gone(&sent, SALE_LIVE_GONE_MAX + 1);
    ck_assert(sent.look);
    ck_assert_uint_eq(sent.gone_count, SALE_LIVE_GONE_MAX);
}
END_TEST

START_TEST(an_update_with_too_many_places_is_refused)
{
    char text[TEXT_SIZE];
    struct sale_live got;
    size_t length = (size_t)snprintf(text, sizeof(text), "%s", START NUMBERS ",\"i\":[1");
    for (size_t i = 1; i <= SALE_LIVE_GONE_MAX; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length, ",1");
    }
    length += (size_t)snprintf(text + length, sizeof(text) - length, "]}");
    ck_assert(!sale_live_read(text, length, &got));
    ck_assert_uint_eq(got.gone_count, SALE_LIVE_GONE_MAX);
}
END_TEST

START_TEST(every_status_is_read_back)
{
    for (size_t i = 0; i < SALE_STATUS_COUNT; i++) {
        struct sale_live sent = sample;
        struct sale_live got;
        sent.status = (enum sale_status)i;
        const char *text = written(&sent);
        ck_assert(sale_live_read(text, strlen(text), &got));
        ck_assert_int_eq(got.status, sent.status);
    }
}
END_TEST

/* Members that are added to or changed in the sample, by their number in the text; each must be there. */
static const char *const members[] = {"\"t\":\"sale\"",   "\"a\":\"01000000-0000-0000-0000-000000000000\"",
                                      "\"s\":\"active\"", "\"n\":2",
                                      "\"d\":3",          "\"q\":100",
                                      "\"c\":5",          "\"r\":6",
                                      "\"o\":7",          "\"w\":8",
                                      "\"h\":9",          "\"j\":10",
                                      "\"b\":11",         "\"e\":12",
                                      "\"g\":13"};

static bool reads_with(size_t changed, const char *member)
{
    char text[TEXT_SIZE];
    struct sale_live got;
    size_t length = 0;
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        const char *each = i == changed ? member : members[i];
        if (each[0] != '\0') {
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%c%s", length == 0 ? '{' : ',', each);
        }
    }
    length += (size_t)snprintf(text + length, sizeof(text) - length, "}");
    return sale_live_read(text, length, &got);
}

START_TEST(each_member_is_required)
{
    ck_assert(reads_with(SIZE_MAX, ""));
    ck_assert_msg(!reads_with((size_t)_i, ""), "%s", members[_i]);
}
END_TEST

enum { TYPE, SALE, STATUS, VERSION, AT, QUANTITY, CLAIMED, RESERVED, SOLD, WAITING, HEAD, JOIN, BEGIN, END, GRANTED };

static const struct {
    size_t changed;
    const char *member;
    bool ok;
} changes[] = {
    {TYPE, "\"t\":\"auction\"", false},
    {TYPE, "\"t\":1", false},
    {SALE, "\"a\":\"sale\"", false},
    {STATUS, "\"s\":\"asleep\"", false},
    {STATUS, "\"s\":0", false},
    {VERSION, "\"n\":-1", false},
    {VERSION, "\"n\":9223372036854775807", true},
    {VERSION, "\"n\":9223372036854775808", false},
    {VERSION, "\"n\":1.5", false},
    {AT, "\"d\":253402300799999", true},
    {AT, "\"d\":253402300800000", false},
    {QUANTITY, "\"q\":18", true},
    {QUANTITY, "\"q\":17", false},
    {QUANTITY, "\"q\":1000000", true},
    {QUANTITY, "\"q\":1000001", false},
    {CLAIMED, "\"c\":0", true},
    {CLAIMED, "\"c\":87", true},
    {CLAIMED, "\"c\":88", false},
    {CLAIMED, "\"c\":-1", false},
    {RESERVED, "\"r\":89", false},
    {RESERVED, "\"r\":-1", false},
    {SOLD, "\"o\":90", false},
    {SOLD, "\"o\":-1", false},
    {WAITING, "\"w\":-1", false},
    {WAITING, "\"w\":2000000", true},
    {HEAD, "\"h\":-1", false},
    {HEAD, "\"h\":9223372036854775807", true},
    {JOIN, "\"j\":253402300800000", false},
    {BEGIN, "\"b\":253402300800000", false},
    {END, "\"e\":253402300800000", false},
    {END, "\"e\":null", false},
    {GRANTED, "\"g\":500", true},
    {GRANTED, "\"g\":501", false},
    {GRANTED, "\"g\":13,\"l\":false", true},
    {GRANTED, "\"g\":13,\"l\":1", false},
    {GRANTED, "\"g\":13,\"i\":[]", true},
    {GRANTED, "\"g\":13,\"i\":7", false},
    {GRANTED, "\"g\":13,\"i\":{\"x\":1}", false},
    {GRANTED, "\"g\":13,\"i\":[0]", false},
    {GRANTED, "\"g\":13,\"i\":[1,\"2\"]", false},
    {GRANTED, "\"g\":13,\"more\":1", true},
};

START_TEST(each_member_is_checked)
{
    ck_assert_msg(reads_with(changes[_i].changed, changes[_i].member) == changes[_i].ok, "%s", changes[_i].member);
}
END_TEST

START_TEST(other_messages_are_refused)
{
    static const char *const texts[] = {"", "7", "[]", "{}", START NUMBERS, "{\"k\":\"bids\",\"a\":\"" ID "\"}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sale_live got;
        ck_assert_msg(!sale_live_read(texts[i], strlen(texts[i]), &got), "%s", texts[i]);
    }
}
END_TEST

static Suite *sale_live_suite(void)
{
    Suite *suite = suite_create("sale_live");
    TCase *tcase = tcase_create("sale_live");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_update_has_this_text);
    tcase_add_test(tcase, an_update_is_read_as_written);
    tcase_add_test(tcase, places_beyond_the_bound_make_the_reader_look);
    tcase_add_test(tcase, an_update_with_too_many_places_is_refused);
    tcase_add_test(tcase, every_status_is_read_back);
    tcase_add_loop_test(tcase, each_member_is_required, 0, (int)ARRAY_LEN(members));
    tcase_add_loop_test(tcase, each_member_is_checked, 0, (int)ARRAY_LEN(changes));
    tcase_add_test(tcase, other_messages_are_refused);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(sale_live_suite());
}
