/*
 * See field_errors.h.
 */
#include "gateway/http/field_errors.h"

#include <assert.h>
#include <string.h>

#include "common/base/json.h"

static const struct {
    const char *code;
    const char *sentence;
} entries[FIELD_CODE_COUNT] = {
#define FIELD_CODE_ENTRY(code, sentence) [FIELD_##code] = {#code, (sentence)},
    FIELD_CODES(FIELD_CODE_ENTRY)
#undef FIELD_CODE_ENTRY
};

/* A field's name comes from the client: it is cut if it is too long, but never within a UTF-8 character. */
static void copy_name(char out[static FIELD_NAME_SIZE], const char *field)
{
    size_t length = strlen(field);
    if (length >= FIELD_NAME_SIZE) {
        length = FIELD_NAME_SIZE - 1;
        while (length > 0 && ((unsigned char)field[length] & 0xc0U) == 0x80U) {
            length--;
        }
    }
    memcpy(out, field, length);
    out[length] = '\0';
}

/* The new error; NULL: there are enough. */
static struct field_error *add(struct field_errors *field_errors, const char *field, enum field_code code)
{
    if (field_errors->count == FIELD_ERRORS_MAX) {
        return NULL;
    }
    struct field_error *error = &field_errors->list[field_errors->count++];
    copy_name(error->field, field);
    error->code = code;
    error->parameter_count = 0;
    return error;
}

void field_errors_add(struct field_errors *field_errors, const char *field, enum field_code code)
{
    (void)add(field_errors, field, code);
}

void field_errors_add_one(struct field_errors *field_errors, const char *field, enum field_code code,
                          struct parameter parameter)
{
    struct field_error *error = add(field_errors, field, code);
    if (error != NULL) {
        error->parameters[error->parameter_count++] = parameter;
    }
}

void field_errors_add_two(struct field_errors *field_errors, const char *field, enum field_code code,
                          struct parameter first, struct parameter second)
{
    struct field_error *error = add(field_errors, field, code);
    if (error != NULL) {
        error->parameters[error->parameter_count++] = first;
        error->parameters[error->parameter_count++] = second;
    }
}

static void put(struct jsonw *json, const struct field_error *error)
{
    char sentence[SENTENCE_SIZE];
    bool whole = sentence_write(entries[error->code].sentence, error->parameters, error->parameter_count, sentence);
    assert(whole); /* the caller has named each parameter of the code */
    jsonw_object(json);
    jsonw_put_string(json, "field", error->field);
    jsonw_put_string(json, "code", entries[error->code].code);
    jsonw_put_string(json, "message", whole ? sentence : entries[error->code].code);
    sentence_put_parameters(json, error->parameters, error->parameter_count);
    jsonw_end_object(json);
}

void field_errors_put(struct jsonw *json, const struct field_errors *field_errors)
{
    assert(field_errors->count > 0);
    jsonw_name(json, "fields");
    jsonw_array(json);
    for (size_t i = 0; i < field_errors->count; i++) {
        put(json, &field_errors->list[i]);
    }
    jsonw_end_array(json);
}
