/*
 * Validation of the members of a JSON body; see fields.h.
 */
#include "gateway/http/fields.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/money.h"

void fields_known(const struct json *object, const char *const *names, struct field_errors *field_errors)
{
    for (const struct json *member = object->child; member != NULL; member = member->next) {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], member->name) != 0) {
            i++;
        }
        if (names[i] == NULL) {
            field_errors_add(field_errors, member->name, FIELD_UNKNOWN_FIELD);
        }
    }
}

/* Finds a member and adds a field error if it is required and absent. An explicit null counts as absent. */
static const struct json *find(const struct json *object, const char *name, enum fields_need need,
                               struct field_errors *field_errors)
{
    const struct json *value = json_member(object, name);
    if (value != NULL && value->type == JSON_NULL) {
        value = NULL;
    }
    if (value == NULL && need == FIELDS_REQUIRED) {
        field_errors_add(field_errors, name, FIELD_REQUIRED);
    }
    return value;
}

/* Counts the characters of a string, which is valid UTF-8. False if it has a control character not in `allowed`. */
static bool count_characters(const struct json *value, const char *allowed, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < value->length; i++) {
        unsigned char byte = (unsigned char)value->text[i];
        bool control = byte < 0x20 || byte == 0x7f;
        if (control && (byte == '\0' || strchr(allowed, byte) == NULL)) {
            return false;
        }
        *count += (byte & 0xc0U) != 0x80U;
    }
    return true;
}

/* Returns whether the text has only spaces of any width: U+0020, U+00A0, U+2000 to U+200B, U+3000. */
static bool is_blank(const char *text)
{
    for (const char *at = text; *at != '\0';) {
        if (*at == ' ') {
            at++;
        } else if (strncmp(at, "\xc2\xa0", 2) == 0) {
            at += 2;
        } else if (strncmp(at, "\xe3\x80\x80", 3) == 0 ||
                   (strncmp(at, "\xe2\x80", 2) == 0 && (unsigned char)at[2] >= 0x80 && (unsigned char)at[2] <= 0x8b)) {
            at += 3;
        } else {
            return false;
        }
    }
    return true;
}

static bool read_text(const struct json *object, const char *name, enum fields_need need, const char *allowed,
                      size_t least, size_t most, const char **out, struct field_errors *field_errors)
{
    size_t count = 0;
    const struct json *value = find(object, name, need, field_errors);
    if (value == NULL) {
        return false;
    }
    if (value->type != JSON_STRING) {
        field_errors_add(field_errors, name, FIELD_NOT_A_STRING);
    } else if (!count_characters(value, allowed, &count)) {
        field_errors_add(field_errors, name, FIELD_CONTROL_CHARACTER);
    } else if (count < least) {
        field_errors_add_one(field_errors, name, FIELD_TOO_SHORT, parameter_number("min", (int64_t)least));
    } else if (count > most) {
        field_errors_add_one(field_errors, name, FIELD_TOO_LONG, parameter_number("max", (int64_t)most));
    } else {
        *out = value->text;
        return true;
    }
    return false;
}

bool fields_text(const struct json *object, const char *name, enum fields_need need, size_t least, size_t most,
                 const char **out, struct field_errors *field_errors)
{
    return read_text(object, name, need, "\n\t", least, most, out, field_errors);
}

bool fields_name(const struct json *object, const char *name, enum fields_need need, size_t least, size_t most,
                 const char **out, struct field_errors *field_errors)
{
    const char *text = NULL;
    if (!read_text(object, name, need, "", least, most, &text, field_errors)) {
        return false;
    }
    if (*text != '\0' && is_blank(text)) {
        field_errors_add(field_errors, name, FIELD_BLANK);
        return false;
    }
    *out = text;
    return true;
}

bool fields_line(const char *text, size_t most)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f) {
            return false;
        }
        count += (byte & 0xc0U) != 0x80U;
    }
    return count <= most;
}

static void add_range_error(const char *name, int64_t least, int64_t most, struct field_errors *field_errors)
{
    if (most == INT64_MAX) {
        field_errors_add_one(field_errors, name, FIELD_NUMBER_TOO_SMALL, parameter_number("min", least));
    } else {
        field_errors_add_two(field_errors, name, FIELD_INVALID_NUMBER, parameter_number("min", least),
                             parameter_number("max", most));
    }
}

bool fields_int(const struct json *object, const char *name, enum fields_need need, int64_t least, int64_t most,
                int64_t *out, struct field_errors *field_errors)
{
    const struct json *value = find(object, name, need, field_errors);
    if (value == NULL) {
        return false;
    }
    if (!json_int(value, least, most, out)) {
        add_range_error(name, least, most, field_errors);
        return false;
    }
    return true;
}

bool fields_bool(const struct json *object, const char *name, enum fields_need need, bool *out,
                 struct field_errors *field_errors)
{
    const struct json *value = find(object, name, need, field_errors);
    if (value == NULL) {
        return false;
    }
    if (value->type != JSON_BOOL) {
        field_errors_add(field_errors, name, FIELD_NOT_A_BOOLEAN);
        return false;
    }
    *out = value->truth;
    return true;
}

bool fields_uuid(const struct json *object, const char *name, enum fields_need need, struct uuid *out,
                 struct field_errors *field_errors)
{
    const struct json *value = find(object, name, need, field_errors);
    if (value == NULL) {
        return false;
    }
    if (value->type != JSON_STRING || !uuid_parse(value->text, value->length, out)) {
        field_errors_add(field_errors, name, FIELD_NOT_A_UUID);
        return false;
    }
    return true;
}

bool fields_time(const struct json *object, const char *name, enum fields_need need, int64_t *ms,
                 struct field_errors *field_errors)
{
    const struct json *value = find(object, name, need, field_errors);
    if (value == NULL) {
        return false;
    }
    if (value->type != JSON_STRING || !clock_parse(value->text, ms)) {
        field_errors_add(field_errors, name, FIELD_NOT_A_TIME);
        return false;
    }
    return true;
}

enum fields_money fields_money(const struct json *object, const char *name, int64_t *minor)
{
    const struct json *value = json_member(object, name);
    if (value == NULL || value->type == JSON_NULL) {
        return FIELDS_MONEY_ABSENT;
    }
    if ((value->type != JSON_NUMBER && value->type != JSON_STRING) || !money_parse(value->text, value->length, minor) ||
        *minor == 0) {
        return FIELDS_MONEY_INVALID;
    }
    return FIELDS_MONEY_OK;
}

bool fields_words(const char *text, bool (*valid)(const char *word))
{
    enum { WORD_SIZE = 16 };
    for (;; text++) {
        char word[WORD_SIZE];
        size_t length = strcspn(text, ",");
        if (length >= sizeof(word)) {
            return false;
        }
        memcpy(word, text, length);
        word[length] = '\0';
        text += length;
        if (!valid(word)) {
            return false;
        }
        if (*text == '\0') {
            return true;
        }
    }
}
