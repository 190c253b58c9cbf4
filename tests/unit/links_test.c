/*
 * The contents of links in mail: tokens and their hashes, and signatures that are valid for one user and one kind.
 */
#include <check.h>
#include <string.h>

#include "common/protocol/links.h"
#include "tests/support/suite.h"

static const uint8_t key[LINKS_KEY_BYTES] = {1, 2, 3};
static const uint8_t other_key[LINKS_KEY_BYTES] = {1, 2, 4};

START_TEST(a_token_has_the_hash_that_was_stored)
{
    char token[LINKS_TOKEN_SIZE];
    char other[LINKS_TOKEN_SIZE];
    char hash[LINKS_HASH_SIZE];
    char again[LINKS_HASH_SIZE];
    links_token_new(token, hash);
    ck_assert_uint_eq(strlen(token), LINKS_TOKEN_SIZE - 1);
    ck_assert_uint_eq(strlen(hash), LINKS_HASH_SIZE - 1);
    ck_assert(links_token_hash(token, again));
    ck_assert_str_eq(again, hash);
    ck_assert_ptr_null(strstr(hash, token));
    links_token_new(other, again);
    ck_assert_str_ne(other, token);
    ck_assert_str_ne(again, hash);
}
END_TEST

START_TEST(an_invalid_token_has_no_hash)
{
    static const char *const wrong[] = {"",
                                        "x",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+/A"};
    char hash[LINKS_HASH_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        ck_assert_msg(!links_token_hash(wrong[i], hash), "%s", wrong[i]);
    }
}
END_TEST

START_TEST(a_signature_is_valid_for_its_user_kind_and_key_only)
{
    char text[LINKS_UNSUBSCRIBE_SIZE];
    char kind[LINKS_KIND_SIZE];
    struct uuid user = uuid_new();
    struct uuid read;
    links_unsubscribe_write(key, &user, "AUCTION_ENDING_SOON", text);
    ck_assert(links_unsubscribe_read(key, text, &read, kind));
    ck_assert(uuid_equal(&read, &user));
    ck_assert_str_eq(kind, "AUCTION_ENDING_SOON");
    ck_assert(!links_unsubscribe_read(other_key, text, &read, kind));
    for (size_t i = 0; i < strlen(text); i++) {
        char changed[LINKS_UNSUBSCRIBE_SIZE];
        memcpy(changed, text, sizeof(changed));
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        ck_assert_msg(!links_unsubscribe_read(key, changed, &read, kind), "%s", changed);
        changed[i] = '\0';
        ck_assert_msg(!links_unsubscribe_read(key, changed, &read, kind), "%s", changed);
    }
}
END_TEST

START_TEST(a_key_has_64_hex_digits)
{
    uint8_t read[LINKS_KEY_BYTES];
    ck_assert(links_key_read("0102030000000000000000000000000000000000000000000000000000000000", read));
    ck_assert_mem_eq(read, key, sizeof(read));
    ck_assert(!links_key_read("", read));
    ck_assert(!links_key_read("01020300000000000000000000000000000000000000000000000000000000", read));
    ck_assert(!links_key_read("x102030000000000000000000000000000000000000000000000000000000000", read));
}
END_TEST

static Suite *links_suite(void)
{
    Suite *suite = suite_create("links");
    TCase *tests = tcase_create("links");
    tcase_add_test(tests, a_token_has_the_hash_that_was_stored);
    tcase_add_test(tests, an_invalid_token_has_no_hash);
    tcase_add_test(tests, a_signature_is_valid_for_its_user_kind_and_key_only);
    tcase_add_test(tests, a_key_has_64_hex_digits);
    suite_add_tcase(suite, tests);
    return suite;
}

int main(void)
{
    return suite_run(links_suite());
}
