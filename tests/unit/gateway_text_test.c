/*
 * What the gateway reads and writes as text: cursors, the Prefer header, idempotency keys, bidders' public names.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/protocol/pseudonym.h"
#include "gateway/bid/idempotency.h"
#include "gateway/bid/prefer.h"
#include "gateway/query/cursor.h"
#include "tests/support/suite.h"

START_TEST(a_cursor_comes_back_as_it_went)
{
    char text[CURSOR_TEXT_SIZE];
    struct cursor back;
    struct cursor cursor = {.sort = "-price", .key = "1234.50", .id = uuid_new()};
    cursor_format(&cursor, text);
    ck_assert_uint_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(text));
    ck_assert(cursor_parse(text, "-price", &back));
    ck_assert_str_eq(back.key, cursor.key);
    ck_assert(uuid_equal(&back.id, &cursor.id));
    ck_assert_msg(!cursor_parse(text, "price", &back), "a cursor served another order");
}
END_TEST

START_TEST(the_longest_cursor_fits)
{
    char text[CURSOR_TEXT_SIZE];
    struct cursor back;
    struct cursor cursor = {.id = uuid_new()};
    memset(cursor.sort, 's', sizeof(cursor.sort) - 1);
    memset(cursor.key, 'k', sizeof(cursor.key) - 1);
    cursor_format(&cursor, text);
    ck_assert(cursor_parse(text, cursor.sort, &back));
    ck_assert_str_eq(back.key, cursor.key);
}
END_TEST

START_TEST(what_is_no_cursor_is_refused)
{
    static const char *const wrong[] = {"", "x", "====", "bmV3ZXN0", "bmV3ZXN0fHw", "bmV3ZXN0fHx4", "\x01"};
    struct cursor back;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(!cursor_parse(wrong[i], "newest", &back), "%s was taken", wrong[i]);
    }
}
END_TEST

/* Whether this text, encoded as a cursor is, is one of order "newest". */
static bool taken(const char *plain, size_t length, struct cursor *cursor)
{
    char text[512];
    sodium_bin2base64(text, sizeof(text), (const unsigned char *)plain, length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return cursor_parse(text, "newest", cursor);
}

#define ID "0198aabb-ccdd-7eef-8011-223344556677"

START_TEST(the_parts_of_a_cursor_are_checked_one_by_one)
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
    ck_assert(taken("newest|a key|" ID, strlen("newest|a key|" ID), &cursor));
    ck_assert_str_eq(cursor.sort, "newest");
    ck_assert_str_eq(cursor.key, "a key");
    ck_assert(taken("newest||" ID, strlen("newest||" ID), &cursor));
    ck_assert_str_eq(cursor.key, "");
    ck_assert(taken("newest|a|b|" ID, strlen("newest|a|b|" ID), &cursor));
    ck_assert_str_eq(cursor.key, "a|b");
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(!taken(wrong[i], strlen(wrong[i]), &cursor), "%s was taken", wrong[i]);
    }
    ck_assert_msg(!taken("newest|k\0y|" ID, strlen("newest|key|" ID), &cursor), "a NUL was taken");
    ck_assert_msg(!taken("newest|key|" ID "\0", strlen("newest|key|" ID) + 1, &cursor), "a NUL was taken");
}
END_TEST

START_TEST(a_text_longer_than_any_cursor_is_refused)
{
    for (size_t length = 117; length < 200; length++) {
        char plain[201];
        struct cursor cursor;
        (void)snprintf(plain, sizeof(plain), "newest|%0*d|" ID, (int)length - 44, 7);
        ck_assert_uint_eq(strlen(plain), length);
        ck_assert(!taken(plain, length, &cursor));
    }
}
END_TEST

START_TEST(a_key_that_is_too_long_is_refused)
{
    for (int length = CURSOR_KEY_SIZE - 1; length <= CURSOR_KEY_SIZE; length++) {
        char plain[256];
        struct cursor cursor;
        int size = snprintf(plain, sizeof(plain), "newest|%0*d|" ID, length, 7);
        ck_assert_int_eq(taken(plain, (size_t)size, &cursor), length < CURSOR_KEY_SIZE);
    }
}
END_TEST

START_TEST(a_time_of_a_cursor_is_one_that_postgresql_reads)
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

START_TEST(prefer_says_how_long_to_wait)
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

START_TEST(a_key_makes_the_same_id_again)
{
    const uint8_t secret[DEPLOYMENT_KEY_BYTES] = {1};
    const uint8_t other_secret[DEPLOYMENT_KEY_BYTES] = {2};
    struct uuid ann = uuid_new();
    struct uuid bob = uuid_new();
    struct uuid id = idempotency_bid_id(secret, &ann, "order-1");
    struct uuid again = idempotency_bid_id(secret, &ann, "order-1");
    struct uuid others[] = {
        idempotency_bid_id(secret, &ann, "order-2"),
        idempotency_bid_id(secret, &bob, "order-1"),
        idempotency_bid_id(other_secret, &ann, "order-1"),
    };
    ck_assert(uuid_equal(&id, &again));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert(!uuid_equal(&id, &others[i]));
    }
}
END_TEST

