/*
 * common/base/utf8: characters of each length are valid, and malformed bytes are found, at every place of a text. Texts
 * are read eight bytes at a time as long as they are ASCII.
 */
#include <string.h>

#include "common/base/utf8.h"
#include "tests/support/suite.h"

enum { TEXT_SIZE = 40 };

/* A text of ASCII with these bytes at each place. */
static void expect_at_each_place(const char *bytes, bool valid)
{
    size_t length = strlen(bytes);
    for (size_t at = 0; at + length <= TEXT_SIZE; at++) {
        char text[TEXT_SIZE];
        memset(text, 'a', sizeof text);
        for (size_t i = 0; i < length; i++) {
            text[at + i] = bytes[i];
        }
        for (size_t end = at + length; end <= TEXT_SIZE; end++) {
            ck_assert_msg(utf8_valid(text, end) == valid, "at %zu of %zu", at, end);
        }
    }
}

START_TEST(characters_of_each_length_are_valid)
{
    ck_assert(utf8_valid("", 0));
    expect_at_each_place("a", true);
    expect_at_each_place("\x7f", true);
    expect_at_each_place("\xc2\x80", true);
    expect_at_each_place("\xdf\xbf", true);
    expect_at_each_place("\xe0\xa0\x80", true);
    expect_at_each_place("\xed\x9f\xbf", true);
    expect_at_each_place("\xef\xbf\xbf", true);
    expect_at_each_place("\xf0\x90\x80\x80", true);
    expect_at_each_place("\xf4\x8f\xbf\xbf", true);
}
END_TEST

START_TEST(malformed_bytes_are_found)
{
    expect_at_each_place("\x80", false);             /* a later byte alone */
    expect_at_each_place("\xc0\x80", false);         /* overlong */
    expect_at_each_place("\xc1\xbf", false);         /* likewise */
    expect_at_each_place("\xe0\x9f\xbf", false);     /* likewise */
    expect_at_each_place("\xf0\x8f\xbf\xbf", false); /* likewise */
    expect_at_each_place("\xed\xa0\x80", false);     /* a surrogate */
    expect_at_each_place("\xf4\x90\x80\x80", false); /* above U+10FFFF */
    expect_at_each_place("\xff", false);
    expect_at_each_place("\xc3"
                         "a",
                         false);
    expect_at_each_place("\xe2\x82"
                         "a",
                         false);
    expect_at_each_place("\xf0\x9f\x98"
                         "a",
                         false);
}
END_TEST

START_TEST(a_character_that_the_end_cuts_is_malformed)
{
    static const char text[] = "aaaaaaaa\xf0\x9f\x98\x80";
    for (size_t end = 0; end < sizeof text; end++) {
        ck_assert_int_eq(utf8_valid(text, end), end <= 8 || end == sizeof text - 1);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf8");
    TCase *tcase = tcase_create("utf8");
    tcase_add_test(tcase, characters_of_each_length_are_valid);
    tcase_add_test(tcase, malformed_bytes_are_found);
    tcase_add_test(tcase, a_character_that_the_end_cuts_is_malformed);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
