/*
 * JSON: the strictness of the reader, and the output of the writer.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "tests/support/suite.h"

static struct json *parse(const char *text)
{
    return json_parse(text, strlen(text), NULL);
}

START_TEST(a_document_is_read)
{
    struct json *root =
        parse(" {\"amount\": 55.00, \"list\": [1, -2, {\"x\": null}], \"yes\": true, \"text\": \"a\\u00e9\\\"\"} ");
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(json_member(root, "amount")->text, "55.00");
    const struct json *list = json_member(root, "list");
    int64_t number = 0;
    ck_assert(json_int(list->child, 0, 10, &number));
    ck_assert_int_eq(number, 1);
    ck_assert(json_int(list->child->next, -10, 10, &number));
    ck_assert_int_eq(number, -2);
    ck_assert_int_eq(json_member(list->child->next->next, "x")->type, JSON_NULL);
    bool yes = false;
    ck_assert(json_get_bool(root, "yes", &yes) && yes);
    const char *text = NULL;
    ck_assert(json_get_text(root, "text", &text));
    ck_assert_str_eq(text, "a\xc3\xa9\"");
    ck_assert_ptr_null(json_member(root, "nothing"));
    ck_assert_ptr_null(json_member(list, "amount"));
    json_free(root);
}
END_TEST

static const char *const no_json[] = {
    "",
    "{",
    "{\"a\":1,}",
    "{a:1}",
    "[1 2]",
    "{} {}",
    "nul",
    "\"\xff\"",
    "\"a\\u0000\"",
    "{\"a\":1,\"a\":2}",
    "01",
    "'a'",
    "[1]x",
    "/* c */ 1",
    "\"\n\"",
    "\"\xc0\xaf\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "{\"\xe2\x82\":1}",
    "\"\\ud800\"",
    "\"\\uDC00\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud83d\\ud83d\\ude00\"",
};

START_TEST(invalid_json_is_refused)
{
    const char *reason = NULL;
    ck_assert_msg(json_parse(no_json[_i], strlen(no_json[_i]), &reason) == NULL, "%s", no_json[_i]);
    ck_assert_ptr_nonnull(reason);
}
END_TEST

START_TEST(a_surrogate_pair_is_one_character)
{
    struct json *root = parse("\"\\\\ud800 \\uD83D\\uDE00\\uFB01\"");
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(root->text, "\\ud800 \xf0\x9f\x98\x80\xef\xac\x81");
    json_free(root);
}
END_TEST

START_TEST(depth_is_bounded)
{
    char deep[2 * JSON_DEPTH_MAX + 2];
    memset(deep, '[', JSON_DEPTH_MAX);
    memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    struct json *root = json_parse(deep, 2 * (size_t)JSON_DEPTH_MAX, NULL);
    ck_assert_ptr_nonnull(root);
    json_free(root);
    memset(deep, '[', JSON_DEPTH_MAX + 1);
    memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    ck_assert_ptr_null(json_parse(deep, 2 * (size_t)JSON_DEPTH_MAX + 2, NULL));
}
END_TEST

START_TEST(the_number_of_values_is_bounded)
{
    size_t length = 2 * (size_t)JSON_NODES_MAX + 3;
    char *wide = malloc(length);
    ck_assert_ptr_nonnull(wide);
    for (size_t i = 0; i < length; i++) {
        wide[i] = i % 2 == 0 ? ',' : '1';
    }
    wide[0] = '[';
    wide[length - 1] = ']';
    const char *reason = NULL;
    ck_assert_ptr_null(json_parse(wide, length, &reason));
    ck_assert_str_eq(reason, "too many values");
    wide[length - 5] = ']'; /* two values fewer: the array and the JSON_NODES_MAX - 1 values in it */
    struct json *root = json_parse(wide, length - 4, &reason);
    ck_assert_ptr_nonnull(root);
    json_free(root);
    free(wide);
}
END_TEST

START_TEST(one_value_too_many_of_any_type_is_refused)
{
    static const char *const values[] = {"null", "true", "1", "\"x\"", "[]", "{}"};
    size_t room = (size_t)5 * JSON_NODES_MAX + 2;
    char *text = malloc(room);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        size_t length = 0;
        for (int k = 0; k < JSON_NODES_MAX; k++) {
            length += (size_t)snprintf(text + length, room - length, "%c%s", k == 0 ? '[' : ',', values[i]);
        }
        text[length++] = ']';
        const char *reason = NULL;
        ck_assert_ptr_null(json_parse(text, length, &reason));
        ck_assert_str_eq(reason, "too many values");
    }
    free(text);
}
END_TEST

