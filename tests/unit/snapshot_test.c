/*
 * The text of a snapshot: it is read as it was written, and any other text is refused.
 */
#include "common/protocol/snapshot.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

#define ID  "0197f3e1-2c4b-7abc-8def-0123456789ab"
#define IDS ID " 0197f3e1-2c4b-7abc-8def-0123456789ac"

static const struct snapshot sample = {
    .seller_id = {{1, 2, 3}},
    .leader_id = {{4, 5, 6}},
    .version = 12,
    .terms_version = 3,
    .status = RULES_SCHEDULED,
    .start_ms = 1795000000000,
    .end_ms = 1795000600000,
    .minimum_bid = 999999999999,
    .current_bid = 0,
};

START_TEST(a_snapshot_is_read_as_written)
{
    char text[SNAPSHOT_TEXT_SIZE];
    struct snapshot read;
    snapshot_format(&sample, text);
    ck_assert(snapshot_parse(text, strlen(text), &read));
    ck_assert(uuid_equal(&read.seller_id, &sample.seller_id));
    ck_assert(uuid_equal(&read.leader_id, &sample.leader_id));
    ck_assert_int_eq(read.version, sample.version);
    ck_assert_int_eq(read.terms_version, sample.terms_version);
    ck_assert_int_eq(read.status, sample.status);
    ck_assert_int_eq(read.start_ms, sample.start_ms);
    ck_assert_int_eq(read.end_ms, sample.end_ms);
    ck_assert_int_eq(read.minimum_bid, sample.minimum_bid);
    ck_assert_int_eq(read.current_bid, sample.current_bid);
}
END_TEST

START_TEST(a_truncated_snapshot_is_refused)
{
    char text[SNAPSHOT_TEXT_SIZE];
    snapshot_format(&sample, text);
    for (size_t length = 0; length < strlen(text); length++) {
        char *part = malloc(length + 1); /* an exact allocation, so that a sanitizer detects a read past the end */
        struct snapshot read;
        ck_assert_ptr_nonnull(part);
        memcpy(part, text, length);
        ck_assert_msg(!snapshot_parse(part, length, &read), "%zu bytes", length);
        free(part);
    }
}
END_TEST

START_TEST(other_texts_are_refused)
{
    static const char *const texts[] = {
        "1 2 3 4 5 6 " IDS " sleeping",
        "1 2 3 4 5 " IDS " active",
        "1 2 3 4 5 -6 " IDS " active",
        "1 2 3 4 5 6x " IDS " active",
        "1 2 3 4 5  " IDS " active",
        "1 2 3 4 5 1234567890123456789 " IDS " active",
        "1 2 3 4 5 6 someone " ID " active",
        "1 2 3 4 5 6 " ID " someone active",
        "1 2 3 4 5 6 " IDS " sixteen_letters_",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct snapshot read;
        ck_assert_msg(!snapshot_parse(texts[i], strlen(texts[i]), &read), "%s", texts[i]);
    }
}
END_TEST

START_TEST(a_snapshot_has_this_text)
{
    char text[SNAPSHOT_TEXT_SIZE];
    snapshot_format(&sample, text);
    ck_assert_str_eq(text, "12 3 1795000000000 1795000600000 999999999999 0 01020300-0000-0000-0000-000000000000 "
                           "04050600-0000-0000-0000-000000000000 scheduled");
}
END_TEST

/* The longest first: none is read as the rest of another one. */
START_TEST(every_status_is_read)
{
    static const struct {
        const char *text;
        enum rules_status status;
    } cases[] = {
        {"1 2 3 4 5 6 " IDS " scheduled", RULES_SCHEDULED}, {"1 2 3 4 5 6 " IDS " cancelled", RULES_CANCELLED},
        {"1 2 3 4 5 6 " IDS " active", RULES_ACTIVE},       {"1 2 3 4 5 6 " IDS " unsold", RULES_UNSOLD},
        {"1 2 3 4 5 6 " IDS " draft", RULES_DRAFT},         {"1 2 3 4 5 6 " IDS " sold", RULES_SOLD},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct snapshot read;
        ck_assert_msg(snapshot_parse(cases[i].text, strlen(cases[i].text), &read), "%s", cases[i].text);
        ck_assert_int_eq(read.status, cases[i].status);
    }
}
END_TEST

START_TEST(numbers_have_up_to_18_digits)
{
    static const char text[] = "999999999999999999 0 3 4 5 1234567890 " IDS " active";
    struct snapshot read;
    ck_assert(snapshot_parse(text, strlen(text), &read));
    ck_assert_int_eq(read.version, INT64_C(999999999999999999));
    ck_assert_int_eq(read.terms_version, 0);
    ck_assert_int_eq(read.current_bid, 1234567890);
}
END_TEST

START_TEST(numbers_with_other_characters_are_refused)
{
    for (int byte = 1; byte < 256; byte++) {
        char text[] = "1 2 3 4 5 6x7 " IDS " active";
        struct snapshot read;
        text[11] = (char)byte;
        bool digit = byte >= '0' && byte <= '9';
        ck_assert_msg(snapshot_parse(text, strlen(text), &read) == digit, "byte %d", byte);
    }
}
END_TEST

START_TEST(an_accepted_bid_ranks_before_an_outbid_one_of_its_amount)
{
    static const struct uuid bidder = {{1, 2, 3}};
    char text[SNAPSHOT_LEADER_SIZE];
    size_t length = snapshot_leader_add(text, sizeof(text), 5500, true, &bidder);
    ck_assert_str_eq(text, "11001 01020300-0000-0000-0000-000000000000 ");
    ck_assert_uint_eq(length, strlen(text));
    length = snapshot_leader_add(text, sizeof(text), 5500, false, &bidder);
    ck_assert_str_eq(text, "11000 01020300-0000-0000-0000-000000000000 ");
    ck_assert_uint_eq(length, strlen(text));
    ck_assert_uint_eq(snapshot_leader_add(text, length, 5500, false, &bidder), 0);
    ck_assert_uint_eq(snapshot_leader_add(text, length + 1, 5500, false, &bidder), length);
}
END_TEST

static Suite *snapshot_suite(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tcase = tcase_create("snapshot");
    tcase_add_test(tcase, a_snapshot_is_read_as_written);
    tcase_add_test(tcase, a_truncated_snapshot_is_refused);
    tcase_add_test(tcase, other_texts_are_refused);
    tcase_add_test(tcase, a_snapshot_has_this_text);
    tcase_add_test(tcase, every_status_is_read);
    tcase_add_test(tcase, numbers_have_up_to_18_digits);
    tcase_add_test(tcase, numbers_with_other_characters_are_refused);
    tcase_add_test(tcase, an_accepted_bid_ranks_before_an_outbid_one_of_its_amount);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(snapshot_suite());
}
