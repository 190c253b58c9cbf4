/*
 * See json.h: the writer. yajl's generator adds commas and escapes and refuses calls that would not result in valid
 * JSON. The first refusal is kept in `failed`.
 */
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/json.h"
#include "common/base/money.h"

struct jsonw {
    yajl_gen generator;
    size_t open; /* open arrays and objects */
    bool failed;
};

struct jsonw *jsonw_new(void)
{
    struct jsonw *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return NULL;
    }
    writer->generator = yajl_gen_alloc(NULL);
    if (writer->generator == NULL) {
        free(writer);
        return NULL;
    }
    /* All input was checked as UTF-8 when it was received. Invalid text here is a programming error. */
    yajl_gen_config(writer->generator, yajl_gen_validate_utf8, 1);
    return writer;
}

void jsonw_free(struct jsonw *writer)
{
    if (writer != NULL) {
        yajl_gen_free(writer->generator);
        free(writer);
    }
}

void jsonw_reset(struct jsonw *writer)
{
    yajl_gen_clear(writer->generator);
    yajl_gen_reset(writer->generator, NULL);
    writer->open = 0;
    writer->failed = false;
}

const char *jsonw_text(struct jsonw *writer, size_t *length)
{
    const unsigned char *bytes = NULL;
    size_t count = 0;
    if (writer->failed || writer->open > 0 ||
        yajl_gen_get_buf(writer->generator, &bytes, &count) != yajl_gen_status_ok || count == 0) {
        return NULL;
    }
    if (length != NULL) {
        *length = count;
    }
    return (const char *)bytes;
}

static void keep_error(struct jsonw *writer, yajl_gen_status status)
{
    if (status != yajl_gen_status_ok) {
        writer->failed = true;
    }
}

void jsonw_object(struct jsonw *writer)
{
    keep_error(writer, yajl_gen_map_open(writer->generator));
    writer->open++;
}

void jsonw_end_object(struct jsonw *writer)
{
    keep_error(writer, yajl_gen_map_close(writer->generator));
    writer->open--;
}

void jsonw_array(struct jsonw *writer)
{
    keep_error(writer, yajl_gen_array_open(writer->generator));
    writer->open++;
}

void jsonw_end_array(struct jsonw *writer)
{
    keep_error(writer, yajl_gen_array_close(writer->generator));
    writer->open--;
}

void jsonw_name(struct jsonw *writer, const char *name)
{
    jsonw_string(writer, name);
}

void jsonw_null(struct jsonw *writer)
{
    keep_error(writer, yajl_gen_null(writer->generator));
}

void jsonw_bool(struct jsonw *writer, bool value)
{
    keep_error(writer, yajl_gen_bool(writer->generator, value));
}

void jsonw_int(struct jsonw *writer, int64_t value)
{
    char text[DECIMAL_SIZE];
    size_t length = decimal_format(value, text);
    keep_error(writer, yajl_gen_number(writer->generator, text, length));
}

void jsonw_string(struct jsonw *writer, const char *text)
{
    if (text == NULL) {
        jsonw_null(writer);
    } else {
        jsonw_string_n(writer, text, strlen(text));
    }
}

void jsonw_string_n(struct jsonw *writer, const char *text, size_t length)
{
    keep_error(writer, yajl_gen_string(writer->generator, (const unsigned char *)text, length));
}

/*
 * Writes a string that needs no check of its UTF-8 and no escape, which take longer than all else. The first byte is
 * free and the last one is the NUL: both become quotation marks.
 */
static void write_plain(struct jsonw *writer, char *text, size_t size)
{
    text[0] = '"';
    text[size - 1] = '"';
    jsonw_raw(writer, text, size);
}

void jsonw_uuid(struct jsonw *writer, const struct uuid *id)
{
    if (id == NULL) {
        jsonw_null(writer);
        return;
    }
    char text[1 + UUID_TEXT_SIZE];
    uuid_format(id, text + 1);
    write_plain(writer, text, sizeof text);
}

void jsonw_money(struct jsonw *writer, int64_t minor)
{
    char text[MONEY_TEXT_SIZE];
    money_format(minor, text);
    keep_error(writer, yajl_gen_number(writer->generator, text, strlen(text)));
}

void jsonw_time(struct jsonw *writer, int64_t ms)
{
    char text[1 + CLOCK_TEXT_SIZE];
    clock_format(ms, text + 1);
    write_plain(writer, text, sizeof text);
}

void jsonw_raw(struct jsonw *writer, const char *json, size_t length)
{
    /* yajl writes the text of a "number" without changes. */
    keep_error(writer, yajl_gen_number(writer->generator, json, length));
}

static void write_children(struct jsonw *writer, const struct json *value)
{
    for (const struct json *child = value->child; child != NULL; child = child->next) {
        if (child->name != NULL) {
            jsonw_name(writer, child->name);
        }
        jsonw_value(writer, child);
    }
}

void jsonw_value(struct jsonw *writer, const struct json *value)
{
    switch (value->type) {
    case JSON_NULL:
        jsonw_null(writer);
        break;
    case JSON_BOOL:
        jsonw_bool(writer, value->truth);
        break;
    case JSON_NUMBER:
        jsonw_raw(writer, value->text, value->length);
        break;
    case JSON_STRING:
        jsonw_string_n(writer, value->text, value->length);
        break;
    case JSON_ARRAY:
        jsonw_array(writer);
        write_children(writer, value);
        jsonw_end_array(writer);
        break;
    case JSON_OBJECT:
        jsonw_object(writer);
        write_children(writer, value);
        jsonw_end_object(writer);
        break;
    }
}

void jsonw_put_bool(struct jsonw *writer, const char *name, bool value)
{
    jsonw_name(writer, name);
    jsonw_bool(writer, value);
}

void jsonw_put_int(struct jsonw *writer, const char *name, int64_t value)
{
    jsonw_name(writer, name);
    jsonw_int(writer, value);
}

void jsonw_put_string(struct jsonw *writer, const char *name, const char *text)
{
    jsonw_name(writer, name);
    jsonw_string(writer, text);
}

void jsonw_put_uuid(struct jsonw *writer, const char *name, const struct uuid *id)
{
    jsonw_name(writer, name);
    jsonw_uuid(writer, id);
}

void jsonw_put_money(struct jsonw *writer, const char *name, int64_t minor)
{
    jsonw_name(writer, name);
    jsonw_money(writer, minor);
}

void jsonw_put_time(struct jsonw *writer, const char *name, int64_t ms)
{
    jsonw_name(writer, name);
    jsonw_time(writer, ms);
}

void jsonw_put_null(struct jsonw *writer, const char *name)
{
    jsonw_name(writer, name);
    jsonw_null(writer);
}
