/*
 * Edge cases of JSON: the reader's message for each kind of error, access to values of another type, and unpaired
 * surrogates in every spelling. Also the writer's errors and empty output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "tests/support/suite.h"

enum { MANY = 600 };

static struct json *parse(const char *text)
{
    const char *reason = NULL;
    struct json *root = json_parse(text, strlen(text), &reason);
    ck_assert_msg(root != NULL, "%s: %s", text, reason);
    ck_assert_ptr_null(reason);
    return root;
}

/* --- reading --- */

static const struct {
    const char *text;
    const char *reason;
} refused[] = {
    {"", "malformed JSON"},
    {" ", "malformed JSON"},
    {"{", "malformed JSON"},
    {"nul", "malformed JSON"},
    {"1 2", "malformed JSON"},
    {"\"a\\u0000b\"", "a string contains U+0000"},
    {"{\"a\\u0000\":1}", "a string contains U+0000"},
    {"\"\xed\xa0\x80\"", "a string is not valid UTF-8"},
    {"{\"\xed\xa0\x80\":1}", "a string is not valid UTF-8"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "duplicate member in an object"},
    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "nested too deeply"},
    {"[[[[[[[[[[[[[[[[{\"a\":1}]]]]]]]]]]]]]]]]", "nested too deeply"},
    {"\"\\ud83d\"", "a string contains half a surrogate pair"},
    {"\"\\ude00\"", "a string is not valid UTF-8"},
};

START_TEST(each_error_has_its_message)
{
    const char *reason = NULL;
    ck_assert_ptr_null(json_parse(refused[_i].text, strlen(refused[_i].text), &reason));
    ck_assert_str_eq(reason, refused[_i].reason);
    ck_assert_ptr_null(json_parse(refused[_i].text, strlen(refused[_i].text), NULL));
}
END_TEST

START_TEST(two_objects_can_have_the_same_name)
{
    json_free(parse("{\"a\":{\"a\":1},\"b\":{\"a\":[{\"a\":2},{\"a\":3}]}}"));
}
END_TEST

START_TEST(each_value_has_its_type_name_and_siblings)
{
    struct json *root = parse("{\"n\":null,\"t\":true,\"f\":false,\"i\":12,\"s\":\"xyz\",\"a\":[],\"o\":{}}");
    static const struct {
        const char *name;
        enum json_type type;
        size_t length;
    } members[] = {{"n", JSON_NULL, 0},   {"t", JSON_BOOL, 0},  {"f", JSON_BOOL, 0},  {"i", JSON_NUMBER, 2},
                   {"s", JSON_STRING, 3}, {"a", JSON_ARRAY, 0}, {"o", JSON_OBJECT, 0}};
    const struct json *member = root->child;
    ck_assert_int_eq(root->type, JSON_OBJECT);
    ck_assert(root->name == NULL && root->next == NULL);
    for (size_t i = 0; i < ARRAY_LEN(members); i++, member = member->next) {
        ck_assert_str_eq(member->name, members[i].name);
        ck_assert_int_eq(member->type, members[i].type);
        ck_assert_uint_eq(member->length, members[i].length);
        ck_assert_ptr_null(member->child);
        ck_assert_ptr_eq(json_member(root, members[i].name), member);
        ck_assert_int_eq(member->truth, i == 1);
    }
    ck_assert_ptr_null(member);
    json_free(root);
}
END_TEST

START_TEST(values_after_texts_of_any_length_are_aligned)
{
    struct json *root = parse("[\"\",\"a\",\"bc\",\"def\",\"ghij\",\"klmno\",\"pqrstu\",\"vwxyzab\",1]");
    for (const struct json *value = root->child; value != NULL; value = value->next) {
        ck_assert_uint_eq((uintptr_t)value % _Alignof(struct json), 0);
    }
    json_free(root);
}
END_TEST

START_TEST(elements_of_an_array_have_no_name)
{
    struct json *root = parse("{\"a\":[1,2],\"b\":3}");
    const struct json *array = json_member(root, "a");
    ck_assert_ptr_null(array->child->name);
    ck_assert_ptr_null(array->child->next->name);
    ck_assert_ptr_null(array->child->next->next);
    ck_assert_str_eq(array->next->name, "b");
    json_free(root);
}
END_TEST

