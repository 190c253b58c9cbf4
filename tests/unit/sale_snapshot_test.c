/*
 * The text of a flash sale's snapshot: it is read as it was written, and any other text is refused.
 */
#include "common/protocol/sale_snapshot.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

static const struct sale_snapshot sample = {
    .version = 12,
    .head_seq = 345,
    .sale =
        {
            .terms =
                {
                    .price = 999999999999,
                    .quantity = 1000000,
                    .per_user_limit = 2,
                    .join_ms = 1795000000000,
                    .start_ms = 1795000900000,
                    .end_ms = 1795000960000,
                    .turn_ms = 120000,
                    .reservation_ms = 300000,
                    .payment = SALE_PAYMENT_CALLBACK,
                },
            .status = SALE_SOLD_OUT,
            .claimed = 3,
            .reserved = 4,
            .sold = 5,
            .waiting = 6,
            .ledger_seq = 400,
            .decided_ms = 1795000950000,
        },
};

#define NUMBERS                                                                                                        \
    "12 345 999999999999 1000000 2 1795000000000 1795000900000 1795000960000 120000 300000 3 4 5 6 400 1795000950000"

START_TEST(a_snapshot_has_this_text)
{
    char text[SALE_SNAPSHOT_TEXT_SIZE];
    sale_snapshot_format(&sample, text);
    ck_assert_str_eq(text, NUMBERS " sold_out callback");
}
END_TEST

START_TEST(a_snapshot_is_read_as_written)
{
    char text[SALE_SNAPSHOT_TEXT_SIZE];
    char again[SALE_SNAPSHOT_TEXT_SIZE];
    struct sale_snapshot read = {.version = 0};
    sale_snapshot_format(&sample, text);
    ck_assert(sale_snapshot_parse(text, strlen(text), &read));
    sale_snapshot_format(&read, again);
    ck_assert_str_eq(again, text);
    ck_assert_int_eq(read.version, 12);
    ck_assert_int_eq(read.head_seq, 345);
    ck_assert_int_eq(read.sale.terms.turn_ms, 120000);
    ck_assert_int_eq(read.sale.decided_ms, 1795000950000);
    ck_assert_int_eq(sale_free(&read.sale), 999988);
}
END_TEST

START_TEST(the_longest_snapshot_fits)
{
    static const char text[] =
        "999999999999999999 999999999999999999 999999999999999999 999999999999999999 999999999999999999 "
        "999999999999999999 999999999999999999 999999999999999999 999999999999999999 999999999999999999 "
        "999999999999999999 999999999999999999 999999999999999999 999999999999999999 999999999999999999 "
        "999999999999999999 cancelled callback";
    char again[SALE_SNAPSHOT_TEXT_SIZE];
    struct sale_snapshot read = {.version = 0};
    ck_assert(sale_snapshot_parse(text, strlen(text), &read));
    sale_snapshot_format(&read, again);
    ck_assert_str_eq(again, text);
}
END_TEST

START_TEST(a_truncated_snapshot_is_refused)
{
    char text[SALE_SNAPSHOT_TEXT_SIZE];
    sale_snapshot_format(&sample, text);
    for (size_t length = 0; length < strlen(text); length++) {
        char *part = malloc(length + 1); /* an exact allocation, so that a sanitizer detects a read past the end */
        struct sale_snapshot read;
        ck_assert_ptr_nonnull(part);
        memcpy(part, text, length);
        ck_assert_msg(!sale_snapshot_parse(part, length, &read), "%zu bytes", length);
        free(part);
    }
}
END_TEST

START_TEST(other_texts_are_refused)
{
    static const char *const texts[] = {
        NUMBERS " sold callback",
        NUMBERS " sold_out credit",
        NUMBERS " callback sold_out",
        NUMBERS " sold_out callback more",
        NUMBERS " 7 sold_out callback",
        NUMBERS " sixteen_letters_ callback",
        NUMBERS " sold_out sixteen_letters_",
        "-" NUMBERS " sold_out callback",
        " " NUMBERS " sold_out callback",
        "0000000" NUMBERS "0000000 sold_out callback",
        "12 "
        "345 sold_out callback",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sale_snapshot read;
        ck_assert_msg(!sale_snapshot_parse(texts[i], strlen(texts[i]), &read), "%s", texts[i]);
    }
}
END_TEST

START_TEST(every_status_and_payment_is_read)
{
    for (size_t i = 0; i < SALE_STATUS_COUNT * (size_t)SALE_PAYMENT_COUNT; i++) {
        char text[SALE_SNAPSHOT_TEXT_SIZE];
        struct sale_snapshot sent = sample;
        struct sale_snapshot read;
        sent.sale.status = (enum sale_status)(i / SALE_PAYMENT_COUNT);
        sent.sale.terms.payment = (enum sale_payment)(i % SALE_PAYMENT_COUNT);
        sale_snapshot_format(&sent, text);
        ck_assert(sale_snapshot_parse(text, strlen(text), &read));
        ck_assert_int_eq(read.sale.status, sent.sale.status);
        ck_assert_int_eq(read.sale.terms.payment, sent.sale.terms.payment);
    }
}
END_TEST

static Suite *sale_snapshot_suite(void)
{
    Suite *suite = suite_create("sale_snapshot");
    TCase *tcase = tcase_create("sale_snapshot");
    tcase_add_test(tcase, a_snapshot_has_this_text);
    tcase_add_test(tcase, a_snapshot_is_read_as_written);
    tcase_add_test(tcase, the_longest_snapshot_fits);
    tcase_add_test(tcase, a_truncated_snapshot_is_refused);
    tcase_add_test(tcase, other_texts_are_refused);
    tcase_add_test(tcase, every_status_and_payment_is_read);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(sale_snapshot_suite());
}
