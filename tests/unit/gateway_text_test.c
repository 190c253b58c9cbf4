/*
 * Texts that the gateway reads and writes: cursors, the Prefer header, and the bidders' pseudonyms.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/pseudonym.h"
#include "gateway/query/cursor.h"
#include "gateway/submit/prefer.h"
#include "tests/support/suite.h"

START_TEST(a_cursor_is_read_as_written)
{
    char text[CURSOR_TEXT_SIZE];
    struct cursor parsed;
    struct cursor cursor = {.sort = "-price", .key = "1234.50", .id = uuid_new()};
    cursor_format(&cursor, text);
    ck_assert_uint_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(text));
    ck_assert(cursor_parse(text, "-price", &parsed));
    ck_assert_str_eq(parsed.key, cursor.key);
    ck_assert(uuid_equal(&parsed.id, &cursor.id));
    ck_assert_msg(!cursor_parse(text, "price", &parsed), "a cursor served another order");
}
END_TEST

START_TEST(the_longest_cursor_fits)
{
    char text[CURSOR_TEXT_SIZE];
    struct cursor parsed;
    struct cursor cursor = {.id = uuid_new()};
    memset(cursor.sort, 's', sizeof(cursor.sort) - 1);
    memset(cursor.key, 'k', sizeof(cursor.key) - 1);
    cursor_format(&cursor, text);
    ck_assert(cursor_parse(text, cursor.sort, &parsed));
    ck_assert_str_eq(parsed.key, cursor.key);
}
END_TEST

START_TEST(invalid_cursors_are_refused)
{
    static const char *const wrong[] = {"", "x", "====", "bmV3ZXN0", "bmV3ZXN0fHw", "bmV3ZXN0fHx4", "\x01"};
    struct cursor parsed;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(!cursor_parse(wrong[i], "newest", &parsed), "%s was accepted", wrong[i]);
    }
}
END_TEST

/* True if this text, encoded as a cursor, is a cursor of order "newest". */
static bool is_cursor(const char *plain, size_t length, struct cursor *cursor)
{
    char text[512];
    sodium_bin2base64(text, sizeof(text), (const unsigned char *)plain, length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return cursor_parse(text, "newest", cursor);
}

#define ID "0198aabb-ccdd-7eef-8011-223344556677"

START_TEST(each_part_of_a_cursor_is_checked)
{
    static const char *const wrong[] = {
        "newest|key|" ID "7",
        "newest|key|0198aabb-ccdd-7eef-8011-22334455667",
        "newest|key|",
        "newest|" ID,
        "newest",
        "newes|key|" ID,
        "newest2|key|" ID,
        "|key|" ID,
        "a_sort_of_16_cha|key|" ID,
    };
    struct cursor cursor;
    ck_assert(is_cursor("newest|a key|" ID, strlen("newest|a key|" ID), &cursor));
    ck_assert_str_eq(cursor.sort, "newest");
    ck_assert_str_eq(cursor.key, "a key");
    ck_assert(is_cursor("newest||" ID, strlen("newest||" ID), &cursor));
    ck_assert_str_eq(cursor.key, "");
    ck_assert(is_cursor("newest|a|b|" ID, strlen("newest|a|b|" ID), &cursor));
    ck_assert_str_eq(cursor.key, "a|b");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(!is_cursor(wrong[i], strlen(wrong[i]), &cursor), "%s was accepted", wrong[i]);
    }
    ck_assert_msg(!is_cursor("newest|k\0y|" ID, strlen("newest|key|" ID), &cursor), "a NUL was accepted");
    ck_assert_msg(!is_cursor("newest|key|" ID "\0", strlen("newest|key|" ID) + 1, &cursor), "a NUL was accepted");
}
END_TEST

START_TEST(a_text_longer_than_any_cursor_is_refused)
{
    for (size_t length = 117; length < 200; length++) {
        char plain[201];
        struct cursor cursor;
        (void)snprintf(plain, sizeof(plain), "newest|%0*d|" ID, (int)length - 44, 7);
        ck_assert_uint_eq(strlen(plain), length);
        ck_assert(!is_cursor(plain, length, &cursor));
    }
}
END_TEST

START_TEST(a_key_that_is_too_long_is_refused)
{
    for (int length = CURSOR_KEY_SIZE - 1; length <= CURSOR_KEY_SIZE; length++) {
        char plain[256];
        struct cursor cursor;
        int size = snprintf(plain, sizeof(plain), "newest|%0*d|" ID, length, 7);
        ck_assert_int_eq(is_cursor(plain, (size_t)size, &cursor), length < CURSOR_KEY_SIZE);
    }
}
END_TEST

