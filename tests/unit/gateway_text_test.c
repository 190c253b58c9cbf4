/*
 * What the gateway reads and writes as text: cursors, the Prefer header, idempotency keys, bidders' public names.
 */
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
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(prefer_wait_s(cases[i].header) == cases[i].seconds, "%s", cases[i].header);
    }
    ck_assert(prefer_receipt("receipt"));
    ck_assert(prefer_receipt("wait=3, receipts,Receipt"));
    ck_assert(!prefer_receipt("wait=3, receipts, receipt=1, receip"));
}
END_TEST

START_TEST(a_key_makes_the_same_id_again)
{
    const uint8_t secret[GATEWAY_KEY_BYTES] = {1};
    const uint8_t other_secret[GATEWAY_KEY_BYTES] = {2};
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
    tcase_add_test(tcase, prefer_says_how_long_to_wait);
    tcase_add_test(tcase, a_key_makes_the_same_id_again);
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