/* Needs several blocks of memory, for many values and for one long text. */
START_TEST(a_long_document_keeps_every_text)
{
    static char text[2 + MANY * 40 + 5000 + 8];
    static char longest[5001];
    size_t length = 0;
    memset(longest, 'y', sizeof(longest) - 1);
    for (int i = 0; i < MANY; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%c\"%0*d\"", i == 0 ? '[' : ',', i % 37, i);
    }
    length += (size_t)snprintf(text + length, sizeof(text) - length, ",\"%s\"]", longest);
    struct json *root = json_parse(text, length, NULL);
    ck_assert_ptr_nonnull(root);
    const struct json *value = root->child;
    for (int i = 0; i < MANY; i++, value = value->next) {
        char expected[48];
        (void)snprintf(expected, sizeof(expected), "%0*d", i % 37, i);
        ck_assert_str_eq(value->text, expected);
        ck_assert_uint_eq(value->length, strlen(expected));
    }
    ck_assert_str_eq(value->text, longest);
    json_free(root);
}
END_TEST

START_TEST(an_unpaired_surrogate_is_refused_in_every_spelling)
{
    static const char *const highs[] = {"d8", "d9", "da", "db", "dA", "dB", "D8", "D9", "Da", "Db", "DA", "DB"};
    static const char *const lows[] = {"dc", "dd", "de", "df", "dC", "dD", "dE", "dF",
                                       "Dc", "Dd", "De", "Df", "DC", "DD", "DE", "DF"};
    for (size_t i = 0; i < ARRAY_LEN(highs); i++) {
        for (size_t k = 0; k < ARRAY_LEN(lows); k++) {
            static const struct {
                const char *form; /* 1: high surrogate, 2: low surrogate */
                bool ok;
            } forms[] = {
                {"\"12\"", true},         {"\"1x2\"", false},  {"\"1\"", false},    {"\"2\"", false},
                {"\"21\"", false},        {"\"112\"", false},  {"\"122\"", false},  {"\"1212\"", true},
                {"\"x12x12x\"", true},    {"\"12x1\"", false}, {"\"12x2\"", false}, {"\"\\\\12\"", true},
                {"[\"1\",\"2\"]", false}, {"\"121\"", false},  {"\"\\n1\"", false},
            };
            for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
                char text[64] = "";
                size_t length = 0;
                for (const char *at = forms[f].form; *at != '\0'; at++) {
                    const char *half = *at == '1' ? highs[i] : lows[k];
                    length += (size_t)(*at == '1' || *at == '2'
                                           ? snprintf(text + length, sizeof(text) - length, "\\u%s00", half)
                                           : snprintf(text + length, sizeof(text) - length, "%c", *at));
                }
                struct json *root = json_parse(text, length, NULL);
                ck_assert_msg((root != NULL) == forms[f].ok, "%s", text);
                json_free(root);
            }
        }
    }
}
END_TEST

START_TEST(escaped_backslashes_and_near_values_are_no_surrogates)
{
    json_free(parse("\"\\\\ud800\""));
    json_free(parse("\"\\n\\ud7ff\\ue000\\u0d80\\\\\""));
    json_free(parse("\"\\\\\\\\udc00\""));
}
END_TEST

START_TEST(access_by_the_wrong_type_fails)
{
    struct json *root =
        parse("{\"n\":null,\"t\":true,\"i\":12,\"s\":\"x\",\"u\":\"01000000-0000-0000-0000-000000000000\","
              "\"j\":\"12\"}");
    static const struct uuid one = {{1}};
    const char *text = "kept";
    int64_t number = 7;
    bool truth = true;
    struct uuid id = {{2}};
    ck_assert(!json_get_text(root, "i", &text) && !json_get_text(root, "absent", &text));
    ck_assert_str_eq(text, "kept");
    ck_assert(!json_get_int(root, "j", 0, 99, &number) && !json_get_int(root, "absent", 0, 99, &number));
    ck_assert(!json_get_int(root, "t", 0, 99, &number) && !json_get_int(root, "n", 0, 99, &number));
    ck_assert(!json_get_bool(root, "i", &truth) && !json_get_bool(root, "absent", &truth) && truth);
    ck_assert(!json_get_uuid(root, "s", &id) && !json_get_uuid(root, "i", &id) && !json_get_uuid(root, "absent", &id));
    ck_assert(json_get_uuid(root, "u", &id) && uuid_equal(&id, &one));
    ck_assert(json_get_int(root, "i", 12, 12, &number));
    ck_assert_int_eq(number, 12);
    ck_assert_ptr_null(json_member(NULL, "i"));
    ck_assert_ptr_null(json_member(json_member(root, "s"), "i"));
    ck_assert(!json_int(NULL, 0, 1, &number));
    json_free(root);
    json_free(NULL);
}
END_TEST