START_TEST(the_time_of_a_cursor_is_valid_in_postgresql)
{
    static const struct {
        const char *key;
        bool time;
    } cases[] = {
        {"2026-11-20T22:58:16.123Z", true},       {"0001-01-01T00:00:00.000Z", true},
        {"9999-12-31T23:59:59.999Z", true},       {"0000-01-01T00:00:00.000Z", false},
        {"abcdefghijklmnopqrstuvwZ", false},      {"2026-13-20T22:58:16.123Z", false},
        {"2026-11-20T22:58:16.12Z", false},       {"2026-11-20T22:58:16.1234Z", false},
        {"2026-11-20T22:58:16+01:0", false},      {"2026-11-20T22:58:1+01:00", false},
        {"2026-11-20T22:58:16.123z", false},      {"2026-11-20T22:58:16+00:00", false},
        {"2026-11-20T22:58.1+00:00", false},      {"", false},
        {"2026-11-20T22:58:16.123456+00", false}, {"000-01-01T00:00:00.0000Z", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cursor cursor = {.sort = "newest"};
        (void)snprintf(cursor.key, sizeof(cursor.key), "%s", cases[i].key);
        ck_assert_msg(cursor_key_is_time(&cursor) == cases[i].time, "%s", cases[i].key);
    }
}
END_TEST

START_TEST(prefer_sets_wait_and_receipt)
{
    static const struct {
        const char *header;
        int seconds;
    } cases[] = {
        {"", 0},
        {"wait=5", 5},
        {"Wait=7", 7},
        {"receipt, wait=3", 3},
        {"wait=10", 10},
        {"wait=11", 10},
        {"wait=99999999999", 10},
        {"wait=0", 0},
        {"wait=", 0},
        {"wait=-1", 0},
        {"wait=1.5", 0},
        {"wait=x", 0},
        {"respond-async; wait=2", 2},
        {"await=5", 0},
        {"wait=9", 9},
        {"wait=010", 10},
        {"wait=0000000000000000007", 7},
        {"wait=5 ", 5},
        {"\twait=5;x", 5},
        {",wait=4", 4},
        {"wait=4,wait=7", 4},
        {"wait 5", 0},
        {"wait", 0},
        {"waits=5", 0},
        {"receipt", 0},
        {"wait=5x, wait=6", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(prefer_wait_s(cases[i].header) == cases[i].seconds, "%s", cases[i].header);
    }
    ck_assert(prefer_receipt("receipt"));
    ck_assert(prefer_receipt("\treceipt;x=1"));
    ck_assert(!prefer_receipt(""));
    ck_assert(!prefer_receipt("receip"));
    ck_assert(!prefer_receipt("receipt="));
    ck_assert(!prefer_receipt("a-receipt"));
    ck_assert(prefer_receipt("wait=3, receipts,Receipt"));
    ck_assert(!prefer_receipt("wait=3, receipts, receipt=1, receip"));
}
END_TEST

START_TEST(a_bidder_has_one_pseudonym_per_auction)
{
    const uint8_t key[PSEUDONYM_KEY_BYTES] = {1};
    const uint8_t other_key[PSEUDONYM_KEY_BYTES] = {2};
    const struct uuid auctions[] = {{{1}}, {{2}}};
    const struct uuid users[] = {{{3}}, {{4}}};
    char name[PSEUDONYM_SIZE];
    char other[PSEUDONYM_SIZE];
    pseudonym_write(key, &auctions[0], &users[0], name);
    /* Pseudonyms are shown as long as the auction exists, so no later version may change them. */
    ck_assert_str_eq(name, "Bidder-Z4V4GBE7");
    pseudonym_write(key, &auctions[0], &users[1], other);
    ck_assert_str_ne(name, other);
    pseudonym_write(key, &auctions[1], &users[0], other);
    ck_assert_str_ne(name, other);
    pseudonym_write(other_key, &auctions[0], &users[0], other);
    ck_assert_str_ne(name, other);
}
END_TEST

static Suite *text_suite(void)
{
    Suite *suite = suite_create("gateway text");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, a_cursor_is_read_as_written);
    tcase_add_test(tcase, the_longest_cursor_fits);
    tcase_add_test(tcase, invalid_cursors_are_refused);
    tcase_add_test(tcase, each_part_of_a_cursor_is_checked);
    tcase_add_test(tcase, a_text_longer_than_any_cursor_is_refused);
    tcase_add_test(tcase, a_key_that_is_too_long_is_refused);
    tcase_add_test(tcase, the_time_of_a_cursor_is_valid_in_postgresql);
    tcase_add_test(tcase, prefer_sets_wait_and_receipt);
    tcase_add_test(tcase, a_bidder_has_one_pseudonym_per_auction);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(text_suite());
}
