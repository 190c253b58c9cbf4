/*
 * common/base/decimal: the text of a number is that of printf.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/decimal.h"
#include "tests/support/suite.h"

static void expect_text(int64_t number)
{
    char text[DECIMAL_SIZE];
    char expected[DECIMAL_SIZE + 1];
    (void)snprintf(expected, sizeof(expected), "%" PRId64, number);
    size_t length = decimal_format(number, text);
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(length, strlen(expected));
}

START_TEST(each_length_and_sign_has_the_text_of_printf)
{
    expect_text(0);
    expect_text(INT64_MAX);
    expect_text(INT64_MIN);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        for (int64_t near = power - 1; near <= power + 1; near++) {
            expect_text(near);
            expect_text(-near);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decimal");
    TCase *tcase = tcase_create("decimal");
    tcase_add_test(tcase, each_length_and_sign_has_the_text_of_printf);
    suite_add_tcase(suite, tcase);
    return suite_run(suite);
}