START_TEST(integers_are_bounded)
{
    struct json *root = parse("[9223372036854775807, -9223372036854775808, 9223372036854775808, 1.0, 1e2, 5]");
    int64_t number = 0;
    const struct json *value = root->child;
    ck_assert(json_int(value, 0, INT64_MAX, &number) && number == INT64_MAX);
    value = value->next;
    ck_assert(json_int(value, INT64_MIN, 0, &number) && number == INT64_MIN);
    for (int i = 0; i < 3; i++) {
        value = value->next;
        ck_assert(!json_int(value, INT64_MIN, INT64_MAX, &number));
    }
    ck_assert(!json_int(value->next, 6, 10, &number));
    json_free(root);
}
END_TEST

START_TEST(a_document_is_written)
{
    struct jsonw *writer = jsonw_new();
    struct uuid id = {{0}};
    jsonw_object(writer);
    jsonw_put_money(writer, "amount", 5507);
    jsonw_put_string(writer, "text", "a\"b\n");
    jsonw_put_uuid(writer, "id", &id);
    jsonw_put_time(writer, "at", 0);
    jsonw_put_null(writer, "none");
    jsonw_name(writer, "list");
    jsonw_array(writer);
    jsonw_int(writer, INT64_MIN);
    jsonw_bool(writer, true);
    jsonw_raw(writer, "{\"b\": 1}", 8);
    jsonw_end_array(writer);
    jsonw_end_object(writer);
    ck_assert_str_eq(jsonw_text(writer, NULL),
                     "{\"amount\":55.07,\"text\":\"a\\\"b\\n\",\"id\":\"00000000-0000-0000-0000-000000000000\","
                     "\"at\":\"1970-01-01T00:00:00.000Z\",\"none\":null,"
                     "\"list\":[-9223372036854775808,true,{\"b\": 1}]}");
    jsonw_reset(writer);
    jsonw_array(writer);
    jsonw_end_array(writer);
    ck_assert_str_eq(jsonw_text(writer, NULL), "[]");
    jsonw_free(writer);
}
END_TEST

START_TEST(incomplete_and_invalid_writing_is_an_error)
{
    struct jsonw *writer = jsonw_new();
    ck_assert_ptr_null(jsonw_text(writer, NULL));
    jsonw_object(writer);
    ck_assert_ptr_null(jsonw_text(writer, NULL));
    jsonw_int(writer, 1); /* in the place of a name */
    jsonw_end_object(writer);
    ck_assert_ptr_null(jsonw_text(writer, NULL));
    jsonw_reset(writer);
    jsonw_string(writer, "\xff");
    ck_assert_ptr_null(jsonw_text(writer, NULL));
    jsonw_free(writer);
}
END_TEST

START_TEST(a_parsed_value_is_written_unchanged)
{
    const char *text = "{\"a\":[1,2.50,{\"b\":null}],\"c\":\"\\u001F\",\"d\":false}";
    struct json *root = parse(text);
    struct jsonw *writer = jsonw_new();
    jsonw_value(writer, root);
    ck_assert_str_eq(jsonw_text(writer, NULL), text);
    jsonw_free(writer);
    json_free(root);
}
END_TEST

static Suite *json_suite(void)
{
    Suite *suite = suite_create("json");
    TCase *cases = tcase_create("json");
    tcase_add_test(cases, a_document_is_read);
    tcase_add_loop_test(cases, invalid_json_is_refused, 0, (int)ARRAY_LEN(no_json));
    tcase_add_test(cases, a_surrogate_pair_is_one_character);
    tcase_add_test(cases, depth_is_bounded);
    tcase_add_test(cases, the_number_of_values_is_bounded);
    tcase_add_test(cases, one_value_too_many_of_any_type_is_refused);
    tcase_add_test(cases, integers_are_bounded);
    tcase_add_test(cases, a_document_is_written);
    tcase_add_test(cases, incomplete_and_invalid_writing_is_an_error);
    tcase_add_test(cases, a_parsed_value_is_written_unchanged);
    suite_add_tcase(suite, cases);
    return suite;
}

int main(void)
{
    return suite_run(json_suite());
}