/* Ids and hashes outlive an upgrade: a key that comes again after it must still find its bid. */
START_TEST(ids_and_hashes_of_keys_stay_as_they_are)
{
    const uint8_t secret[DEPLOYMENT_KEY_BYTES] = {1};
    const struct uuid user = {{3}};
    const struct command command = {.kind = COMMAND_PROXY, .auction_id = {{2}}, .amount = 5500};
    struct uuid bid = idempotency_bid_id(secret, &user, "order-1");
    char text[UUID_TEXT_SIZE];
    char hash[IDEMPOTENCY_HASH_SIZE];
    uuid_format(&bid, text);
    ck_assert_str_eq(text, "2eb1e81f-4b48-8cba-a049-c1a2e6ce9a51");
    idempotency_hash(&command, hash);
    ck_assert_str_eq(hash, "9335aff56ebb50eb7972c08e507798c6");
}
END_TEST

START_TEST(a_key_has_no_control_characters)
{
    for (int byte = 1; byte < 256; byte++) {
        const char key[] = {'a', (char)byte, 'b', '\0'};
        ck_assert_msg(idempotency_key_is_valid(key) == (byte >= 0x20 && byte != 0x7f), "byte %d", byte);
        ck_assert_int_eq(idempotency_key_is_valid(key + 1), byte >= 0x20 && byte != 0x7f);
    }
}
END_TEST

START_TEST(a_key_has_1_to_64_plain_bytes)
{
    char longest[IDEMPOTENCY_KEY_MAX + 2] = "";
    memset(longest, 'k', IDEMPOTENCY_KEY_MAX);
    ck_assert(idempotency_key_is_valid("k"));
    ck_assert(idempotency_key_is_valid(longest));
    longest[IDEMPOTENCY_KEY_MAX] = 'k';
    ck_assert(!idempotency_key_is_valid(longest));
    ck_assert(!idempotency_key_is_valid(""));
    ck_assert(!idempotency_key_is_valid("a\tb"));
}
END_TEST

START_TEST(another_body_has_another_hash)
{
    char first[IDEMPOTENCY_HASH_SIZE];
    char second[IDEMPOTENCY_HASH_SIZE];
    struct command command = {.kind = COMMAND_BID, .auction_id = uuid_new(), .amount = 5500};
    struct command changed[] = {command, command, command};
    changed[0].amount = 5501;
    changed[1].kind = COMMAND_PROXY;
    changed[2].auction_id = uuid_new();
    idempotency_hash(&command, first);
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        idempotency_hash(&changed[i], second);
        ck_assert_str_ne(first, second);
    }
    command.received_ms = 7; /* when it comes makes no difference */
    idempotency_hash(&command, second);
    ck_assert_str_eq(first, second);
}
END_TEST

START_TEST(a_bidder_has_one_name_per_auction)
{
    const uint8_t key[PSEUDONYM_KEY_BYTES] = {1};
    const uint8_t other_key[PSEUDONYM_KEY_BYTES] = {2};
    const struct uuid auctions[] = {{{1}}, {{2}}};
    const struct uuid users[] = {{{3}}, {{4}}};
    char name[PSEUDONYM_SIZE];
    char other[PSEUDONYM_SIZE];
    pseudonym_write(key, &auctions[0], &users[0], name);
    /* Names are shown for as long as the auction is: a later version of the program must not change them. */
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
    tcase_add_test(tcase, a_cursor_comes_back_as_it_went);
    tcase_add_test(tcase, the_longest_cursor_fits);
    tcase_add_test(tcase, what_is_no_cursor_is_refused);
    tcase_add_test(tcase, the_parts_of_a_cursor_are_checked_one_by_one);
    tcase_add_test(tcase, a_text_longer_than_any_cursor_is_refused);
    tcase_add_test(tcase, a_key_that_is_too_long_is_refused);
    tcase_add_test(tcase, a_time_of_a_cursor_is_one_that_postgresql_reads);
    tcase_add_test(tcase, prefer_says_how_long_to_wait);
    tcase_add_test(tcase, a_key_makes_the_same_id_again);
    tcase_add_test(tcase, ids_and_hashes_of_keys_stay_as_they_are);
    tcase_add_test(tcase, a_key_has_no_control_characters);
    tcase_add_test(tcase, a_key_has_1_to_64_plain_bytes);
    tcase_add_test(tcase, another_body_has_another_hash);
    tcase_add_test(tcase, a_bidder_has_one_name_per_auction);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(text_suite());
}