static const struct {
    const char *text;
    bool ok;
    int64_t value;
} integers[] = {
    {"0", true, 0},
    {"-0", true, 0},
    {"-1", true, -1},
    {"10", true, 10},
    {"1234567890123456789", true, INT64_C(1234567890123456789)},
    {"9223372036854775807", true, INT64_MAX},
    {"9223372036854775808", false, 0},
    {"9223372036854775809", false, 0},
    {"-9223372036854775808", true, INT64_MIN},
    {"-9223372036854775809", false, 0},
    {"92233720368547758070", false, 0},
    {"-10000000000000000000", false, 0},
    {"100000000000000000000", false, 0},
    {"1.5", false, 0},
    {"1e5", false, 0},
    {"1E5", false, 0},
    {"-1.0", false, 0},
};

START_TEST(only_a_plain_64_bit_integer_is_read_as_integer)
{
    struct json *root = parse(integers[_i].text);
    int64_t value = 0;
    ck_assert_msg(json_int(root, INT64_MIN, INT64_MAX, &value) == integers[_i].ok, "%s", integers[_i].text);
    if (integers[_i].ok) {
        ck_assert_int_eq(value, integers[_i].value);
        ck_assert(json_int(root, value, value, &value));
        ck_assert(value == INT64_MAX || !json_int(root, value + 1, INT64_MAX, &value));
        ck_assert(value == INT64_MIN || !json_int(root, INT64_MIN, value - 1, &value));
    }
    json_free(root);
}
END_TEST

/* Numbers that no parser makes; their length decides. */
START_TEST(a_number_without_digits_is_no_integer)
{
    static const char *const texts[] = {"", "/", ":", "1/", "1:", "000000000000000000001"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct json value = {.type = JSON_NUMBER, .text = texts[i], .length = strlen(texts[i])};
        int64_t number = 0;
        ck_assert_msg(!json_int(&value, INT64_MIN, INT64_MAX, &number), "%s", texts[i]);
    }
    struct json longest = {.type = JSON_NUMBER, .text = "00000000000000000001", .length = 20};
    int64_t number = 0;
    ck_assert(json_int(&longest, 0, 1, &number));
}
END_TEST

/* --- writing --- */

static struct jsonw *writer;

static void set_up(void)
{
    writer = jsonw_new();
    ck_assert_ptr_nonnull(writer);
}

static void tear_down(void)
{
    jsonw_free(writer);
    jsonw_free(NULL);
}

static void expect_text(const char *expected)
{
    size_t length = 0;
    const char *text = jsonw_text(writer, &length);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(length, strlen(expected));
    jsonw_reset(writer);
}

START_TEST(every_value_is_written)
{
    static const struct uuid id = {{1}};
    jsonw_object(writer);
    jsonw_put_bool(writer, "b", false);
    jsonw_put_int(writer, "i", -12);
    jsonw_put_string(writer, "s", "x");
    jsonw_put_string(writer, "n", NULL);
    jsonw_put_uuid(writer, "u", &id);
    jsonw_put_uuid(writer, "v", NULL);
    jsonw_put_money(writer, "m", 105);
    jsonw_put_time(writer, "t", 1);
    jsonw_put_null(writer, "z");
    jsonw_end_object(writer);
    expect_text(
        "{\"b\":false,\"i\":-12,\"s\":\"x\",\"n\":null,\"u\":\"01000000-0000-0000-0000-000000000000\",\"v\":null,"
        "\"m\":1.05,\"t\":\"1970-01-01T00:00:00.001Z\",\"z\":null}");
    jsonw_string_n(writer, "abc", 2);
    expect_text("\"ab\"");
    jsonw_raw(writer, "[1,2]", 4);
    expect_text("[1,2");
    jsonw_string(writer, NULL);
    expect_text("null");
    jsonw_bool(writer, true);
    expect_text("true");
}
END_TEST

