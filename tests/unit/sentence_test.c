/*
 * gateway/http/sentence, errors and field_errors: sentences of errors from codes and parameters. Each code has a
 * sentence whose parameters are all known.
 */
#include "common/base/clock.h"
#include "common/base/json.h"
#include "gateway/http/errors.h"
#include "gateway/http/field_errors.h"
#include "tests/support/suite.h"

#include <string.h>

#define LONG_NAME "0123456789012345678901234567890123456789012345678901234567890123456789"

static char out[SENTENCE_SIZE];

static const char *sentence(enum error_code code, const struct parameter *parameters, size_t count)
{
    return errors_sentence(code, parameters, count, out);
}

START_TEST(an_error_has_its_numbers_in_its_sentence)
{
    const struct parameter first[] = {parameter_money("minimumBid", 5100), parameter_money("currentBid", 5000)};
    ck_assert_str_eq(sentence(ERROR_BID_TOO_LOW, first, 2), "The bid must be at least 51.00; the current bid is 50.00");
    const struct parameter none[] = {parameter_money("minimumBid", 5100), parameter_null("currentBid")};
    ck_assert_str_eq(sentence(ERROR_BID_TOO_LOW, none, 2), "The bid must be at least 51.00; there is no bid yet");
    const struct parameter end = parameter_time("endTime", 0);
    ck_assert_str_eq(sentence(ERROR_AUCTION_ENDED, &end, 1), "The auction ended at 1970-01-01T00:00:00.000Z");
    const struct parameter rate[] = {parameter_number("retryAfter", 45), parameter_number("limit", 10),
                                     parameter_word("window", "minute")};
    ck_assert_str_eq(sentence(ERROR_RATE_LIMITED, rate, 3), "At most 10 per minute; try again in 45 s");
    ck_assert_str_eq(sentence(ERROR_RATE_LIMITED, rate, 1), "Too many requests at once; try again in 45 s");
}
END_TEST

START_TEST(an_error_without_parameters_has_its_message)
{
    ck_assert_str_eq(sentence(ERROR_AUCTION_ENDED, NULL, 0), errors_entry(ERROR_AUCTION_ENDED)->message);
    const struct parameter other = parameter_number("other", 1);
    ck_assert_str_eq(sentence(ERROR_AUCTION_ENDED, &other, 1), errors_entry(ERROR_AUCTION_ENDED)->message);
}
END_TEST

START_TEST(an_error_without_a_request_says_when_to_try_again)
{
    char raw[ERRORS_RAW_SIZE];
    const struct answer_headers headers = {0};
    (void)errors_raw(ERROR_RATE_LIMITED, 0, &headers, raw);
    ck_assert_ptr_nonnull(strstr(raw, "\"message\":\"Too many requests at once; try again in 1 s\""));
    ck_assert_ptr_nonnull(strstr(raw, "\"retryAfter\":1}"));
    (void)errors_raw(ERROR_UNAVAILABLE, 0, &headers, raw);
    ck_assert_ptr_null(strstr(raw, "retryAfter"));
}
END_TEST

START_TEST(an_error_without_a_request_names_its_bound)
{
    char raw[ERRORS_RAW_SIZE];
    const struct answer_headers headers = {0};
    (void)errors_raw(ERROR_BODY_TOO_LARGE, 65536, &headers, raw);
    ck_assert_ptr_nonnull(strstr(raw, "\"message\":\"The body must have at most 65536 bytes\""));
    ck_assert_ptr_nonnull(strstr(raw, "\"max\":65536}"));
    (void)errors_raw(ERROR_BAD_REQUEST, 0, &headers, raw);
    ck_assert_ptr_null(strstr(raw, "max"));
}
END_TEST

START_TEST(a_sentence_without_its_parameter_is_not_written)
{
    const struct parameter max = parameter_number("max", 1);
    ck_assert(!sentence_write("from {min} to {max}", &max, 1, out));
    ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(a_long_sentence_is_cut_between_characters)
{
    char long_word[2 * SENTENCE_SIZE] = "";
    for (size_t i = 0; i + 3 < sizeof(long_word); i += 2) {
        memcpy(long_word + i, "\xc3\xa9", 3);
    }
    const struct parameter detail = parameter_word("detail", long_word);
    ck_assert(sentence_write("{detail}", &detail, 1, out));
    ck_assert_uint_eq(strlen(out), SENTENCE_SIZE - 2); /* 127 characters of two bytes */
}
END_TEST

START_TEST(field_errors_have_code_message_and_parameters)
{
    struct field_errors field_errors = {.count = 0};
    struct jsonw *json = jsonw_new();
    size_t length = 0;
    ck_assert_ptr_nonnull(json);
    field_errors_add(&field_errors, "email", FIELD_REQUIRED);
    field_errors_add_one(&field_errors, "status", FIELD_UNKNOWN_VALUE, parameter_words("allowed", "sold unsold"));
    field_errors_add_two(&field_errors, "reservePrice", FIELD_BELOW_OTHER, parameter_money("min", 1050),
                         parameter_word("other", "startingPrice"));
    jsonw_object(json);
    field_errors_put(json, &field_errors);
    jsonw_end_object(json);
    ck_assert_str_eq(jsonw_text(json, &length),
                     "{\"fields\":[{\"field\":\"email\",\"code\":\"REQUIRED\",\"message\":\"is required\"},"
                     "{\"field\":\"status\",\"code\":\"UNKNOWN_VALUE\",\"message\":\"must be one of: sold, unsold\","
                     "\"allowed\":[\"sold\",\"unsold\"]},"
                     "{\"field\":\"reservePrice\",\"code\":\"BELOW_OTHER\",\"message\":"
                     "\"must be at least 10.50, which is startingPrice\",\"min\":10.50,\"other\":\"startingPrice\"}]}");
    jsonw_free(json);
}
END_TEST

START_TEST(field_errors_are_bounded)
{
    struct field_errors field_errors = {.count = 0};
    for (int i = 0; i <= FIELD_ERRORS_MAX; i++) {
        field_errors_add(&field_errors, LONG_NAME, FIELD_REQUIRED);
    }
    ck_assert_uint_eq(field_errors.count, FIELD_ERRORS_MAX);
    ck_assert_uint_eq(strlen(field_errors.list[0].field), FIELD_NAME_SIZE - 1);
    field_errors.count = 0;
    field_errors_add(&field_errors, "\xc3\xa9" LONG_NAME, FIELD_REQUIRED);
    field_errors_add(&field_errors, "01234567890123456789012345678901234567890123456789012345678901\xc3\xa9",
                     FIELD_REQUIRED);
    ck_assert_uint_eq(strlen(field_errors.list[0].field), FIELD_NAME_SIZE - 1);
    ck_assert_uint_eq(strlen(field_errors.list[1].field), FIELD_NAME_SIZE - 2);
}
END_TEST

static Suite *sentence_suite(void)
{
    Suite *suite = suite_create("sentence");
    TCase *tcase = tcase_create("sentence");
    tcase_add_test(tcase, an_error_has_its_numbers_in_its_sentence);
    tcase_add_test(tcase, an_error_without_parameters_has_its_message);
    tcase_add_test(tcase, an_error_without_a_request_says_when_to_try_again);
    tcase_add_test(tcase, an_error_without_a_request_names_its_bound);
    tcase_add_test(tcase, a_sentence_without_its_parameter_is_not_written);
    tcase_add_test(tcase, a_long_sentence_is_cut_between_characters);
    tcase_add_test(tcase, field_errors_have_code_message_and_parameters);
    tcase_add_test(tcase, field_errors_are_bounded);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(sentence_suite());
}