START_TEST(an_empty_writer_has_no_text)
{
    size_t length = 7;
    ck_assert_ptr_null(jsonw_text(writer, &length));
    ck_assert_uint_eq(length, 7);
}
END_TEST

START_TEST(an_open_document_has_no_text)
{
    jsonw_array(writer);
    jsonw_object(writer);
    ck_assert_ptr_null(jsonw_text(writer, NULL));
    jsonw_end_object(writer);
    ck_assert_ptr_null(jsonw_text(writer, NULL));
    jsonw_end_array(writer);
    expect_text("[{}]");
}
END_TEST

START_TEST(an_error_is_kept_until_the_next_document)
{
    jsonw_array(writer);
    jsonw_string(writer, "\xff");
    jsonw_string(writer, "good");
    jsonw_end_array(writer);
    ck_assert_ptr_null(jsonw_text(writer, NULL));
    jsonw_reset(writer);
    jsonw_array(writer);
    jsonw_reset(writer);
    jsonw_string(writer, "good");
    expect_text("\"good\"");
}
END_TEST

START_TEST(each_wrong_step_is_an_error)
{
    for (int step = 0; step < 8; step++) {
        jsonw_object(writer);
        switch (step) { /* a value in the place of a name, or an end without a beginning */
        case 0:
            jsonw_object(writer);
            jsonw_end_object(writer);
            break;
        case 1:
            jsonw_array(writer);
            jsonw_end_array(writer);
            break;
        case 2:
            jsonw_null(writer);
            break;
        case 3:
            jsonw_bool(writer, true);
            break;
        case 4:
            jsonw_int(writer, 1);
            break;
        case 5:
            jsonw_money(writer, 1);
            break;
        case 6:
            jsonw_raw(writer, "1", 1);
            break;
        case 7:
            jsonw_uuid(writer, NULL);
            break;
        default:
            break;
        }
        jsonw_end_object(writer);
        ck_assert_msg(jsonw_text(writer, NULL) == NULL, "step %d", step);
        jsonw_reset(writer);
    }
}
END_TEST

START_TEST(a_parsed_tree_is_written_unchanged)
{
    static const char text[] = "{\"a\":[null,true,false,12.50,\"x\\ty\",[],{}],\"b\":{\"c\":[{\"d\":1}]}}";
    struct json *root = parse(text);
    jsonw_value(writer, root);
    expect_text(text);
    json_free(root);
}
END_TEST

static Suite *json_edge_suite(void)
{
    Suite *suite = suite_create("json_edge");
    TCase *reading = tcase_create("reading");
    TCase *writing = tcase_create("writing");
    tcase_add_loop_test(reading, each_error_has_its_message, 0, (int)ARRAY_LEN(refused));
    tcase_add_test(reading, two_objects_can_have_the_same_name);
    tcase_add_test(reading, each_value_has_its_type_name_and_siblings);
    tcase_add_test(reading, values_after_texts_of_any_length_are_aligned);
    tcase_add_test(reading, elements_of_an_array_have_no_name);
    tcase_add_test(reading, a_long_document_keeps_every_text);
    tcase_add_test(reading, an_unpaired_surrogate_is_refused_in_every_spelling);
    tcase_add_test(reading, escaped_backslashes_and_near_values_are_no_surrogates);
    tcase_add_test(reading, access_by_the_wrong_type_fails);
    tcase_add_loop_test(reading, only_a_plain_64_bit_integer_is_read_as_integer, 0, (int)ARRAY_LEN(integers));
    tcase_add_test(reading, a_number_without_digits_is_no_integer);
    suite_add_tcase(suite, reading);
    tcase_add_checked_fixture(writing, set_up, tear_down);
    tcase_add_test(writing, every_value_is_written);
    tcase_add_test(writing, an_empty_writer_has_no_text);
    tcase_add_test(writing, an_open_document_has_no_text);
    tcase_add_test(writing, an_error_is_kept_until_the_next_document);
    tcase_add_test(writing, each_wrong_step_is_an_error);
    tcase_add_test(writing, a_parsed_tree_is_written_unchanged);
    suite_add_tcase(suite, writing);
    return suite;
}

int main(void)
{
    return suite_run(json_edge_suite());
}
